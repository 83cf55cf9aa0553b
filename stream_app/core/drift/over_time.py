"""Along a recorded stream: the marginal of one column in the cells that may be shown, and how often its target is
missed.
"""

from dataclasses import dataclass

import numpy as np

from schemas.contract import Contract
from schemas.errors import ContractError
from stream_app.core.drift.backtest import Recording
from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.concept.concept import EXPECTED_UNIT
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.telling.moved_shares import cells_of, total_variation

PIECES = 200
"""Pieces of equal length that a stream is cut into."""


@dataclass(frozen=True, slots=True)
class SharesOverTime:
    """``shares`` (cells, pieces) of the rows of pieces that end after rows ``ends``; ``reference`` (cells,) of it."""

    column: str
    labels: tuple[str, ...]
    ends: Integers
    shares: Floats
    reference: Floats


@dataclass(frozen=True, slots=True)
class ErrorsOverTime:
    """(pieces,) share of the labelled rows whose target the reference's model misses, and the share that it would miss
    in the reference among rows of which it is as sure; NaN where no row of a piece is labelled.
    """

    target: str
    ends: Integers
    missed: Floats
    expected: Floats


def shares_over_time(recording: Recording, contract: Contract, column: str, pieces: int = PIECES) -> SharesOverTime:
    """Of a column of the reference, in at most ``pieces`` pieces; raises ``ContractError`` where there is none."""
    bins = recording.reference.bins
    place = next((number for number, each in enumerate(bins) if each.name == column), None)
    if place is None or not recording.rows:
        raise ContractError("the reference does not have the column, or the stream has no rows")
    codes, size = recording.codes[place], bins[place].size
    ends = _ends(recording.rows, pieces)
    piece = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    counts = np.bincount(piece * size + codes, minlength=len(ends) * size).reshape(len(ends), size)
    layout = recording.reference.layout
    before = recording.reference.counts[0, layout.column_cells(place)].astype(np.float64)
    cells = cells_of(bins[place], contract.column(column), before, counts.sum(axis=0).astype(np.float64), False)
    merged = np.stack([counts[:, own].sum(axis=1) for _, own in cells]) / np.diff(ends, prepend=0)
    own = np.asarray([before[codes].sum() for _, codes in cells]) / max(1.0, float(before.sum()))
    return SharesOverTime(column, tuple(label for label, _ in cells), ends, merged, own)


def errors_over_time(recording: Recording, pieces: int = PIECES) -> ErrorsOverTime | None:
    """Of the reference's model of the target; none where there is none, or no row has its target."""
    concept, ends = recording.concept, _ends(recording.rows, pieces)
    if concept is None or not recording.rows:
        return None
    starts = np.append(0, ends[:-1])
    found = [
        concept.errors(np.ascontiguousarray(recording.codes[:, start:stop]))
        for start, stop in zip(starts, ends, strict=True)
    ]
    labelled = np.asarray([each.labelled for each in found], dtype=np.float64)
    if not labelled.any():
        return None
    labelled[labelled == 0] = np.nan
    missed = np.asarray([each.wrong for each in found]) / labelled
    expected = np.asarray([each.expected for each in found]) / labelled / EXPECTED_UNIT
    return ErrorsOverTime(recording.reference.bins[concept.target].name, ends, missed, expected)


def _ends(rows: int, pieces: int) -> Integers:
    ends: Integers = np.unique(np.linspace(0, rows, pieces + 1)[1:].astype(np.int64))
    return ends[ends > 0]


def most_moved(recording: Recording) -> str:
    """The column whose codes are shared out most otherwise than in the reference, by total variation."""
    reference = recording.reference
    moved = []
    for place, (row, column) in enumerate(zip(reference.as_counted(recording.codes), reference.bins, strict=True)):
        before = reference.counts[0, reference.layout.column_cells(place)]
        moved.append(total_variation(before, np.bincount(row, minlength=column.size)))
    return reference.bins[int(np.argmax(moved))].name
