"""The sequential test behind the tracker's channels: one test a channel, all on the same standardised block scores."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from stream_app.core.drift.bins import Floats

State = Mapping[str, "np.ndarray[Any, Any]"]
Signed = np.ndarray[Any, np.dtype[np.bool_]]


class SequentialTests(Protocol):
    """Tests of (channels,) scores, near standard normal while nothing changes; a change moves their mean.

    Channels that are not ``signed`` can only rise, and are tested on that side alone.
    """

    @property
    def height(self) -> float:
        """What the largest statistic is compared with."""
        ...

    def update(self, scores: Floats) -> None:
        """Take one block's scores."""
        ...

    def strength(self) -> Floats:
        """(channels,) statistic over height: 1 and more is an alarm; channels compare by it once there is one."""
        ...

    def age(self, channel: int) -> int | None:
        """Blocks since the change that a channel now points to may have begun; none where the test cannot say."""
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
