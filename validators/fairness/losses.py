"""What a slice loses against real rows of the same slice: columns, pairs, coverage, learning, detection.

Every loss is a difference between the synthetic rows and as many real ones, so a small slice is not blamed for being
small: for fresh real rows each is 0 but for noise.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from validators.encoding import Codes
from validators.influence import Influenced, auc_of
from validators.protocol import Evidence
from validators.statistics import generator
from validators.utility.detection import LEAST as LEAST_TOLD
from validators.utility.detection import detected
from validators.utility.learning import Learning
from validators.utility.skill import quality
from validators.views import codebook, codes

ROWS = 4_000
PAIRS = 120
COARSE = 6
EXPECTED = 5
LEAST_OF_A_CLASS = 10
LEAST = 50
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Loss:
    """How much worse the synthetic rows are than real ones, and its standard error."""

    measure: str
    value: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows of each table are looked at."""

    synthetic: Mask
    train: Mask
    holdout: Mask


def losses(evidence: Evidence, task: Learning | None, rows: Rows) -> Iterator[Loss]:
    """All losses of these rows that can be measured; ``evidence`` as utility compares it."""
    rng = generator(evidence.seed, "slices")
    fake, train, held = (rng.permutation(np.flatnonzero(each)) for each in (rows.synthetic, rows.train, rows.holdout))
    size = min(len(fake), len(train), ROWS)
    fine, coarse = (
        tuple(
            codes(evidence, table, bins)[chosen]
            for table, chosen in (
                (evidence.synthetic, fake[:size]),
                (evidence.train, train[:size]),
                (evidence.holdout, held[:ROWS]),
            )
        )
        for bins in (20, COARSE)
    )
    sizes, few = codebook(evidence).sizes, codebook(evidence, COARSE).sizes
    yield _variation("columns", fine, [((j,), sizes[j]) for j in range(len(sizes))], sizes)
    pairs = list(combinations(range(len(few)), 2))
    chosen = rng.permutation(len(pairs))[:PAIRS]
    if pairs:
        yield _variation("pairs", coarse, [(pairs[k], few[pairs[k][0]] * few[pairs[k][1]]) for k in chosen], few)
    yield _coverage(fine[0], fine[1], sizes)
    yield from _learning(task, rows)
    yield from _detection(evidence, rows)


def _variation(
    measure: str,
    tables: tuple[Codes, ...],
    cells: list[tuple[tuple[int, ...], int]],
    sizes: tuple[int, ...],
) -> Loss:
    """Mean total variation of synthetic and holdout rows less that of train and holdout rows."""
    value, effects = 0.0, [np.zeros(len(table)) for table in tables]
    for columns, size in cells:
        coded = [_cell(table, columns, sizes) for table in tables]
        fake, train, held = (np.bincount(code, minlength=size) / max(1, len(code)) for code in coded)
        value += 0.5 * float(np.abs(fake - held).sum() - np.abs(train - held).sum())
        toward, base = np.sign(fake - held) / 2, np.sign(train - held) / 2
        for effect, code, slope in zip(effects, coded, (toward, -base, base - toward), strict=True):
            effect += slope[code]
    spread = sum(float(effect.var()) / max(1, len(effect)) for effect in effects)
    return Loss(measure, value / len(cells), float(np.sqrt(spread)) / len(cells))


def _cell(table: Codes, columns: tuple[int, ...], sizes: tuple[int, ...]) -> npt.NDArray[np.int64]:
    code = table[:, columns[0]].astype(np.int64)
    return code if len(columns) == 1 else code * sizes[columns[1]] + table[:, columns[1]]


def _coverage(fake: Codes, train: Codes, sizes: tuple[int, ...]) -> Loss:
    """Share of the cells common in train rows that the synthetic rows lack, beyond what chance leaves out."""
    lacking, chance, cells = 0, 0.0, 0
    for j, size in enumerate(sizes):
        expected = np.bincount(train[:, j], minlength=size)
        common = expected >= EXPECTED
        lacking += int((np.bincount(fake[:, j], minlength=size)[common] == 0).sum())
        chance += float(np.exp(-expected[common].astype(np.float64)).sum())
        cells += int(common.sum())
    share = lacking / max(1, cells)
    spread = max(share * (1 - share), chance / max(1, cells)) / max(1, cells)
    return Loss("coverage", share - chance / max(1, cells), float(np.sqrt(spread)))


def _learning(task: Learning | None, rows: Rows) -> Iterator[Loss]:
    """AUC of boosting fitted on train rows less that fitted on synthetic rows, on the slice's holdout rows; for
    numbers, the difference of squared errors over the target's variance.
    """
    if task is None:
        return
    source = task.evidence
    kept = rows.holdout[task.tested(source.holdout)]
    truth = task.truth(source.holdout)
    fake, real = (task.scores("boosting", table, source.holdout) for table in (source.synthetic, source.train))
    if task.target.task == "number":
        if int(kept.sum()) < LEAST or not truth.var() > 0:
            return
        each = ((truth - fake[:, 0]) ** 2 - (truth - real[:, 0]) ** 2)[kept] / truth.var()
        yield Loss("learning", float(each.mean()), float(each.std() / np.sqrt(len(each))))
        return
    counts = np.bincount(truth[kept].astype(np.int64), minlength=task.target.classes)
    if np.sort(counts)[-2] < LEAST_OF_A_CLASS:
        return
    lost = quality(real[kept], truth[kept], task.target).less(quality(fake[kept], truth[kept], task.target))
    yield Loss("learning", lost.value, lost.deviation)


def _detection(evidence: Evidence, rows: Rows) -> Iterator[Loss]:
    """AUC of the detector of the whole table on the slice's rows, above 1/2."""
    if min(len(evidence.synthetic), len(evidence.holdout)) < LEAST_TOLD:
        return
    apart = detected(evidence)
    left, right = rows.synthetic[apart.left], rows.holdout[apart.right]
    if min(int(left.sum()), int(right.sum())) < LEAST:
        return
    scores: Reals = np.concatenate([apart.left_scores[left], apart.right_scores[right]])
    found: Influenced = auc_of(scores, np.repeat([True, False], [int(left.sum()), int(right.sum())]))
    yield Loss("detection", found.value - 0.5, found.deviation)
