"""What the drift station knows of one dataset on one worker, and how it is brought up to what the topics say."""

import asyncio
import contextlib
from collections.abc import Generator
from dataclasses import dataclass, field

from schemas.canonical import digest
from schemas.contract import Contract
from schemas.errors import ContractError
from schemas.events.counts import RowsCounted
from schemas.events.plans import ContractApplied
from schemas.events.sources import SnapshotAnnounced
from stream_app.adapters.reader import offset_at, read_range, read_topic
from stream_app.agents.grants import Grants
from stream_app.agents.shell import Received
from stream_app.agents.watch import Watch
from stream_app.core.drift.private.live_test import LiveTest
from stream_app.settings import Settings


@dataclass(slots=True)
class Desk:
    """One dataset. All of it can be rebuilt from the topics, so whoever is in doubt drops the watch.

    ``recalled`` is the assignment of partitions at which contract and snapshot were last read; ``position`` is the
    next offset of ``source.counts`` to take, by partition; ``failed`` is the shape that could not be profiled, which
    is not tried for every batch again; ``unsaved`` are the messages taken since the last checkpoint. ``grants`` and
    ``test`` are of timing ``private``: a new snapshot leaves the test as it is, for an answer is given only once.
    """

    dataset: str
    contract: Contract | None = None
    snapshot: SnapshotAnnounced | None = None
    announced_at: int = 0
    watch: Watch | None = None
    profiled: str | None = None
    failed: str | None = None
    unsaved: int = 0
    recalled: int = -1
    position: dict[int, int] = field(default_factory=dict)
    grants: Grants = field(default_factory=Grants)
    test: LiveTest | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def announce(self, snapshot: SnapshotAnnounced, at: int) -> None:
        """The newest snapshot by the time of its announcement counts."""
        if self.snapshot is None or self.announced_at <= at:
            self.snapshot, self.announced_at = snapshot, at

    def apply(self, contract: Contract) -> None:
        """The contract of the highest version counts, whatever is delivered again."""
        if self.contract is None or _version(self.contract) <= _version(contract):
            self.contract = contract

    def forget(self) -> None:
        """Start again from the snapshot: what was counted may have been counted in part."""
        self.watch, self.profiled = None, None
        self.position.clear()

    @property
    def shape(self) -> str | None:
        """What a profile depends on: the snapshot, and of the contract what is read of rows. None before both are
        known. A change of limits or approvals keeps it, on a worker that was restarted meanwhile as well.
        """
        if self.contract is None or self.snapshot is None:
            return None
        policy = self.contract.policy
        read = [column.document() for column in self.contract.columns]
        parts = policy.model_dump(mode="json", include={"split", "subgroups", "triples", "target", "drift"})
        return digest([self.snapshot.event_id, read, policy.privacy.unit.document(), parts])

    def recall(self, bootstrap: str) -> None:
        """Read contract and snapshot anew; blocking, for a thread. Raises ``TransientError``."""
        for message in read_topic(bootstrap, "contracts", "source.snapshots"):
            try:
                event = message.event()
            except ContractError:
                continue
            if isinstance(event, ContractApplied) and event.dataset == self.dataset:
                self.apply(event.contract)
            elif isinstance(event, SnapshotAnnounced) and event.dataset == self.dataset:
                self.announce(event, message.at)

    def missed(self, settings: Settings, received: Received) -> Generator[tuple[int, int, RowsCounted], None, None]:
        """Offset, time and counts of everything since the snapshot, from where this desk stands to what was received.

        Blocking, for a thread. What holds no counts is passed over: it went to dead letters when it first came.
        """
        start = self.position.get(received.partition)
        place = (settings.bootstrap, received.topic, received.partition)
        if start is None:
            start = 0 if settings.embedded else offset_at(*place, self.announced_at)
        for message in read_range(*place, start, received.offset):
            if message.at >= self.announced_at and message.key == self.dataset.encode():
                with contextlib.suppress(ContractError):
                    event = message.event()
                    if isinstance(event, RowsCounted):
                        yield message.offset, message.at, event


def _version(contract: Contract) -> tuple[int, ...]:
    return tuple(int(part) for part in contract.version.split("."))
