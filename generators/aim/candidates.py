"""The workload: which tables may be measured next, by what is published, and how far the model is from each."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generators.aim.joint import Clique
from generators.arrays import Ints
from generators.marginals.coding import Coding
from generators.marginals.measurement import Measured

MOST_CANDIDATES = 1_500
MOST_CELLS = 8_192
TARGET_WEIGHT = 2
"""A gap in a table with the target counts this often; every weight is a whole number, so that scores are."""
BIAS = math.sqrt(2 / math.pi)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A table of the workload and how much its gap counts."""

    clique: Clique
    weight: int


def candidates(measured: Measured, target: int | None) -> list[Candidate]:
    """Pairs (fine), then triples with the target (the others coarse) or of any columns where there is none.

    The most informative first, by the noisy pair tables; tables of more than ``MOST_CELLS`` cells are left out.
    """
    codings = measured.codings
    live = [index for index, coding in enumerate(codings) if coding.fine_cells > 1]
    known = {(table.left, table.right): table.information for table in measured.tables}
    pairs = sorted(itertools.combinations(live, 2), key=lambda pair: (-_information(known, pair), pair))
    found = [Candidate(_pair(pair, target, codings), TARGET_WEIGHT if target in pair else 1) for pair in pairs]
    triples = [triple for triple in itertools.combinations(live, 3) if target is None or target in triple]
    triples.sort(key=lambda triple: (-_information(known, *itertools.combinations(triple, 2)), triple))
    weight = 1 if target is None else TARGET_WEIGHT
    found += [
        Candidate(Clique(triple, tuple(column == target for column in triple)), weight)
        for triple in triples[:MOST_CANDIDATES]
    ]
    fitting = [one for one in found if 1 < math.prod(one.clique.shape(codings)) <= MOST_CELLS]
    return fitting[:MOST_CANDIDATES]


def gap(answer: Ints, expected: Ints, deviation: float, scale: float) -> int:
    """How far the model's counts are from the answer in L1, beyond what the noise of a measurement and of the
    synthetic rows (each worth ``scale`` rows) would make of no difference at all. Whole numbers; one row moves it by 1.
    """
    noise = BIAS * float(np.sqrt(deviation**2 + scale * expected).sum())
    return int(np.abs(answer - expected).sum()) - round(noise)


def _pair(pair: tuple[int, int], target: int | None, codings: Sequence[Coding]) -> Clique:
    """Fine cells, unless the table would be too large."""
    fine = Clique(pair, (True, True))
    return (
        fine if math.prod(fine.shape(codings)) <= MOST_CELLS else Clique(pair, (pair[0] == target, pair[1] == target))
    )


def _information(known: dict[tuple[int, int], float], *pairs: tuple[int, int]) -> float:
    return sum(known.get(pair, known.get(pair[::-1], 0.0)) for pair in pairs)
