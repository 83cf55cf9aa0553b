"""Watch the errors of the reference model for the point where the target no longer follows as it did.

Blocks are pooled until enough of their rows have a known target; each pool gives one standardised score, how far its
errors are from those expected of such rows (``concept``), and River's detector takes the scores. ``page_hinkley`` runs
beside itself on sums of four scores, where a smaller lasting change shows. ``adwin`` is River's ADWIN. River's DDM is
not offered: it wants single rows in their order, which counts do not keep, and its threshold knows no budget.

Labels may come late, or for a sample only: whoever counts gives the rows whose label has come, in the order in which
it came. ``row`` and ``since_row`` then say when it came, not when the row did.
"""

from dataclasses import dataclass
from math import isfinite, log, pi, sin, sqrt
from typing import Any, Literal

import numpy as np

from schemas.drift import DriftPolicy
from schemas.errors import ContractError
from stream_app.core.drift.concept.concept import EXPECTED_UNIT, ConceptModel, Errors
from stream_app.core.drift.concept.concept_score import angle, block_scores
from stream_app.core.drift.detectors.river_state import (
    ReplayedAdwin,
    page_hinkley_state,
    page_hinkley_statistic,
    restore_page_hinkley,
)
from stream_app.core.drift.detectors.thresholds import blocks_between_alarms, cusum_threshold
from stream_app.core.drift.packing import pack, unpack

ConceptDetector = Literal["page_hinkley", "adwin"]

CONCEPT_SHARE = 0.1
"""The part of a policy's false alarms that concept drift may take: the others' budget is the rest."""

