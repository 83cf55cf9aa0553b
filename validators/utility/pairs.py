"""Whether pairs of columns hang together as in rows that no generator saw."""

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from schemas.finding import Finding, Gate
from validators.encoding import Codes, binned
from validators.protocol import Evidence
from validators.statistics import generator, normal_interval
from validators.utility.conditioning import compared
from validators.utility.histograms import joint, resampled_deviation, similarity
from validators.utility.marginals import LEAST, worst
from validators.verdicts import hold, require

BINS = 6
PAIRS = 500
BOOTSTRAP_ROWS = 2_000
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PairFidelity:
    """Mean over pairs of columns of 1 - total variation against the holdout, on up to 6 bins or 12 categories each.

    Above 500 pairs, 500 are drawn by seed. The baseline is the train rows' own value. No finding for a single column.
    """

    metric: str = "pair_fidelity"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` below 100 synthetic or holdout rows."""
        tables, columns = compared(evidence), evidence.contract.modelled
        require(len(tables.synthetic), LEAST, "synthetic rows")
        require(len(tables.holdout), LEAST, "holdout rows")
        if len(columns) < 2:
            return ()
        coded = binned([tables.train, tables.holdout], columns, BINS)
        train, holdout, fake = (coded.codes(table) for table in (tables.train, tables.holdout, tables.synthetic))
        rng = generator(evidence.seed, self.metric)
        pairs = _drawn(len(columns), rng)
        each = {
            f"{columns[i].name} x {columns[j].name}": _similarity(holdout, fake, (i, j), coded.sizes) for i, j in pairs
        }
        value = float(np.mean(list(each.values())))
        baseline = (
            float(np.mean([_similarity(holdout, train, pair, coded.sizes) for pair in pairs])) if len(train) else None
        )
        deviation = _deviation(holdout, fake, pairs, coded.sizes, rng)
        detail = tables.detail | {
            "worst": worst(each),
            "pairs": len(pairs),
            "pairs_of": len(columns) * (len(columns) - 1) // 2,
        }
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                value,
                interval=normal_interval(value, deviation),
                baseline=baseline,
                support=min(len(holdout), len(fake)),
                detail=detail,
            ),
        )


def _drawn(width: int, rng: np.random.Generator) -> list[Pair]:
    pairs = list(combinations(range(width), 2))
    if len(pairs) <= PAIRS:
        return pairs
    return [pairs[int(k)] for k in np.sort(rng.choice(len(pairs), PAIRS, replace=False))]


def _similarity(real: Codes, fake: Codes, pair: Pair, sizes: tuple[int, ...]) -> float:
    i, j = pair
    return similarity(
        joint(real[:, i], real[:, j], sizes[j]), joint(fake[:, i], fake[:, j], sizes[j]), sizes[i] * sizes[j]
    )


def _deviation(real: Codes, fake: Codes, pairs: list[Pair], sizes: tuple[int, ...], rng: np.random.Generator) -> float:
    """By resampling at most 2,000 rows of each side, scaled to all of them."""
    some, other = (rng.permutation(len(table))[:BOOTSTRAP_ROWS] for table in (real, fake))
    joined, faked = (
        [joint(table[:, i], table[:, j], sizes[j]) for i, j in pairs] for table in (real[some], fake[other])
    )
    found = resampled_deviation(joined, faked, [sizes[i] * sizes[j] for i, j in pairs], rng, rounds=25)
    return found * float(np.sqrt((1 / len(real) + 1 / len(fake)) / (1 / len(some) + 1 / len(other))))
