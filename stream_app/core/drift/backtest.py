"""Try a reference and thresholds on a recorded stream before going live: the same code as the stream's.

A recording is one table, so columns come and go in it as cells do: what has no cell in a part of the rows is not there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from schemas.contract import Contract
from schemas.drift import DriftPolicy
from stream_app.core.drift.aggregator import Aggregator
from stream_app.core.drift.blocks import Block, counted
from stream_app.core.drift.coding.bins import MISSING, Codes, Floats
from stream_app.core.drift.concept.concept import ConceptModel
from stream_app.core.drift.misfits import FITS, Misfit, misfits
from stream_app.core.drift.reference import Reference, build_reference, in_time_order
from stream_app.core.drift.sign import DriftSign
from stream_app.core.drift.wire import Counted, Operation

if TYPE_CHECKING:
    import pandas as pd

_ENCODED = 250_000
_PART, _AT_ONCE = 1_000, 50
"""Rows of a part, at least, and parts that are watched at once where nothing else is looked for between them."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded stream on its reference's bins: (columns, rows) ``codes`` and (rows,) ``seconds``, in order of time.

    ``seconds`` are NaN without a time column. ``concept`` is the reference's model of the target, where concept drift
    is looked for; ``misfits`` says of every part of ``part_rows`` rows how its columns fit the contract.
    """

    reference: Reference
    codes: Codes
    seconds: Floats
    concept: ConceptModel | None = None
    misfits: tuple[Misfit, ...] = ()

    @property
    def rows(self) -> int:
        return int(self.codes.shape[1])

    @property
    def part_rows(self) -> int:
        return part_rows(self.reference)

    def signs(self, policy: DriftPolicy, label_delay: int | None = None) -> Iterator[DriftSign]:
        """Every drift, as soon as it is found.

        With a ``label_delay`` rows come without their target, and their labels once so many rows have come after them.
        """
        aggregator, start, labelled = Aggregator(self.reference, policy, self.concept), 0, 0
        for stop in self._stops():
            message = self._inserted(start, stop, label_delay is not None)
            yield from sorted(aggregator.take("rows/0", start, stop - 1, message), key=lambda sign: sign.row)
            start = stop
            due = 0 if label_delay is None else stop - label_delay
            if due > labelled:
                yield from aggregator.take("labels/0", labelled, due - 1, self._labelled(labelled, due))
                labelled = due

    def _stops(self) -> Iterator[int]:
        """Where messages end: after each part where that matters, else after many."""
        size = self.part_rows
        fits = [*self.misfits, *[FITS] * (-(-self.rows // size) - len(self.misfits))]
        waiting = 0
        for part in range(len(fits)):
            waiting += 1
            alone = self.concept is not None or fits[part] != fits[max(0, part - 1)] or part == 0
            before_change = part + 1 < len(fits) and fits[part + 1] != fits[part]
            if alone or before_change or waiting == _AT_ONCE or part + 1 == len(fits):
                waiting = 0
                yield min(self.rows, size * (part + 1))

    def _inserted(self, start: int, stop: int, unlabelled: bool) -> Counted:
        codes = self.codes[:, start:stop]
        if unlabelled and self.concept is not None:
            codes = codes.copy()
            codes[self.concept.target] = MISSING
        blocks = counted(codes, self.seconds[start:stop], self.reference, self.concept)
        part = start // self.part_rows
        return self._message("insert", tuple(blocks), self.misfits[part] if part < len(self.misfits) else FITS)

    def _labelled(self, start: int, stop: int) -> Counted:
        """Errors alone: labels tell of no marginal."""
        assert self.concept is not None
        size, none = self.reference.block_rows, np.zeros(self.reference.layout.cells, dtype=np.uint8)
        limits = [*range(start, stop, size), stop]
        blocks = (
            Block(0, last - first, none, None, self.concept.errors(np.ascontiguousarray(self.codes[:, first:last])))
            for first, last in pairwise(limits)
        )
        return self._message("label", tuple(blocks), FITS)

    def _message(self, operation: Operation, blocks: tuple[Block, ...], misfit: Misfit) -> Counted:
        none = np.zeros(self.reference.layout.cells, dtype=np.int64)
        return Counted(operation, blocks, none, none, *misfit)


def part_rows(reference: Reference) -> int:
    """Rows of a part: whole blocks."""
    return -(-_PART // reference.block_rows) * reference.block_rows


def record(
    reference: Reference, stream: "pd.DataFrame", contract: Contract, concept: ConceptModel | None = None
) -> Recording:
    """Encode ``stream``, by the contract's time column where there is one, else in the order given."""
    ordered = in_time_order(stream, contract)
    parts = [ordered.iloc[start : start + _ENCODED] for start in range(0, max(1, len(ordered)), _ENCODED)]
    codes = np.concatenate([reference.encode(part) for part in parts], axis=1)
    found = misfits(ordered, codes, reference, contract, part_rows(reference))
    return Recording(reference, codes, reference.times_of(ordered), concept, found)


def backtest(
    reference: "pd.DataFrame", stream: "pd.DataFrame", contract: Contract, policy: DriftPolicy | None = None
) -> Iterator[DriftSign]:
    """Every drift of the columns found in ``stream`` against ``reference``; the contract's own policy unless another is
    given.
    """
    policy = policy or contract.policy.drift
    yield from record(build_reference(reference, contract, policy), stream, contract).signs(policy)
