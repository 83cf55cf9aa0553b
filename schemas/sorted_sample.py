"""A sample of numbers as its distinct values: sorted or counted once, for distances, ranks, bins and correlations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class SortedSample:
    """(n_points,) distinct ``points`` in ascending order, how often each occurs, and each row's place among them.

    A missing row's place is n_points, so that an array with one entry more than there are points answers for all rows.
    """

    points: Reals
    counts: Counts
    places: Places

    @classmethod
    def of(cls, values: Reals) -> "SortedSample":
        """Of (n_rows,) numbers, NaN where missing."""
        missing = np.isnan(values)
        if not missing.any():
            return cls(*(_counted(values) or _sorted(values)))
        found = cls.of(values[~missing])
        places = np.full(len(values), len(found.points), dtype=np.int32)
        places[~missing] = found.places
        return cls(found.points, found.counts, places)

    @property
    def present(self) -> int:
        """How many rows are not missing."""
        return int(self.counts.sum())

    @property
    def whole(self) -> bool:
        """Whether no row is missing."""
        return self.present == len(self.places)

    def midranks(self) -> Reals:
        """(n_points,) ranks from 1, ties sharing their mean."""
        return np.asarray(np.cumsum(self.counts) - (self.counts - 1) / 2)

    def at(self, order: int) -> float:
        """The value that stands at that place, from 0, among all present ones in ascending order."""
        return float(self.points[np.searchsorted(np.cumsum(self.counts), order, side="right")])


def pooled(samples: Sequence[SortedSample]) -> tuple[Reals, Counts]:
    """Distinct points of all samples in ascending order, and how often each occurs."""
    held = [sample for sample in samples if len(sample.points)]
    if len(held) == 1:
        return held[0].points, held[0].counts
    if not held:
        return np.zeros(0), np.zeros(0, dtype=np.int64)
    points, places = np.unique(np.concatenate([sample.points for sample in held]), return_inverse=True)
    counts = np.bincount(places, np.concatenate([sample.counts for sample in held]), minlength=len(points))
    return points, counts.astype(np.int64)


Parts = tuple[Reals, Counts, Places]


def _counted(values: Reals) -> Parts | None:
    """By counting, where all are whole numbers in a range that is not much wider than the rows are many."""
    low, high = float(values.min(initial=np.inf)), float(values.max(initial=-np.inf))
    if not high - low < 4 * len(values) or low != np.rint(low):
        return None
    offsets = (values - low).astype(np.int32)
    if not bool((low + offsets == values).all()):
        return None
    counts: Counts = np.bincount(offsets).astype(np.int64, copy=False)
    occupied = np.flatnonzero(counts)
    if len(occupied) == len(counts):
        return (low + occupied).astype(np.float64), counts, offsets
    place = np.zeros(len(counts), dtype=np.int32)
    place[occupied] = np.arange(len(occupied), dtype=np.int32)
    return (low + occupied).astype(np.float64), counts[occupied], place.take(offsets, mode="clip")


def _sorted(values: Reals) -> Parts:
    order = np.argsort(values)
    ascending = values[order]
    new = np.ones(len(values), dtype=bool)
    np.not_equal(ascending[1:], ascending[:-1], out=new[1:])
    places = np.empty(len(values), dtype=np.int32)
    places[order] = np.cumsum(new, dtype=np.int32) - 1
    starts = np.flatnonzero(new)
    return ascending[starts], np.diff(starts, append=len(values)), places
