"""Triples: three-way tables of what no pair shows, declared in the contract or chosen with a little of the budget.

A pair of columns may carry the target only together (one alone says nothing). Candidates are scored by how far the
target's counts lie from what the published pairs explain without a three-way term; the exponential mechanism chooses
(``Meter.choose``), and the chosen tables are counted. A declared triple is public, so it is counted without a choice.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generators.arrays import Floats, Ints
from generators.marginals.tables import PairTable, Side
from generators.private.meter import Meter

CHOSEN = 2
CHOICE, COUNT = 0.002, 0.01
"""Shares of the budget for one choice (and as much again for its test), and for one count."""
LEAST_EFFECT = 0.08
"""A chosen triple is counted where the target's counts are off by this share of the rows at least."""
LEAST_MASS = 400.0
"""Noisy rows times mu below which nothing is chosen: a choice would be noise, and a table of three more so."""
MOST_CANDIDATES = 600
MOST_CELLS = 2_000
STEPS = 16
"""Scores are whole numbers of 1/STEPS rows."""

Triple = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class TripleTable:
    """Noisy joint masses of three columns on coarse cells, and the noise's standard deviation per cell."""

    columns: Triple
    masses: Floats
    deviation: float

    def seen_from(self, column: int) -> tuple[int, int, Floats]:
        """The other two columns, and masses of their joint cells x this column's."""
        place = self.columns.index(column)
        first, second = (other for other in self.columns if other != column)
        return first, second, np.moveaxis(self.masses, place, -1).reshape(-1, self.masses.shape[place])


def share_of_triples(declared: int, target: int | None, columns: int, mass: float) -> float:
    """What declared and chosen triples will cost in all; a function of published numbers only."""
    return declared * COUNT + _choices(target, columns, mass) * (2 * CHOICE + COUNT)


def measure_triples(
    meter: Meter,
    sides: dict[int, Side],
    tables: Sequence[PairTable],
    declared: Sequence[Triple],
    target: int | None,
    mass: float,
) -> list[TripleTable]:
    """Declared triples, then as many chosen ones as ``mass`` affords; ``sides`` and ``tables`` on coarse cells."""
    pairs = by_pair(tables)
    wanted = [triple for triple in declared if all(column in sides for column in triple)]
    if target in sides and target is not None:
        for number in range(_choices(target, len(sides), mass)):
            found = _chosen(meter, sides, pairs, target, wanted, number)
            wanted += found
            if not found:
                break
    return [_counted(meter, sides, pairs, triple) for triple in dict.fromkeys(wanted) if _fits(sides, pairs, triple)]


def by_pair(tables: Sequence[PairTable]) -> dict[tuple[int, int], Floats]:
    """The tables' masses by their columns, in either order."""
    pairs = {(table.left, table.right): table.masses for table in tables}
    return pairs | {(right, left): masses.T for (left, right), masses in pairs.items()}


def _choices(target: int | None, columns: int, mass: float) -> int:
    return CHOSEN if target is not None and columns >= 3 and mass >= LEAST_MASS else 0


def _fits(sides: dict[int, Side], pairs: dict[tuple[int, int], Floats], triple: Triple) -> bool:
    a, b, c = triple
    cells = sides[a].cells * sides[b].cells * sides[c].cells
    return cells <= MOST_CELLS and all(pair in pairs for pair in ((a, b), (a, c), (b, c)))


def _chosen(
    meter: Meter,
    sides: dict[int, Side],
    pairs: dict[tuple[int, int], Floats],
    target: int,
    known: list[Triple],
    number: int,
) -> list[Triple]:
    """One more triple with the target, by the exponential mechanism; none if it explains too little."""
    others = sorted(column for column in sides if column != target)
    near = sorted((b - a, a, b) for a in others for b in others if a < b)
    candidates = [(target, a, b) for _, a, b in near if (target, a, b) not in known]
    candidates = [triple for triple in candidates if _fits(sides, pairs, triple)][:MOST_CANDIDATES]
    if not candidates:
        return []
    scores = np.array([_score(sides, pairs, triple) for triple in candidates], dtype=np.int64)
    best = meter.choose(f"triple/{number}", scores, CHOICE, 2 * STEPS + 1)
    effect, deviation = meter.measure(f"triple/{number}/effect", scores[[best]], CHOICE, 2 + 1 / STEPS, STEPS)
    rows = float(pairs[candidates[best][1:]].sum())
    return [candidates[best]] if effect[0] > max(LEAST_EFFECT * rows, 3 * deviation) else []


def _score(sides: dict[int, Side], pairs: dict[tuple[int, int], Floats], triple: Triple) -> int:
    """How far the first column's counts given the other two lie from the pairs' account of them, less what chance
    alone gives, in 1/STEPS rows.

    A row moves its own cell by 1 - p and its neighbours along the first column by p each in sum: 2 at most.
    """
    counts = _counts(sides, triple)
    a, b, c = triple
    expected = without_interaction(pairs[a, b], pairs[a, c], pairs[b, c])
    chance = expected / np.maximum(expected.sum(axis=0), 1e-9)
    gap = np.abs(counts - chance * counts.sum(axis=0)).sum()
    noise = np.sqrt(2 / math.pi * expected * (1 - chance)).sum()
    return math.floor(STEPS * float(gap - noise))


def without_interaction(ab: Floats, ac: Floats, bc: Floats, rounds: int = 6) -> Floats:
    """(a, b, c) masses with the three pair tables as margins and no three-way term (iterative proportional fitting)."""
    ab, ac, bc = (np.maximum(table, 0.5) for table in (ab, ac, bc))
    cells = ab.shape[0] * bc.size
    found = np.full((ab.shape[0], *bc.shape), bc.sum() / cells)
    for _ in range(rounds):
        for axis, table in ((2, ab), (1, ac), (0, bc)):
            found = found * np.expand_dims(table / np.maximum(found.sum(axis=axis), 1e-9), axis)
    return found


def _counts(sides: dict[int, Side], triple: Triple) -> Ints:
    a, b, c = (sides[column] for column in triple)
    code = (a.codes * b.cells + b.codes) * c.cells + c.codes
    return np.bincount(code, minlength=a.cells * b.cells * c.cells).reshape(a.cells, b.cells, c.cells)


def _counted(meter: Meter, sides: dict[int, Side], pairs: dict[tuple[int, int], Floats], triple: Triple) -> TripleTable:
    a, b, c = triple
    expected = without_interaction(pairs[a, b], pairs[a, c], pairs[b, c])
    residual, deviation = measure_interaction(meter, triple, _counts(sides, triple), expected, COUNT)
    return TripleTable(triple, np.maximum(expected + residual, 0.0), deviation)


def measure_interaction(
    meter: Meter, triple: Triple, counts: Ints, expected: Floats, share: float
) -> tuple[Floats, float]:
    """The triply centred part of three columns' exact ``counts`` beyond the ``expected`` ones, and its deviation.

    A row moves the centred part by sqrt of the product of 1 - 1/d in L2, as for pairs.
    """
    sensitivity = math.sqrt(math.prod(1 - 1 / size for size in counts.shape))
    noisy, deviation = meter.measure("/".join(map(str, ("triple", *triple))), counts, share, sensitivity)
    return triply_centred(noisy - expected), deviation


def triply_centred(table: Floats) -> Floats:
    """Without its means along each of three axes."""
    for axis in range(3):
        table = table - table.mean(axis=axis, keepdims=True)
    return table
