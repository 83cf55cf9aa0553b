"""What became of releases in use: every time that one was measured again, rebuilt from ``release.checks``."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Self

from schemas.errors import ContractError
from schemas.events.releases import ReleaseChecked
from stream_app.adapters.reader import StoredMessage, read_topic

TOPIC = "release.checks"
Gate = Literal["utility", "privacy"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was found and when the broker heard of it, milliseconds since 1970."""

    at: int
    event: ReleaseChecked

    @property
    def decided(self) -> bool:
        """Whether the release passed or failed; too little evidence is neither."""
        return self.event.verdict in ("PASS", "FAIL")


@dataclass(slots=True)
class Checks:
    """Every check once, in the order of the topic; one that came again keeps its first time."""

    found: dict[str, Check] = field(default_factory=dict)

    @classmethod
    def read(cls, bootstrap: str) -> Self:
        """Read the topic as it stands; raises ``TransientError`` where no broker answers."""
        checks = cls()
        checks.take(read_topic(bootstrap, TOPIC))
        return checks

    def take(self, messages: Iterable[StoredMessage]) -> None:
        """Add messages; what is no check is passed over."""
        for message in messages:
            try:
                event = message.event()
            except ContractError:
                continue
            if isinstance(event, ReleaseChecked):
                self.found.setdefault(event.event_id, Check(message.at, event))

    def of(self, release_id: str, gate: Gate) -> list[Check]:
        """The checks of one release by one gate, oldest first."""
        return [
            check for check in self.found.values() if check.event.release_id == release_id and check.event.gate == gate
        ]
