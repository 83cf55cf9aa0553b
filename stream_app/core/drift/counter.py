"""Stage 1 of the drift station: rows of one message become counts. It keeps no row, and nothing between messages but a
bounded counter for each entity where the entity is the privacy unit.
"""

import numpy as np

from schemas.cells import says_missing
from schemas.contract import Contract, LogicalType
from stream_app.core.drift.blocks import blocks_from
from stream_app.core.drift.coding.bins import MISSING, Codes
from stream_app.core.drift.coding.cells import Cells, Columns, Numbers, Words
from stream_app.core.drift.coding.encoding import Encoder
from stream_app.core.drift.coding.seasons import cut_blocks, even_blocks
from stream_app.core.drift.concept.concept import ConceptModel
from stream_app.core.drift.counts.counting import COMPILED, count_apart
from stream_app.core.drift.reference import Reference
from stream_app.core.drift.sharing.contribution import EntityBound
from stream_app.core.drift.sharing.shares import Splitter
from stream_app.core.drift.wire import Counted, Operation

_NEITHER = 2
"""A class as ``count_apart`` takes them: 0 are rows of the train share, 1 those held out."""


class RowCounter:
    """Counts on the bins of one reference. ``secret`` is that of the split, so that live rows fall as snapshots' do."""

    def __init__(
        self, reference: Reference, contract: Contract, secret: bytes, concept: ConceptModel | None = None
    ) -> None:
        self.reference = reference
        self._contract, self._concept = contract, concept
        self._encoder, self._splitter = (
            Encoder(reference.bins, "numba" if COMPILED else None),
            Splitter(contract, secret),
        )
        unit = contract.policy.privacy.unit
        self._bound = None if unit.column is None else EntityBound(unit.max_rows)
        self._window: int | None = None
        self._shut = False
        self._known = frozenset(contract.names)
        self._wanted = frozenset(column.name for column in reference.bins if column.name != reference.late)

    def count(self, columns: Columns, operation: Operation = "insert") -> Counted:
        """The counts of a message's rows; raises ``ContractError`` where the column of the privacy unit is absent."""
        codes, seconds, reference = self._encoder.codes(columns), self._seconds(columns), self.reference
        layout, size = reference.layout, reference.block_rows
        if reference.periods:
            cut = cut_blocks(reference.periods_of(seconds), size, layout.pair_blocks)
        else:
            cut = even_blocks(columns.rows, size, layout.pair_blocks)
        classes = self._classes(columns, operation)
        counts, train, held = count_apart(reference.as_counted(codes), layout, cut.limits, classes, cut.paired)
        blocks = blocks_from(counts, cut, codes, seconds, self._concept)
        misfit, pairs = self._misfit(columns, codes), (counts.first, counts.stop)
        return Counted(operation, blocks, train, held, *misfit, pairs=pairs)

    def pass_time(self, at: int) -> None:
        """Begin a new window where the broker's time ``at`` (milliseconds since 1970) is in one.

        Each entity may then add its rows again. The window that a counter is made in is left out of ``train`` and
        ``held``, for what another worker admitted there before is not known. Without a call there is one window.
        """
        window = at // (1_000 * self._contract.policy.drift.window_seconds)
        if self._bound is not None and window != self._window:
            self._shut, self._window = self._window is None, window
            self._bound.reset()

    def _classes(self, columns: Columns, operation: Operation) -> "np.ndarray[tuple[int, ...], np.dtype[np.int8]]":
        """(rows,) whether a row counts for the train share, for those held out or, its entity's part full, for none."""
        if operation == "label" or not columns.rows:
            return np.full(columns.rows, _NEITHER, dtype=np.int8)
        keys, known = self._splitter.units(columns)
        # False is the train share's class.
        classes = self._splitter.held_out(keys).view(np.int8)
        if known is not None:
            if self._bound is not None:
                known = known & (not self._shut)
                taken = self._bound.remove if operation == "delete" else self._bound.admit
                known[known] = taken(keys[known])
            classes[~known] = _NEITHER
        return classes

    def _seconds(self, columns: Columns) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
        cells = columns.cells.get(self.reference.time) if self.reference.time is not None else None
        return cells.values if isinstance(cells, Numbers) else np.full(columns.rows, np.nan)

    def _misfit(self, columns: Columns, codes: Codes) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Modelled columns that are absent (but for a label that comes late), columns that the contract does not name,
        and columns no cell of which could be read as its type.
        """
        if not columns.rows:
            return (), (), ()
        given, bins = columns.cells.keys(), self.reference.bins
        absent, unknown = tuple(sorted(self._wanted - given)), tuple(sorted(given - self._known))
        # Few columns begin with a missing cell.
        suspects = [(bins[place], codes[place]) for place in np.flatnonzero(codes[:, 0] == MISSING).tolist()]
        retyped = tuple(
            column.name
            for column, row in suspects
            if column.name in given and _unread(row, columns.cells[column.name], column.type)
        )
        return absent, unknown, retyped


def _unread(codes: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", cells: Cells, kind: LogicalType) -> bool:
    """Whether no cell has a code although some are there, and do not say that they are missing."""
    if (codes != MISSING).any():
        return False
    if isinstance(cells, Words):
        there = np.unique(cells.indices[cells.indices >= 0])
        return not all(says_missing(cells.values[place], kind) for place in there)
    return bool(np.isfinite(cells.values).any())
