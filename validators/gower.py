"""Exact nearest neighbours under Gower's distance, quick enough for a gate on one core.

Distance: the mean over columns of 1 for unequal categories, and of the absolute difference over the
range from the 0.5 % to the 99.5 % quantile for numbers (so one outlier cannot blind a column). A missing cell
equals a missing one; against a present one it costs 1 plus that one's distance to the median.
Source: Gower 1971. Categories are counted as bytes and bound the distance from below, so that only the
pairs that could be nearest are measured in float64; copies are exactly zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from schemas.contract import Column
from validators.encoding import identities, is_category, numbers

if TYPE_CHECKING:
    import pandas as pd

BLOCK = 128
WINDOW = 2_048
"""Targets of the first search."""
MOST_TWINS = 500
PAIRS_AT_ONCE = 2_000_000
FAR = 1e9
DENSE = 0.2
"""Above this share of candidate pairs, whole blocks are cheaper than single pairs."""
Owners = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Points:
    """Rows ready to be measured: (n, p) float64 scaled numbers and (n, q) int32 codes of what is compared for
    equality.
    """

    scaled: Reals
    codes: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.scaled)

    def take(self, rows: Any) -> "Points":
        return Points(self.scaled[rows], self.codes[rows])

    @property
    def width(self) -> int:
        """Columns that count."""
        return int(self.scaled.shape[1] + self.codes.shape[1])


def points(tables: Sequence["pd.DataFrame"], columns: Sequence[Column], fitted_on: int) -> tuple[Points, ...]:
    """The tables on one scale, which the first ``fitted_on`` of them set."""
    sizes = [len(table) for table in tables]
    fitted = sum(sizes[:fitted_on])
    categories = [column for column in columns if is_category(column)]
    book = identities(tables, categories) if categories else None
    codes = [np.concatenate([book.codes(table) for table in tables])] if book else []
    scaled = []
    for column in (column for column in columns if not is_category(column)):
        values = np.concatenate([numbers(table, column) for table in tables])
        missing = np.isnan(values)
        scaled.append(_scale(values, fitted))
        if missing.any():
            codes.append(missing[:, None].astype(np.int32))
    rows = sum(sizes)
    reals = np.column_stack(scaled) if scaled else np.zeros((rows, 0))
    equal = np.concatenate(codes, axis=1) if codes else np.zeros((rows, 0), dtype=np.int32)
    ends = np.cumsum([0, *sizes])
    return tuple(Points(reals[a:b], equal[a:b]) for a, b in pairwise(ends))


def _scale(values: Reals, fitted: int) -> Reals:
    present = values[:fitted][~np.isnan(values[:fitted])]
    if not len(present):
        return np.zeros(len(values))
    low, middle, high = np.quantile(present, [0.005, 0.5, 0.995])
    with np.errstate(over="ignore", invalid="ignore"):
        width = high - low or present.max() - present.min() or 1.0
        scaled = (values - middle) / width
    # Missing cells stand at the median; a distance beyond float64's reach is merely very far.
    clipped: Reals = np.clip(np.nan_to_num(scaled, nan=0.0), -FAR, FAR)
    return clipped


def nearest(queries: Points, targets: Points, owners: tuple[Owners, Owners] | None = None) -> Reals:
    """(n_queries,) distance to the nearest target, exact; infinite where there is none.

    ``owners`` names whose row each query and target is; rows of one owner are not neighbours of each other.
    Rows whose every category has a twin are looked for there first. The sum of a row's scaled numbers moves by no more
    than the distance does: targets lie sorted by it, a window of them is searched, and rows whose nearest might lie
    outside it are searched again in a wider one.
    """
    if not len(targets) or not len(queries):
        return np.full(len(queries), np.inf)
    found = _among_twins(queries, targets, owners)
    at, place = queries.scaled.sum(axis=1), targets.scaled.sum(axis=1)
    order = np.argsort(place, kind="stable")
    search = _Search(targets.take(order), place[order], owners[1][order] if owners is not None else None)
    pending = np.argsort(at, kind="stable")
    # Whoever is no twin is at least one category, and so a distance of 1, away.
    pending, width = pending[found[pending] > 1], WINDOW if targets.scaled.shape[1] else len(targets)
    while len(pending):
        settled = np.zeros(len(pending), dtype=bool)
        for start in range(0, len(pending), BLOCK):
            rows = pending[start : start + BLOCK]
            window, gaps = search.window(at[rows], width)
            found[rows] = search.block(queries.take(rows), window, owners[0][rows] if owners is not None else None)
            settled[start : start + BLOCK] = found[rows] <= gaps
        pending, width = pending[~settled], width * 4
    return found / max(1, queries.width)


def _among_twins(queries: Points, targets: Points, owners: tuple[Owners, Owners] | None) -> Reals:
    """Distance to the nearest target that has all the query's categories; infinite where there is none, or too many."""
    found = np.full(len(queries), np.inf)
    _, group = np.unique(np.concatenate([queries.codes, targets.codes]), axis=0, return_inverse=True)
    group = group.ravel()
    mine, theirs = group[: len(queries)], group[len(queries) :]
    order = np.argsort(theirs, kind="stable")
    first = np.searchsorted(theirs, mine, sorter=order)
    count = np.searchsorted(theirs, mine, side="right", sorter=order) - first
    rows = np.flatnonzero((count > 0) & (count <= MOST_TWINS))
    for part in np.array_split(rows, 1 + int(count[rows].sum()) // PAIRS_AT_ONCE):
        if len(part):
            ends = np.cumsum(count[part])
            row = np.repeat(part, count[part])
            column = order[np.arange(ends[-1]) - np.repeat(ends - count[part], count[part]) + first[row]]
            total = _apart(queries, targets, row, column)
            if owners is not None:
                total[owners[0][row] == owners[1][column]] = np.inf
            found[part] = np.minimum.reduceat(total, ends - count[part])
    return found


def _apart(queries: Points, targets: Points, row: Owners, column: Owners) -> Reals:
    """Summed differences of the scaled numbers of pairs of rows, in float64."""
    total = np.zeros(len(row))
    for j in range(targets.scaled.shape[1]):
        total += np.abs(queries.scaled[row, j] - targets.scaled[column, j])
    return total


class _Search:
    """Sorted targets and buffers; codes lie column by column, as narrow as they fit."""

    def __init__(self, targets: Points, place: Reals, owner: Owners | None) -> None:
        self.targets, self.place, self.owner = targets, place, owner
        self.kind: Any = np.uint8 if targets.codes.shape[1] < 255 else np.uint16
        columns = [np.ascontiguousarray(targets.codes[:, j]) for j in range(targets.codes.shape[1])]
        self.narrow: list[Any] = [column.astype(np.uint8) if column.max() < 256 else column for column in columns]
        self.float32 = [
            np.ascontiguousarray(targets.scaled[:, j], dtype=np.float32) for j in range(targets.scaled.shape[1])
        ]

    def window(self, at: Reals, width: int) -> tuple[slice, Reals]:
        """About ``width`` targets around sorted places, and how far every target outside is from each place at
        least.
        """
        first = max(0, int(np.searchsorted(self.place, at[0])) - width // 2)
        last = min(len(self.place), int(np.searchsorted(self.place, at[-1], side="right")) + width // 2)
        left = at - self.place[first - 1] if first > 0 else np.full(len(at), np.inf)
        right = self.place[last] - at if last < len(self.place) else np.full(len(at), np.inf)
        return slice(first, last), np.minimum(left, right)

    def block(self, queries: Points, window: slice, owner: Owners | None) -> Reals:
        """Distances, not yet divided by the number of columns, to the nearest target in the window."""
        count = self._mismatches(queries, window)
        best = np.full(len(queries), np.inf)
        never = np.iinfo(self.kind).max
        if owner is not None and self.owner is not None:
            count[owner[:, None] == self.owner[None, window]] = never
        tier = count.min(axis=1, initial=never).astype(np.int64)
        open_rows = np.flatnonzero(tier < never)
        while len(open_rows):
            rows = count if len(open_rows) == len(count) else count[open_rows]
            self._measure(queries, open_rows, window, rows == tier[open_rows, None].astype(self.kind), tier, best)
            # Every pair not yet measured has at least one category more apart.
            tier[open_rows] += 1
            open_rows = open_rows[(best[open_rows] > tier[open_rows]) & (tier[open_rows] <= queries.codes.shape[1])]
        return best

    def _mismatches(self, queries: Points, window: slice) -> Any:
        size = (len(queries), window.stop - window.start)
        count, unequal = np.zeros(size, dtype=self.kind), np.empty(size, dtype=bool)
        for j, column in enumerate(self.narrow):
            mine = queries.codes[:, j]
            # A code that no target has must not wrap into one that they have.
            np.not_equal(mine.astype(column.dtype)[:, None], column[None, window], out=unequal)
            if column.dtype == np.uint8:
                unequal[mine > 255] = True
            np.add(count, unequal.view(np.uint8), out=count)
        return count

    def _measure(
        self, queries: Points, rows: npt.NDArray[np.int64], window: slice, wanted: Any, tier: Any, best: Reals
    ) -> None:
        if self.float32 and np.count_nonzero(wanted) > DENSE * wanted.size:
            wanted = self._promising(queries.scaled[rows], window, wanted)
        row, column = np.nonzero(wanted)
        if not len(row):
            return
        total = _apart(queries, self.targets, rows[row], window.start + column)
        starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]])
        at = rows[row[starts]]
        best[at] = np.minimum(best[at], np.minimum.reduceat(total, starts) + tier[at])

    def _promising(self, scaled: Reals, window: slice, wanted: Any) -> Any:
        """Of many candidates those that float32 cannot tell from the nearest; float64 then decides."""
        total = np.zeros(wanted.shape, dtype=np.float32)
        step = np.empty(wanted.shape, dtype=np.float32)
        for j, column in enumerate(self.float32):
            np.subtract(scaled[:, j, None].astype(np.float32), column[None, window], out=step)
            np.add(total, np.abs(step, out=step), out=total)
        total[~wanted] = np.inf
        least = total.min(axis=1, keepdims=True)
        return wanted & (total <= least * (1 + 1e-5) + 1e-6 * (1 + np.abs(scaled).max(axis=1, keepdims=True)))
