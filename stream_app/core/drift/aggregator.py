"""Stage 2 of the drift station: the state of one dataset, a function of reference, policy and counts in log order.

Messages are told apart by where their rows came from: of each origin (topic and partition) offsets only rise, so what
lies below the next expected offset was counted already and changes nothing.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.drift import DriftPolicy
from schemas.errors import ContractError
from stream_app.core.drift.blocks import Blocks
from stream_app.core.drift.concept.concept import ConceptModel
from stream_app.core.drift.concept.concept_tests import CONCEPT_SHARE, ConceptSign, ConceptTests
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.packing import pack, unpack
from stream_app.core.drift.reference import Reference
from stream_app.core.drift.sign import DriftSign
from stream_app.core.drift.tracker import Tracker
from stream_app.core.drift.wire import Counted

_MOST_SPANS = 4_096


@dataclass(frozen=True, slots=True)
class Span:
    """Where the rows from ``first`` on, ``rows`` of them, can be read again."""

    first: int
    rows: int
    origin: str
    offset: int
    last_offset: int


class Aggregator:
    """Live counts, detectors and positions of one dataset.

    ``train`` and ``held`` (cells,) count the live rows since the reference or the last drift, deletes taken away: what
    a generator may learn from, and what gates may look at. ``spans`` tell where the rows themselves lie: the inserted
    ones or, where labels come late, the ``labelled`` ones, which alone are whole. Deletes are among them, with no rows.
    """

    def __init__(
        self, reference: Reference, policy: DriftPolicy | None = None, concept: ConceptModel | None = None
    ) -> None:
        self.reference, self.policy = reference, policy or DriftPolicy()
        self.tracker = Tracker(reference, _shared(self.policy) if concept is not None else self.policy)
        self._model = concept
        self.concept = None if concept is None else ConceptTests(concept, self.policy)
        self.train = np.zeros(reference.layout.cells, dtype=np.int64)
        self.held = np.zeros(reference.layout.cells, dtype=np.int64)
        self.since = 0
        self.labelled = 0
        self.positions: dict[str, int] = {}
        self.spans: list[Span] = []
        self._misfit: list[list[str]] = [[], [], []]

    @property
    def rows(self) -> int:
        """Rows put in since the reference."""
        return self.tracker.rows

    @property
    def whole_rows(self) -> int:
        """Those of them that windows can hold: where labels come late, the labelled ones."""
        return self.labelled if self.policy.late_labels else self.rows

    def take(self, origin: str, first_offset: int, last_offset: int, counted: Counted) -> tuple[DriftSign, ...]:
        """Take one message's counts; the drifts found in them. What was counted before changes nothing.

        Raises ``ContractError``, and changes nothing, where the counts are of another layout or overlap counted ones.
        """
        if last_offset < self.positions.get(origin, 0):
            return ()
        section = self.reference.layout.paired
        blocks = Blocks.of(counted.blocks, (section.first, section.stop))
        self._check(origin, first_offset, last_offset, counted, blocks)
        self.positions[origin] = last_offset + 1
        if counted.operation == "delete":
            self.train -= counted.train
            self.held -= counted.held
            self._span(origin, first_offset, last_offset, 0)
            return ()
        if counted.operation == "label":
            if self.policy.late_labels:
                self._span(origin, first_offset, last_offset, counted.rows)
            self.labelled += counted.rows
            return self._labelled(blocks)
        if not self.policy.late_labels:
            self._span(origin, first_offset, last_offset, counted.rows)
        return self._inserted(counted, blocks)

    def _check(self, origin: str, first_offset: int, last_offset: int, counted: Counted, blocks: Blocks) -> None:
        cells = self.reference.layout.cells
        if first_offset > last_offset or first_offset < self.positions.get(origin, 0):
            raise ContractError("the counts overlap others of their origin")
        found = blocks.tables.cells if len(blocks) else cells
        if len(counted.train) != cells or len(counted.held) != cells or found != cells:
            raise ContractError("the counts are not of the reference's layout")
        if blocks.periods.max(initial=0) > len(self.reference.periods):
            raise ContractError("the counts are of a period that the reference does not have")
        if not blocks.possible:
            raise ContractError("counts of errors that no block of rows can have")

    def _inserted(self, counted: Counted, blocks: Blocks) -> tuple[DriftSign, ...]:
        first = self.tracker.rows
        self.train += counted.train
        self.held += counted.held
        moved = self.tracker.take(blocks)
        if moved and self.concept is not None:
            self.concept.settle()
        signs = [*self._misfitting(counted), *moved, *self._errors(first, blocks)]
        if signs:
            self.train[:] = 0
            self.held[:] = 0
            self.since = self.tracker.rows
        return tuple(signs)

    def _errors(self, first: int, blocks: Blocks) -> list[DriftSign]:
        if self.concept is None:
            return []
        found, at = [], first
        for rows, errors in zip(blocks.rows.tolist(), blocks.errors, strict=True):
            sign = self.concept.take(at, at + rows, errors)
            at += rows
            # Where the columns themselves moved, the model errs for that reason.
            if sign is not None and not self.tracker.settling:
                found.append(self._concept_sign(sign))
        return found

    def _labelled(self, blocks: Blocks) -> tuple[DriftSign, ...]:
        """Late labels: errors of rows that were counted before, dated by where the stream stands now."""
        if self.concept is None:
            return ()
        at = self.tracker.rows
        signs = [self.concept.take(at, at, errors) for errors in blocks.errors]
        return tuple(self._concept_sign(sign) for sign in signs if sign is not None and not self.tracker.settling)

    def _concept_sign(self, sign: ConceptSign) -> DriftSign:
        assert self._model is not None
        target = self.reference.bins[self._model.target].name
        return DriftSign(
            sign.row, sign.since_row, "concept", (target,), sign.effect, "error_rate", sign.statistic, sign.threshold,
            errors=(sign.before, sign.after),
        )  # fmt: skip

    def _misfitting(self, counted: Counted) -> list[DriftSign]:
        """A sign where the columns no longer fit the contract, once for each way in which they do not."""
        now = [list(names) for names in counted.misfit]
        before, self._misfit = self._misfit, now
        names = tuple(dict.fromkeys(name for group in now for name in group))
        if now == before or not names:
            return []
        row = self.tracker.rows
        share = min(1.0, len(names) / len(self.reference.bins))
        return [DriftSign(row, row, "schema", names, share, "share", float(len(names)), 1.0)]

    def _span(self, origin: str, first_offset: int, last_offset: int, rows: int) -> None:
        self.spans.append(Span(self.whole_rows, rows, origin, first_offset, last_offset))
        if len(self.spans) > _MOST_SPANS:
            del self.spans[: len(self.spans) // 2]

    def forget(self, before: int) -> None:
        """Drop the spans of rows before row ``before``: nobody will ask for them."""
        self.spans = [span for span in self.spans if span.first + span.rows > before]

    def to_json(self) -> str:
        """Everything but the reference and its model of the target."""
        return json.dumps(
            {
                "tracker": self.tracker.to_json(),
                "concept": None if self.concept is None else self.concept.to_document(),
                "train": pack(self.train),
                "held": pack(self.held),
                "since": self.since,
                "labelled": self.labelled,
                "positions": dict(sorted(self.positions.items())),
                "spans": [[each.first, each.rows, each.origin, each.offset, each.last_offset] for each in self.spans],
                "misfit": self._misfit,
            }
        )

    @classmethod
    def from_json(
        cls, text: str, reference: Reference, policy: DriftPolicy | None = None, concept: ConceptModel | None = None
    ) -> "Aggregator":
        """The aggregator that ``to_json`` wrote, against the same reference; else ``ContractError``."""
        try:
            state: dict[str, Any] = json.loads(text)
            found = cls(reference, policy, concept)
            found.tracker = Tracker.from_json(state["tracker"], reference)
            if (state["concept"] is None) != (concept is None):
                raise ValueError
            if concept is not None:
                found.concept = ConceptTests.from_document(state["concept"], concept, found.policy)
            found.train, found.held = _counts(state["train"], reference), _counts(state["held"], reference)
            found.since, found.labelled = int(state["since"]), int(state["labelled"])
            found.positions = {str(origin): int(offset) for origin, offset in state["positions"].items()}
            found.spans = [
                Span(int(first), int(rows), str(origin), int(offset), int(last))
                for first, rows, origin, offset, last in state["spans"]
            ]
            found._misfit = [[str(name) for name in names] for names in state["misfit"]]
        except (ValueError, LookupError, ArithmeticError, TypeError, AttributeError):
            raise ContractError("not the state of an aggregator of this reference") from None
        return found


def _shared(policy: DriftPolicy) -> DriftPolicy:
    """The policy of everything but the concept: what is left of the budget of false alarms."""
    return policy.model_copy(update={"alarms_per_million": policy.alarms_per_million * (1 - CONCEPT_SHARE)})


def _counts(packed: dict[str, Any], reference: Reference) -> Integers:
    found: Integers = unpack(packed)
    if found.shape != (reference.layout.cells,):
        raise ValueError
    return found
