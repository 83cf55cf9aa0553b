"""A granted private test on live rows: stage 1 counts for it, stage 2 asks it, and it knows where its window lies.

What it takes, and where a window lies, follow from the log alone: from nothing that the raw tracker finds, and from no
number of rows.
"""

import json
from typing import Any

import numpy as np

from schemas.errors import ContractError, InputError
from schemas.events.budget import TriggerGrant
from stream_app.core.drift.coding.cells import Columns
from stream_app.core.drift.coding.encoding import Encoder
from stream_app.core.drift.counts.counting import COMPILED, count
from stream_app.core.drift.private.private_trigger import Fired, PrivateTrigger
from stream_app.core.drift.reference import Reference
from stream_app.core.drift.wire import Compared, Operation

Stretches = dict[str, tuple[int, int]]
"""By origin the first and last offset of messages of rows."""


class LiveTest:
    """One grant under way. ``told`` is whether its answer was published.

    ``positions`` are the next offsets to take of each origin; ``stretches`` is where the rows of the open window lie,
    and of the one that fired once it has.
    """

    def __init__(self, trigger: PrivateTrigger) -> None:
        self._trigger = trigger
        self.told = False
        self.positions: dict[str, int] = {}
        self.stretches: Stretches = {}
        self._encode(trigger.release)

    def _encode(self, release: Reference) -> None:
        self._encoder = Encoder(release.bins, "numba" if COMPILED else None)

    @property
    def grant(self) -> TriggerGrant:
        return self._trigger.grant

    @property
    def release(self) -> Reference:
        return self._trigger.release

    @property
    def fired(self) -> Fired | None:
        return self._trigger.fired

    @property
    def due(self) -> bool:
        """Whether there is an answer that nobody was told yet."""
        return self.fired is not None and not self.told

    def rebase(self, grant: TriggerGrant, release: Reference) -> None:
        """Go on against a newer release, in a window that opens now; after the answer there is nothing to go on with.

        Raises ``InputError`` where the grant is another.
        """
        if self.fired is not None:
            return
        self._trigger.rebase(grant, release)
        self.stretches.clear()
        self._encode(release)

    def count(self, columns: Columns, operation: Operation) -> Compared | None:
        """Stage 1: the message's rows on the released table's bins; none of deletes and labels, nor once it fired."""
        if operation != "insert" or self.fired is not None:
            return None
        codes = self._encoder.codes(columns)
        return Compared(self.release.digest, count(codes, self.release.layout, [columns.rows])[0].astype(np.int64))

    def fits(self, compared: Compared | None) -> bool:
        """Whether these are counts against the release of this test."""
        return compared is not None and compared.release == self.release.digest

    def take(self, origin: str, first_offset: int, last_offset: int, at: int, compared: Compared | None) -> None:
        """Stage 2: take one message that the broker took ``at``; what was taken before changes nothing.

        Messages without fitting counts pass the time, and their rows belong to the window. Raises ``ContractError``,
        and changes nothing, on counts of another layout.
        """
        if first_offset < self.positions.get(origin, 0):
            return
        looks, trigger = self._trigger.looks, self._trigger
        counts = np.zeros(self.release.layout.cells, dtype=np.int64)
        if compared is not None and self.fits(compared):
            counts = compared.counts
        try:
            trigger.take(counts, at)
        except InputError as error:
            raise ContractError(str(error)) from None
        self.positions[origin] = last_offset + 1
        if trigger.fired is not None:
            return
        if trigger.looks != looks:
            self.stretches.clear()
        first, _ = self.stretches.get(origin, (first_offset, last_offset))
        self.stretches[origin] = first, last_offset

    def to_json(self) -> str:
        """Everything, the release's reference included."""
        return json.dumps(
            {
                "trigger": self._trigger.to_json(),
                "release": self.release.to_json(),
                "told": self.told,
                "positions": dict(sorted(self.positions.items())),
                "stretches": dict(sorted(self.stretches.items())),
            }
        )

    @classmethod
    def from_json(cls, text: str, secret: bytes) -> "LiveTest":
        """The test that ``to_json`` wrote, with the same secret; else ``ContractError``."""
        try:
            state: dict[str, Any] = json.loads(text)
            found = cls(PrivateTrigger.from_json(state["trigger"], Reference.from_json(state["release"]), secret))
            found.told = state["told"] is True
            found.positions = {str(origin): int(offset) for origin, offset in state["positions"].items()}
            found.stretches = {
                str(origin): (int(first), int(last)) for origin, (first, last) in state["stretches"].items()
            }
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            raise ContractError("not the state of a private test on live rows") from None
        return found
