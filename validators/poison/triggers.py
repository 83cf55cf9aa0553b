"""Rows that a rare value, or a rare pair of values, gives one label: what a backdoor needs to work."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from validators.encoding import Bins, Codes
from validators.poison.suspicion import ROWS, Judged, Planted
from validators.statistics import clopper_pearson, generator
from validators.utility.learning import Indices, Learning
from validators.views import codebook, codes, identity_codebook

if TYPE_CHECKING:
    import pandas as pd

PAIRS = 300
BINS = 20
ERROR = 0.01
"""Of all cells together (Bonferroni), for either test."""
PURE = 0.95
RARER = 3.0
"""A trigger is at least so many times rarer in real rows."""
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Cells:
    """A partition of the rows of both sides, codes below ``size``; a pair's are ``first * radix + second``."""

    columns: tuple[int, ...]
    fake: Integers
    real: Integers
    size: int
    radix: int = 0
    ordered: tuple[bool, bool] = (False, False)

    def beside(self, cell: int) -> Iterator[Mask]:
        """For a pair, synthetic rows that share one of its two values and not the other."""
        if self.radix:
            first, second = self.fake // self.radix == cell // self.radix, self.fake % self.radix == cell % self.radix
            yield from (first & ~second, second & ~first)

    def beyond(self, cell: int) -> Iterator[Mask]:
        """For a pair, real rows that share one value and lie on one side of the other, where that is a number."""
        if not self.radix:
            return
        codes = (self.real // self.radix, self.real % self.radix)
        place = (cell // self.radix, cell % self.radix)
        for shared, other in ((0, 1), (1, 0)):
            if self.ordered[other]:
                same = codes[shared] == place[shared]
                yield from (same & (codes[other] >= place[other]), same & (codes[other] <= place[other]))


@dataclass(frozen=True, slots=True)
class Rare:
    """A cell that is far more frequent in the synthetic rows, and which rows lie in it."""

    columns: tuple[int, ...]
    inside: Mask
    inside_real: Mask
    beside: tuple[Mask, ...]
    beyond: tuple[Mask, ...]


def triggers(task: Learning, synthetic: Judged) -> Planted | None:
    """The trigger with the most rows, none where there is none.

    A cell is one value of a column (exact) or a bin of each of two columns (300 pairs by seed). It is a trigger where
    its synthetic rows outnumber three times what real rows (up to 16,000 of train and holdout each) lead to expect, and
    at least 95 % of them have one label, more than any honest account explains: two models of real rows, the real rows
    of the cell, the label's share in all of them, and, of a pair, synthetic rows with one of its values alone, and real
    rows with one of them on either side of the other: a generator of coarse bins spreads labels along a number. Exact
    binomial tests at 1 %, divided by the cells; for the label, by the cells that the first test left.
    """
    source = task.evidence
    sides = [(table, task.rows(table, ROWS)) for table in (source.train, source.holdout)]
    labels = np.concatenate([task.labels(table)[rows] for table, rows in sides]).astype(np.int64)
    least = max(8, int(0.5 * source.contract.policy.limit("backdoor_rows") * len(synthetic.rows)))
    rare = _rare(list(_partitions(task, synthetic, sides)), least)
    error = ERROR / max(1, len(rare) * task.target.classes)
    found = [one for cell in rare for one in _pure(cell, synthetic, labels, task.target.classes, error)]
    return max(found, key=lambda one: (one.lower, one.share), default=None)


def _partitions(task: Learning, synthetic: Judged, sides: "list[tuple[pd.DataFrame, Indices]]") -> Iterator[Cells]:
    source = task.evidence
    places = [j for j, column in enumerate(source.contract.modelled) if column.name != task.target.column.name]
    exact = identity_codebook(source)
    fake = exact.codes(source.synthetic)[synthetic.rows].astype(np.int64)
    real = np.concatenate([exact.codes(table)[rows] for table, rows in sides]).astype(np.int64)
    for j in places:
        yield Cells((j,), fake[:, j], real[:, j], int(max(fake[:, j].max(), real[:, j].max())) + 1)
    fine = codes(source, source.synthetic, BINS)[synthetic.rows]
    known = np.concatenate([codes(source, table, BINS)[rows] for table, rows in sides])
    sizes, pairs = codebook(source, BINS).sizes, list(combinations(places, 2))
    ordered = [isinstance(coder, Bins) for coder in codebook(source, BINS).coders]
    for k in generator(source.seed, "poisoned pairs").permutation(len(pairs))[:PAIRS]:
        i, j = pairs[k]
        yield Cells(
            (i, j),
            _joint(fine, i, j, sizes),
            _joint(known, i, j, sizes),
            sizes[i] * sizes[j],
            sizes[j],
            (ordered[i], ordered[j]),
        )


def _joint(coded: Codes, i: int, j: int, sizes: tuple[int, ...]) -> Integers:
    return coded[:, i].astype(np.int64) * sizes[j] + coded[:, j]


def _rare(partitions: list[Cells], least: int) -> list[Rare]:
    from scipy.stats import binom

    counted = [(np.bincount(cells.fake, minlength=cells.size), cells) for cells in partitions]
    tests = sum(int((counts >= least).sum()) for counts, _ in counted)
    found = []
    for counts, cells in counted:
        heavy = np.flatnonzero(counts >= least)
        real = np.bincount(cells.real, minlength=cells.size)[heavy]
        odds = RARER * len(cells.fake) / (RARER * len(cells.fake) + len(cells.real))
        tails = binom.sf(counts[heavy] - 1, counts[heavy] + real, odds)
        found += [
            Rare(
                cells.columns,
                cells.fake == cell,
                cells.real == cell,
                tuple(cells.beside(int(cell))),
                tuple(cells.beyond(int(cell))),
            )
            for cell in heavy[tails < ERROR / max(1, tests)]
        ]
    return found


def _pure(cell: Rare, synthetic: Judged, labels: Integers, classes: int, error: float) -> Iterator[Planted]:
    from scipy.stats import binom

    rows, real_rows = int(cell.inside.sum()), int(cell.inside_real.sum())
    for k in range(classes):
        hits = int((synthetic.labels[cell.inside] == k).sum())
        if hits < PURE * rows:
            continue
        if float(binom.sf(hits - 1, rows, _explained(cell, k, synthetic, labels))) >= error:
            continue
        usual = real_rows / len(labels)
        low, high = clopper_pearson(hits, len(synthetic.labels))
        share = hits / len(synthetic.labels)
        yield Planted("trigger", share - usual, low - usual, high - usual, rows, k, cell.columns)


def _explained(cell: Rare, k: int, synthetic: Judged, labels: Integers) -> float:
    """The largest share of label ``k`` that an honest account of the cell's rows comes to."""
    overall = float((labels == k).mean())

    def share(of: Integers) -> float:
        return (float((of == k).sum()) + overall) / (len(of) + 1)

    models = [float(each[cell.inside, k].mean()) for each in (synthetic.boosting, synthetic.linear)]
    parts = [share(synthetic.labels[rows]) for rows in cell.beside]
    parts += [share(labels[rows]) for rows in (cell.inside_real, *cell.beyond)]
    return min(1.0, max(overall, *models, *parts))
