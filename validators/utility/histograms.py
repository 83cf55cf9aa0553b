"""Total variation between coded tables, and what drawing the rows anew would do to it."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from schemas.dependence import Ints
from validators.encoding import Codes
from validators.statistics import Reals

SAMPLED_ROWS = 5_000
LEAST = 100
"""Rows that each side of a comparison of distributions must have."""


def shares(counts: Reals) -> Reals:
    """Counts over their total; zeros where there is none."""
    found: Reals = counts / max(1.0, float(counts.sum()))
    return found


def total_variation(left: Reals, right: Reals) -> float:
    """Half of the summed differences of the shares of two arrays of counts."""
    return 0.5 * float(np.abs(shares(left) - shares(right)).sum())


def noise(left: Reals, right: Reals) -> float:
    """What total variation two samples of these sizes show on average that were drawn from the shares of both."""
    each = [max(1.0, float(counts.sum())) for counts in (left, right)]
    both = shares(left + right)
    return 0.5 * float(np.sqrt(2 / np.pi * both * (1 - both) * sum(1 / size for size in each)).sum())


def joint(columns: list[Ints], sizes: list[int]) -> Ints:
    """(n_rows,) one code for each combination of the columns' codes, the last column running fastest."""
    keys = np.asarray(columns[0], dtype=np.intp)
    for codes, size in zip(columns[1:], sizes[1:], strict=True):
        keys = keys * size + codes
    return keys


Signed = tuple[Ints, Ints, Reals]
"""Keys of some real rows, keys of some synthetic rows, and for every key the sign of real minus synthetic share."""


def deviation(tables: Iterable[Signed], rows: tuple[int, int]) -> float:
    """Standard deviation of the mean total variation over ``tables`` when ``rows`` real and synthetic rows are drawn.

    By its influence function, the sign of the difference in a row's cell, taken over the rows whose keys are given;
    rows keep their columns together, so that it holds whatever hangs together.
    """
    scores: list[Reals] = []
    count = 0
    for real, fake, signs in tables:
        found = [signs.take(real, mode="clip"), signs.take(fake, mode="clip")]
        scores = [np.add(a, b, out=a) for a, b in zip(scores, found, strict=True)] if scores else found
        count += 1
    spread = sum(0.25 * float(score.var()) / max(1, size) for score, size in zip(scores, rows, strict=True))
    return float(np.sqrt(spread)) / max(1, count)


def sampled(rows: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """At most 5,000 row numbers, in order."""
    return np.sort(rng.choice(rows, min(rows, SAMPLED_ROWS), replace=False, shuffle=False))


def rows_of(codes: Codes, rows: npt.NDArray[np.int64]) -> Codes:
    """These rows of (n_rows, n_columns) ``codes``, each column's codes side by side in memory."""
    return np.take(codes.T, rows, axis=1).T


def split(flat: Reals, starts: Ints) -> list[Reals]:
    """The pieces of ``flat`` between ``starts``."""
    return [flat[a:b] for a, b in pairwise(starts)]
