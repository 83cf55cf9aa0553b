"""The sequential test behind the tracker's channels: one test a channel, all on the same standardised block scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.layout import Integers

State = Mapping[str, "np.ndarray[Any, Any]"]
Signed = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a channel's test says: since which row, in which direction, how far past what threshold.

    ``total`` is the sum of scores since then, less ``allowance`` a block; none where the test does not know.
    """

    since: int | None
    falls: bool
    statistic: float
    threshold: float
    total: float | None = None
    allowance: float = 0.0


class Alarms(Protocol):
    """What can be asked of tests once an alarm was raised."""

    def strength(self) -> Floats:
        """(channels,) statistic over height: 1 and more is an alarm; channels compare by it once there is one."""
        ...

    def alarm(self, channel: int) -> Alarm:
        """What the channel's test found."""
        ...


class SequentialTests(Alarms, Protocol):
    """Tests of (channels,) scores, near standard normal while nothing changes; a change moves their mean.

    Channels that are not ``signed`` can only rise, and are tested on that side alone.
    """

    def update(self, scores: Floats, sizes: Floats, rows: Integers, stops: Integers | None = None) -> int:
        """Take (blocks, channels) scores and sizes of blocks that begin at (blocks,) ``rows``; how many were taken:
        all, or those up to the first that raises an alarm. A block has scores of the first ``stops`` (blocks,)
        channels alone, and of all without it; a size of 0 is none.
        """
        ...

    @property
    def raised(self) -> bool:
        """Whether the last block that was taken raised an alarm."""
        ...

    def strongest(self) -> float:
        """The largest ``strength`` of all channels, 0 without any."""
        ...

    def anew(self) -> "SequentialTests":
        """The same tests before they have seen anything."""
        ...

    def state(self) -> State:
        """All that later answers depend on; raises ``ContractError`` where that is no plain array."""
        ...

    def restore(self, state: State) -> None:
        """Go on from what ``state`` gave."""
        ...


def sides(signed: Signed) -> int:
    """How many one-sided tests the channels make; one at least."""
    return max(1, len(signed) + int(signed.sum()))
