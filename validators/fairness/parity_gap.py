"""Whether a model becomes less fair when it learns from synthetic rows instead of real ones."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from schemas.errors import InsufficientEvidence
from schemas.finding import Finding, Gate
from validators.fairness.slices import slice_codes, subgroup_columns
from validators.protocol import Evidence
from validators.statistics import generator
from validators.utility.learners import LEARNERS
from validators.utility.learning import Learning, learning
from validators.utility.tstr import described
from validators.verdicts import hold

ROUNDS = 400
CUTS = 3
LEAST = 100
LEAST_OF_A_CLASS = 25
Bits = npt.NDArray[np.int64]
Counts = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Measure = Literal["demographic_parity", "equalised_odds"]


@dataclass(frozen=True, slots=True)
class Parity:
    """One measure of one subgroup column: the difference between groups under either model, and its increase."""

    column: str
    measure: Measure
    synthetic: float
    real: float
    deviation: float

    @property
    def increase(self) -> float:
        return self.synthetic - self.real


@dataclass(frozen=True, slots=True)
class ParityGap:
    """The largest increase of the demographic parity or equalised odds difference between groups, for boosting.

    Either model decides for the holdout rows: whether the target is another than its most frequent class, or, for a
    number, above the real median. Groups are the slices of a subgroup column with 100 tested rows, for equalised odds
    with 25 of either truth. Differences are fairlearn's; the interval resamples the tested rows (both models on the
    same), widens by what models of halves of the train rows differ (three cuts in two), holds for all columns and
    measures at once, and only one that lies above the limit fails.
    """

    metric: str = "parity_gap"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding, or none without subgroups or a target; raises ``InsufficientEvidence`` as ``learning`` does, and
        where no column has two groups with support.
        """
        task = learning(evidence) if subgroup_columns(evidence) else None
        if task is None or {column.name for column in subgroup_columns(evidence)} == {task.target.column.name}:
            return ()
        found = list(parities(task))
        if not found:
            raise InsufficientEvidence(f"no subgroup column has two groups of {LEAST} tested rows")
        from scipy.special import ndtri

        width = -float(ndtri(0.025 / len(found)))
        limit = evidence.contract.policy.limit(self.metric)
        worst = max(found, key=lambda one: (one.increase - width * one.deviation > limit, one.increase))
        half = width * worst.deviation
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                worst.increase,
                interval=(worst.increase - half, worst.increase + half),
                rule="confident",
                baseline=0.0,
                support=len(task.tested(task.evidence.holdout)),
                samples={
                    "holdout": len(task.tested(task.evidence.holdout)),
                    "synthetic": task.size,
                    "train": task.size,
                },
                detail=described(task) | {"parity": [_figures(one) for one in found]},
            ),
        )


def parities(task: Learning) -> Iterator[Parity]:
    """Both measures of every subgroup column that has two groups with support."""
    source = task.evidence
    coded = slice_codes(source, source.holdout)[task.tested(source.holdout)]
    called, rng = _called(task), generator(source.seed, "parity_gap")
    for place, column in enumerate(subgroup_columns(source)):
        if column.name != task.target.column.name:
            yield from _of_column(column.name, coded[:, place].astype(np.int64), called, rng)


@dataclass(frozen=True, slots=True)
class Called:
    """The truth of the tested rows and what models call them: of synthetic rows, of train rows, of halves of those."""

    truth: Bits
    synthetic: Bits
    real: Bits
    halves: tuple[tuple[Bits, Bits], ...]

    def of(self, rows: Mask) -> "Called":
        """The same for some rows."""
        halves = tuple((left[rows], right[rows]) for left, right in self.halves)
        return Called(self.truth[rows], self.synthetic[rows], self.real[rows], halves)


def _called(task: Learning) -> Called:
    source = task.evidence
    truth = _positive(task, task.truth(source.holdout)[:, None], is_truth=True)
    fake, real = (
        _positive(task, task.scores("boosting", table, source.holdout)) for table in (source.synthetic, source.train)
    )
    key = ("parity halves", source.seed, task.target.name, task.size)
    halves = source.memo.of(
        key, (source.train, source.holdout), lambda: tuple((_half(task, k, 0), _half(task, k, 1)) for k in range(CUTS))
    )
    return Called(truth, fake, real, halves)


