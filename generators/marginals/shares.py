"""How the budget is divided: a function of the number of columns and the noisy number of rows only."""

import math
from dataclasses import dataclass

TOTAL = 0.01
LARGEST_BINS = 32
LABELLED = 0.32
"""The share of the pairs' budget that goes to the pairs with the target, where rows are plenty."""
CROWDED = 8
"""Columns from which scarce rows move the budget away from pairs: fewer columns leave each pair enough."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of mu^2 for each stage (1 - ``TOTAL`` at most in all), and how fine to bin: post-processing of n."""

    one_ways: float
    leaves: float
    target_pairs: float
    other_pairs: float
    mass: float
    """noisy n times mu: how many standard deviations of one full-budget count the whole table weighs."""
    triples: float = 0.0

    def setting_aside(self, share: float) -> "Shares":
        """With ``share`` of the pairs' kept for triples; what these leave goes into the second look."""
        pairs = self.target_pairs + self.other_pairs
        kept = max(0.1, 1 - share / pairs) if pairs > 0 else 1.0
        return Shares(
            self.one_ways, self.leaves, self.target_pairs * kept, self.other_pairs * kept, self.mass, pairs * (1 - kept)
        )

    def coarse_bins(self, pairs: int, coarseness: float) -> int:
        """Bins of a column in a pair without the target: cells balance noise against resolution."""
        if pairs == 0 or self.other_pairs <= 0:
            return 16
        bins = math.sqrt(0.28 * self.mass * math.sqrt(self.other_pairs / pairs)) / coarseness
        return max(2, min(LARGEST_BINS, round(bins)))

    def fine_bins(self, columns: int, classes: int, coarse: int, coarseness: float) -> int:
        """Bins of a column in its pair with the target (``classes`` cells)."""
        if self.target_pairs <= 0 or columns < 2:
            return min(LARGEST_BINS, 2 * coarse)
        bins = 0.28 * self.mass * math.sqrt(self.target_pairs / (columns - 1)) / classes / coarseness
        return max(coarse, min(LARGEST_BINS, round(bins)))

    def target_bins(self, columns: int) -> int:
        """Bins of a numeric target."""
        if columns < 2:
            return LARGEST_BINS
        return max(2, min(16, round(math.sqrt(0.28 * self.mass * math.sqrt(self.target_pairs / (columns - 1))))))


def shares_of(columns: int, trees: int, rows: float, mu: float, has_target: bool) -> Shares:
    """The division for ``columns`` modelled columns, of which ``trees`` need leaves; scarcer data in many columns
    moves more into one-ways and leaves.
    """
    mass = max(rows, 1.0) * mu
    crowding = min(1.0, columns / CROWDED) ** 2
    scarcity = max(1.0, (math.sqrt(columns) * crowding / mass / 3.6e-4) ** (1 / 3))
    one_ways = min(0.10 * scarcity, 0.20)
    leaves = min(0.15 * scarcity, 0.22) * min(1.0, trees / (0.25 * columns)) if trees else 0.0
    pairs = 1 - TOTAL - one_ways - leaves
    if columns == 1:
        return Shares(one_ways + pairs, leaves, 0.0, 0.0, mass) if not trees else Shares(0.2, 0.79, 0.0, 0.0, mass)
    if not has_target:
        return Shares(one_ways, leaves, 0.0, pairs, mass)
    target = pairs if columns == 2 else pairs * min(LABELLED * scarcity, 0.55)
    return Shares(one_ways, leaves, target, pairs - target, mass)
