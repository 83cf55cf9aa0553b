"""What the planner knows about one dataset, and what could start a run."""

from dataclasses import dataclass, field
from typing import Literal

from schemas.contract import Contract
from schemas.events.commands import Where
from schemas.events.releases import State
from schemas.events.runs import GenerationRequest, TrainingReport
from schemas.events.sources import ProfileTaken, SourceRef
from stream_app.core.ladder import Choice
from stream_app.core.persistent import Decided

Origin = Literal["snapshot", "drift", "expiry", "check", "person"]


@dataclass(frozen=True, slots=True)
class Trigger:
    """Something that asks for a run. ``run_id`` is fixed by the entry that it came with, whenever the run starts.

    ``release_id`` is the release that expired or failed a check; the run is pointless once that is no longer in use.
    """

    origin: Origin
    text: str
    run_id: str
    rows: int | None = None
    where: tuple[Where, ...] = ()
    family: str | None = None
    release_id: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """The run in flight: its trigger, the request of its latest attempt, every choice tried, the changes seen before
    it.

    ``rows`` is how many rows a fit counts on, the same for every attempt.
    """

    trigger: Trigger
    request: GenerationRequest
    tried: tuple[Choice, ...]
    changes: int
    rows: int


@dataclass(frozen=True, slots=True)
class KnownRelease:
    """A release as the registry told of it. ``changes`` is absent where the run had ended before its release came."""

    release_id: str
    state: State
    source: SourceRef
    contract_digest: str
    training: TrainingReport
    changes: int | None
    certified_at: int
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class DriftMark:
    """The last drift that started a run: after how many rows, and when (milliseconds, broker time)."""

    row: int
    at: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The fold of ``plan.log`` for one dataset.

    ``latest`` are the newest rows to train on, a snapshot or a window. ``changes`` counts what says that the
    distribution moved: drift (of one change once) and failed checks. ``now`` is the latest broker time seen.
    """

    dataset: str
    contract: Contract | None = None
    contract_digest: str | None = None
    profile: ProfileTaken | None = None
    taken: str | None = None
    latest: SourceRef | None = None
    changes: int = 0
    drift: DriftMark | None = None
    frozen: bool = False
    access: bool = True
    run: Run | None = None
    waiting: Trigger | None = None
    releases: tuple[KnownRelease, ...] = ()
    revoked_models: tuple[str, ...] = ()
    expiry_handled: str | None = None
    now: int = 0
    decided: Decided = field(default_factory=Decided)

    @property
    def training_rows(self) -> int:
        """How many rows a fit may count on, before anyone has read them."""
        if self.profile is not None and self.latest == self.profile.source:
            return self.profile.train_rows
        rows = self.latest.rows if self.latest is not None and self.latest.rows is not None else 0
        return int(rows * self.contract.policy.split.train) if self.contract is not None else rows

    def release(self, release_id: str) -> KnownRelease | None:
        return next((known for known in self.releases if known.release_id == release_id), None)

    @property
    def good(self) -> KnownRelease | None:
        """The newest release that may still be relied on, an expired one included: its model is as good as it was."""
        return max(
            (known for known in self.releases if known.state in ("certified", "superseded", "expired")),
            key=lambda known: (known.certified_at, known.release_id),
            default=None,
        )

    @property
    def standing(self) -> KnownRelease | None:
        """The newest release in use: certified, or certified until it expired."""
        return max(
            (known for known in self.releases if known.state in ("certified", "expired")),
            key=lambda known: (known.certified_at, known.release_id),
            default=None,
        )