_SCALES = (1, 4)
_PRIMED = 32
_PRIMING = (1.0, -1.0) * (_PRIMED // 2)
_SETTLE_POOLS = 32
_MOST_POOLS = 512
_CLIP = 20.0
_LARGEST = 1 << 53


@dataclass(frozen=True, slots=True)
class ConceptSign:
    """The target no longer follows the other columns as in the reference, found after ``row``, since ``since_row``.

    ``before`` is the error rate that the reference leads to expect of the ``labelled`` rows since then, ``after`` what
    it was: ``effect`` is the difference, above 0 where the model errs more. ``statistic`` passed ``threshold``: a
    cumulative sum in standard deviations (ADWIN shows none: 1 and 1).
    """

    row: int
    since_row: int
    before: float
    after: float
    labelled: int
    statistic: float
    threshold: float

    @property
    def effect(self) -> float:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class _Pool:
    """Counts of the rows from ``first`` to ``last`` of the stream."""

    first: int
    last: int
    labelled: int
    wrong: int
    expected: int


_EMPTY = _Pool(0, 0, 0, 0, 0)


class ConceptTests:
    """The state of one stream's errors: a function of model, policy and the counts in order.

    After a sign the error rate of 32 pools since the change becomes the usual one, and is watched from then on.
    """

    def __init__(
        self, model: ConceptModel, policy: DriftPolicy | None = None, detector: ConceptDetector | None = None
    ) -> None:
        self._model, self._policy = model, policy or DriftPolicy()
        self.detector: ConceptDetector = detector or ("adwin" if self._policy.detector == "adwin" else "page_hinkley")
        self._offset, self._epoch = 0.0, 0
        self._filling, self._pools, self._settling = _EMPTY, list[_Pool](), False
        self._watch(model.blocks)

    @property
    def settling(self) -> bool:
        """True from a sign until the new error rate is learnt."""
        return self._settling

    @property
    def score(self) -> float:
        """The larger statistic over its threshold, 1 and more is an alarm; 0 with ADWIN, which shows none."""
        strengths = [each.statistic / each.threshold for each in self._tests if isinstance(each, _PageHinkley)]
        return max(strengths, default=0.0)

    def take(self, first_row: int, row: int, errors: Errors) -> ConceptSign | None:
        """Take the counts of a block that the stream brought as rows ``first_row`` to ``row`` (exclusive).

        Raises ``ContractError`` on counts that no block can have.
        """
        labelled, wrong, expected = errors
        if not (0 <= wrong <= labelled and 0 <= expected <= labelled * EXPECTED_UNIT and 0 <= first_row <= row):
            raise ContractError("counts of errors that no block of rows can have")
        if labelled == 0:
            return None
        kept = self._filling
        self._filling = _Pool(
            kept.first if kept.labelled else first_row,
            row,
            kept.labelled + labelled,
            kept.wrong + wrong,
            kept.expected + expected,
        )
        if self._filling.labelled < self._model.pool_rows:
            return None
        pool, self._filling = self._filling, _EMPTY
        return self._advance(pool)

    def settle(self) -> None:
        """Begin to learn the error rate anew from the next pool on, as after a sign; another drift explains it."""
        self._filling, self._pools, self._settling = _EMPTY, [], True

    def _advance(self, pool: _Pool) -> ConceptSign | None:
        self._pools = [*self._pools, pool][-_MOST_POOLS:]
        if self._settling:
            if len(self._pools) >= _SETTLE_POOLS:
                self._relearn()
            return None
        score = self._score(pool)
        alarms = [each for each in self._tests if each.update(score)]
        if not alarms:
            return None
        strongest = max(alarms, key=lambda each: each.statistic / each.threshold)
        sign = self._described(pool.last, strongest.statistic, strongest.threshold)
        self._settling = True
        return sign

    def _score(self, pool: _Pool) -> float:
        labelled, wrong, expected = _arrays(pool)
        found = float(block_scores(labelled, wrong, expected, self._offset)[0]) / self._model.inflation
        return max(-_CLIP, min(_CLIP, found))

    def _described(self, row: int, statistic: float, threshold: float) -> ConceptSign:
        start = self._began()
        self._pools = self._pools[start:]
        labelled, wrong = (sum(getattr(pool, name) for pool in self._pools) for name in ("labelled", "wrong"))
        usual = sum(self._usual(pool) for pool in self._pools)
        since = self._pools[0].first
        return ConceptSign(row, since, usual / labelled, wrong / labelled, labelled, statistic, threshold)

    def _began(self) -> int:
        """The pool from which on the errors are least like the usual ones: the most of n KL(seen || usual)."""
        best, place = -1.0, len(self._pools) - 1
        labelled, wrong, usual = 0, 0, 0.0
        for number in range(len(self._pools) - 1, -1, -1):
            pool = self._pools[number]
            labelled, wrong, usual = labelled + pool.labelled, wrong + pool.wrong, usual + self._usual(pool)
            gain = _divergence(wrong, usual) + _divergence(labelled - wrong, labelled - usual)
            if gain > best:
                best, place = gain, number
        return place

    def _usual(self, pool: _Pool) -> float:
        """Errors expected of a pool, by what has been learnt since the reference too."""
        due = float(angle(pool.expected / EXPECTED_UNIT / pool.labelled)) + self._offset
        return pool.labelled * sin(max(0.0, min(pi / 2, due))) ** 2

    def _relearn(self) -> None:
        labelled, wrong, expected = (
            sum(getattr(pool, name) for pool in self._pools) for name in ("labelled", "wrong", "expected")
        )
        self._offset = float(angle(wrong / labelled)) - float(angle(expected / EXPECTED_UNIT / labelled))
        self._watch(min(len(self._pools), self._model.blocks))
        self._pools, self._settling = [], False

    def _watch(self, blocks: int) -> None:
        """Fresh tests against a rate that ``blocks`` pools told: the fewer, the larger an offset is let pass."""
        self._blocks = blocks
        rows, budget = self._model.pool_rows, CONCEPT_SHARE * self._policy.alarms_per_million
        if self.detector == "adwin":
            delta = min(1.0, 1 / blocks_between_alarms(1, rows, budget))
            self._tests: list[_PageHinkley | _Adwin] = [_Adwin(delta)]
            return
        own = self._policy.allowance
        allowances = [own + 3 * sqrt(scale / blocks) for scale in _SCALES]
        # Two sides at each scale; a wider one looks more seldom, which is left as room.
        height = cusum_threshold(2 * len(_SCALES), rows, budget, own)
        self._tests = [
            _PageHinkley(scale, height, allowance) for scale, allowance in zip(_SCALES, allowances, strict=True)
        ]

    def to_document(self) -> dict[str, Any]:
        """A JSON value: counts of pools, sums and counters."""
        return {
            "detector": self.detector,
            "offset": self._offset,
            "blocks": self._blocks,
            "settling": self._settling,
            "filling": _numbers(self._filling),
            "pools": pack(np.asarray([_numbers(pool) for pool in self._pools], dtype=np.int64).reshape(-1, 5)),
            "tests": [each.state() for each in self._tests],
        }

    @classmethod
    def from_document(cls, document: Any, model: ConceptModel, policy: DriftPolicy | None = None) -> "ConceptTests":
        """The tests that ``to_document`` wrote, of the same model and policy; else ``ContractError``."""
        try:
            detector, offset, blocks = document["detector"], document["offset"], document["blocks"]
            if detector not in ("page_hinkley", "adwin") or not isinstance(document["settling"], bool):
                raise ValueError
            if not isinstance(offset, float) or not isfinite(offset) or not isinstance(blocks, int) or blocks < 1:
                raise ValueError
            found = cls(model, policy, detector)
            found._offset, found._settling = offset, document["settling"]
            found._watch(blocks)
            found._filling = _pool(document["filling"])
            found._pools = [_pool(numbers) for numbers in unpack(document["pools"])[:_MOST_POOLS].tolist()]
            if any(pool.labelled == 0 for pool in found._pools):
                raise ValueError
            for each, state in zip(found._tests, document["tests"], strict=True):
                each.restore(state)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise ContractError("not the state of tests for concept drift") from None
        return found


class _PageHinkley:
    """``river.drift.PageHinkley`` on sums of ``scale`` scores, without forgetting, started on 32 scores of a reference.

    With the mean known it is Page's cumulative sum, so that Siegmund's approximation gives its budget.
    """

    def __init__(self, scale: int, threshold: float, allowance: float) -> None:
        from river.drift import PageHinkley

        self.threshold = threshold
        self._scale, self._sum, self._number = scale, 0.0, 0
        page_hinkley: Any = PageHinkley  # without annotations
        self._detector = page_hinkley(min_instances=_PRIMED, delta=allowance, threshold=threshold, alpha=1.0)
        for score in _PRIMING:
            self._detector.update(score)

    @property
    def statistic(self) -> float:
        return page_hinkley_statistic(self._detector)

    def update(self, score: float) -> bool:
        self._sum, self._number = self._sum + score, self._number + 1
        if self._number < self._scale:
            return False
        self._detector.update(self._sum / sqrt(self._scale))
        self._sum, self._number = 0.0, 0
        return bool(self._detector.drift_detected)

    def state(self) -> dict[str, Any]:
        return {"sum": self._sum, "number": self._number, "river": page_hinkley_state(self._detector)}

    def restore(self, state: Any) -> None:
        self._sum, self._number = float(state["sum"]), int(state["number"])
        if not isfinite(self._sum) or not 0 <= self._number < self._scale:
            raise ValueError
        restore_page_hinkley(self._detector, state["river"])


class _Adwin:
    """``river.drift.ADWIN`` on the scores; its bound is for a range of one, and is kept here with room to spare."""

    statistic = threshold = 1.0

    def __init__(self, delta: float) -> None:
        self._detector = ReplayedAdwin(delta, _PRIMED, _PRIMING)

    def update(self, score: float) -> bool:
        self._detector.update(score)
        return self._detector.drift_detected

    def state(self) -> dict[str, Any]:
        return {"river": list(self._detector.inputs)}

    def restore(self, state: Any) -> None:
        self._detector.restore(state["river"])


def _arrays(pool: _Pool) -> tuple[Any, Any, Any]:
    return (
        np.asarray([pool.labelled]),
        np.asarray([pool.wrong]),
        np.asarray([pool.expected / EXPECTED_UNIT]),
    )


def _divergence(seen: float, usual: float) -> float:
    return seen * log(seen / max(usual, 1e-9)) if seen > 0 else 0.0


def _numbers(pool: _Pool) -> list[int]:
    return [pool.first, pool.last, pool.labelled, pool.wrong, pool.expected]


def _pool(numbers: Any) -> _Pool:
    if not isinstance(numbers, list) or any(
        isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < _LARGEST for number in numbers
    ):
        raise ValueError
    pool = _Pool(*numbers)
    if pool.first > pool.last or pool.wrong > pool.labelled or pool.expected > pool.labelled * EXPECTED_UNIT:
        raise ValueError
    return pool
