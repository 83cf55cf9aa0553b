"""Whether what singles out a synthetic row singles out somebody who was fitted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from schemas.finding import Finding, Gate
from validators.encoding import Codes
from validators.privacy.excess import paired
from validators.privacy.pool import Integers
from validators.protocol import Evidence
from validators.statistics import Z95, Estimate, Reals, generator
from validators.verdicts import hold, require
from validators.views import codebook, codes

LEAST = 200
ROWS = 32_768
SETS = 150
EACH = 50
"""Column sets tried, and predicates of each at most."""
WIDTHS = (2, 3, 4)
REDRAWN = 100


@dataclass(frozen=True, slots=True)
class SinglingOut:
    """Excess of the share of predicates that isolate exactly one unit among training records over the same among as
    many held-out ones.

    A predicate is the bins of two to four columns of one synthetic row that no other synthetic row shares; it is made
    from the synthetic table alone. Held-out records are holdout and reference; the larger side is cut down by seed, so
    that both isolate equally often without a leak, whatever the predicates. A table in which no row stands out by so
    few columns has no predicates and singles nobody out. Fails only where the lower bound exceeds the limit; the
    interval counts units that fulfil many predicates, by drawing the sides anew.
    """

    metric: str = "singling_out"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` below 200 units a side, 100 synthetic rows, or two columns."""
        require(len(evidence.synthetic), LEAST // 2, "synthetic rows")
        require(len(evidence.contract.modelled), WIDTHS[0], "columns to conjoin")
        rng = generator(evidence.seed, self.metric)
        sides = _sides(evidence, rng)
        fake = codes(evidence, evidence.synthetic)[rng.permutation(len(evidence.synthetic))[:ROWS]]
        tried = list(_tried(fake, sides, codebook(evidence).sizes, rng))
        ours, theirs = (np.concatenate([np.zeros(0), *(pair[side].isolates for pair in tried)]) for side in (0, 1))
        found = _excess(tried, ours - theirs, sides[0].units, rng)
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                found.value,
                interval=found.interval,
                rule="confident",
                baseline=0.0,
                support=sides[0].units + sides[1].units,
                samples={"synthetic": len(fake), "members": sides[0].units, "non_members": sides[1].units},
                detail={
                    "predicates": len(ours),
                    "column_sets": len(tried),
                    "isolating_members": float(ours.mean()) if len(ours) else 0.0,
                    "isolating_non_members": float(theirs.mean()) if len(ours) else 0.0,
                },
            ),
        )


@dataclass(frozen=True, slots=True)
class Side:
    """(n_rows, n_columns) bin codes and (n_rows,) units numbered from 0."""

    codes: Codes
    unit: Integers

    @property
    def units(self) -> int:
        return int(self.unit.max(initial=-1)) + 1


def _sides(evidence: Evidence, rng: np.random.Generator) -> tuple[Side, Side]:
    """Equally many units of either side, at most as many as rows are looked at."""
    train, holdout, reference = (
        codes(evidence, table) for table in (evidence.train, evidence.holdout, evidence.reference)
    )
    units = evidence.entities or tuple(np.arange(len(part)) for part in (train, holdout, reference))
    others = np.concatenate([units[1], units[2] + (len(holdout) if evidence.entities is None else 0)])
    pairs = ((train, units[0]), (np.concatenate([holdout, reference]), others))
    distinct = [np.unique(unit) for _, unit in pairs]
    even = min(ROWS, *map(len, distinct))
    require(even, LEAST, "units on either side")
    first, second = (
        _cut(table, unit, rng.permutation(known)[:even]) for (table, unit), known in zip(pairs, distinct, strict=True)
    )
    return first, second


def _cut(table: Codes, unit: Integers, kept: Integers) -> Side:
    rows = np.isin(unit, kept)
    return Side(table[rows], np.unique(unit[rows], return_inverse=True)[1].astype(np.int64))


@dataclass(frozen=True, slots=True)
class Matched:
    """(n_predicates,) how many units of a side fulfil each, and which: pairs of ``predicate`` and ``unit``."""

    counts: Integers
    predicate: Integers
    unit: Integers

    @property
    def isolates(self) -> Reals:
        """1 where exactly one unit fulfils the predicate."""
        return np.asarray(self.counts == 1, dtype=np.float64)


def _tried(
    fake: Codes, sides: tuple[Side, Side], sizes: tuple[int, ...], rng: np.random.Generator
) -> Iterator[tuple[Matched, Matched]]:
    """For each column set who fulfils its predicates on either side."""
    for _ in range(SETS):
        width = min(int(rng.choice(WIDTHS)), len(sizes))
        chosen = rng.choice(len(sizes), width, replace=False)
        keys, counts = np.unique(_keys(fake, chosen, sizes), return_counts=True)
        predicates = np.sort(rng.permutation(keys[counts == 1])[:EACH])
        if len(predicates):
            ours, theirs = (_matched(predicates, side, chosen, sizes) for side in sides)
            yield ours, theirs


def _excess(tried: list[tuple[Matched, Matched]], differences: Reals, even: int, rng: np.random.Generator) -> Estimate:
    """Mean difference; its deviation that of paired differences, or of sides drawn anew from all units if that is more.

    One unit fulfils many predicates, which paired differences take to be independent.
    """
    found = paired(differences)
    half = max((found.upper - found.lower) / 2, Z95 * _deviation(tried, even, rng))
    return Estimate(found.value, max(-1.0, found.value - half), min(1.0, found.value + half))


def _deviation(tried: list[tuple[Matched, Matched]], even: int, rng: np.random.Generator) -> float:
    """Standard deviation of the mean difference where each side is a random half of all ``2 * even`` units."""
    if not tried:
        return 0.0
    starts = np.cumsum([0, *(len(ours.counts) for ours, _ in tried)])
    predicate = np.concatenate([
        start + side.predicate for start, pair in zip(starts, tried, strict=False) for side in pair
    ])  # fmt: skip
    unit = np.concatenate([even * k + side.unit for pair in tried for k, side in enumerate(pair)])
    means = []
    for _ in range(REDRAWN):
        ours = (rng.permutation(2 * even) < even)[unit]
        counts = [np.bincount(predicate[part], minlength=starts[-1]) for part in (ours, ~ours)]
        means.append(float((counts[0] == 1).mean() - (counts[1] == 1).mean()))
    return float(np.std(means))


def _keys(table: Codes, chosen: Integers, sizes: tuple[int, ...]) -> Integers:
    """One number for the codes of the chosen columns; four columns of a few dozen codes stay far below 2^63."""
    keys = np.zeros(len(table), dtype=np.int64)
    for j in chosen:
        keys = keys * sizes[j] + table[:, j]
    return keys


def _matched(predicates: Integers, side: Side, chosen: Integers, sizes: tuple[int, ...]) -> Matched:
    """Each unit counts once for a predicate, however many of its rows fulfil it."""
    keys = _keys(side.codes, chosen, sizes)
    place = np.minimum(np.searchsorted(predicates, keys), len(predicates) - 1)
    hit = predicates[place] == keys
    pairs = np.unique(place[hit] * np.int64(max(1, side.units)) + side.unit[hit])
    predicate, unit = np.divmod(pairs, max(1, side.units))
    return Matched(np.bincount(predicate, minlength=len(predicates)), predicate, unit)