def _half(task: Learning, cut: int, side: int) -> Bits:
    """What a model of one half of the train rows calls the tested rows; each cut halves them anew."""
    source, boosting = task.evidence, LEARNERS["boosting"]
    rows = task.rows(source.train, task.size)
    rows = rows[generator(source.seed, f"parity cut {cut}").permutation(len(rows))[side::2]]
    matrix, known = boosting.matrix(source, source.train, task.features), task.labels(source.train)
    model = boosting.fit(source, matrix[rows], known[rows], task.target, task.features)
    tested = boosting.matrix(source, source.holdout, task.features)[task.tested(source.holdout)]
    return _positive(task, model.scores(tested))


def _of_column(column: str, group: Bits, called: Called, rng: np.random.Generator) -> Iterator[Parity]:
    counts = np.stack([np.bincount(group[called.truth == k], minlength=int(group.max()) + 1) for k in (0, 1)])
    able: dict[Measure, Mask] = {
        "demographic_parity": counts.sum(axis=0) >= LEAST,
        "equalised_odds": counts.min(axis=0) >= LEAST_OF_A_CLASS,
    }
    found = [
        _parity(column, measure, group[groups[group]], called.of(groups[group]), rng)
        for measure, groups in able.items()
        if groups.sum() >= 2
    ]
    learning_error = max((training for _, training in found), default=0.0)
    for one, _ in found:
        yield replace(one, deviation=float(np.hypot(one.deviation, learning_error)))


def _positive(task: Learning, scores: Reals, is_truth: bool = False) -> Bits:
    """1 where a class other than the most frequent is called, or a number above the real median."""
    if task.target.task == "number":
        return (scores[:, 0] > float(np.nanmedian(task.labels(task.evidence.train)))).astype(np.int64)
    called = scores[:, 0] if is_truth else scores.argmax(axis=1)
    return np.asarray(called != 0, dtype=np.int64)


def _parity(
    column: str, measure: Measure, group: Bits, called: Called, rng: np.random.Generator
) -> tuple[Parity, float]:
    """The parity with its error by tested rows, and its error by fitted rows.

    Where a model of all rows errs by s, models of two halves differ by 2 s and two models of all rows by 1.4 s: the
    first is taken for the second, which leaves room for its own error over few cuts.
    """
    from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference

    difference = demographic_parity_difference if measure == "demographic_parity" else equalized_odds_difference

    def of(calls: Bits) -> float:
        return float(difference(called.truth, calls, sensitive_features=group))

    deviation = _deviation(measure, group, called.truth, called.synthetic, called.real, rng)
    apart = [of(left) - of(right) for left, right in called.halves]
    return (
        Parity(column, measure, of(called.synthetic), of(called.real), deviation),
        float(np.sqrt(np.mean(np.square(apart)))),
    )


def _deviation(measure: str, group: Bits, truth: Bits, fake: Bits, real: Bits, rng: np.random.Generator) -> float:
    """Of the increase, over resamples of the rows: drawn as counts of (group, truth, call, call)."""
    _, group = np.unique(group, return_inverse=True)
    groups = int(group.max()) + 1
    cell = ((group * 2 + truth) * 2 + fake) * 2 + real
    shares = np.bincount(cell, minlength=groups * 8) / len(cell)
    drawn = rng.multinomial(len(cell), shares, ROUNDS).reshape(ROUNDS, groups, 2, 2, 2).astype(np.float64)
    increase = difference_of(measure, drawn.sum(axis=4)) - difference_of(measure, drawn.sum(axis=3))
    return float(increase.std(ddof=1))


def difference_of(measure: str, counts: Counts) -> Counts:
    """(rounds,) differences from (rounds, groups, truth, call) counts: largest less smallest rate of
    positive calls; for equalised odds the larger one of both truths.
    """
    if measure == "demographic_parity":
        counts = counts.sum(axis=2, keepdims=True)
    rates = counts[..., 1] / np.maximum(1.0, counts.sum(axis=3))
    spread: Counts = (rates.max(axis=1) - rates.min(axis=1)).max(axis=1)
    return spread


def _figures(one: Parity) -> dict[str, Any]:
    return {
        "column": one.column,
        "measure": one.measure,
        "synthetic": one.synthetic,
        "real": one.real,
        "increase": one.increase,
        "deviation": one.deviation,
    }
