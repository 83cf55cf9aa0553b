"""What the planner knows about one dataset, and what could start a run."""

from dataclasses import dataclass, field

from schemas.contract import Contract
from schemas.events.budget import TriggerGrant
from schemas.events.commands import Where
from schemas.events.releases import State
from schemas.events.runs import GenerationRequest, TrainingReport
from schemas.events.sources import ProfileTaken, SourceRef
from schemas.regeneration import Origin
from stream_app.core.ladder import Choice
from stream_app.core.persistent import Decided


@dataclass(frozen=True, slots=True)
class Trigger:
    """Something that asks for a run. ``run_id`` is fixed by the entry that it came with, whenever the run starts.

    ``release_id`` is the release that expired or failed a check; the run is pointless once that is no longer in use.
    ``first`` marks what a subgroup asks for, where the contract lets subgroups go first.
    """

    origin: Origin
    text: str
    run_id: str
    rows: int | None = None
    where: tuple[Where, ...] = ()
    family: str | None = None
    release_id: str | None = None
    first: bool = False


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
class NotedDrift:
    """One change of the live rows that no run has learnt yet: what moved, how severe, from which row to which it was
    seen to hold.
    """

    kind: str
    columns: tuple[str, ...]
    group: str | None
    severity: float
    since_row: int
    row: int

    @property
    def lasted(self) -> int:
        """Rows for which it was seen to hold."""
        return self.row - self.since_row


@dataclass(frozen=True, slots=True)
class Pause:
    """No run starts: these columns of the source changed, and nobody has decided yet what that means."""

    columns: tuple[str, ...]
    incident_id: str


@dataclass(frozen=True, slots=True)
class ArmedTrigger:
    """The private test that was asked for and has not answered yet, and the scope that pays for it."""

    scope: str
    grant: TriggerGrant


@dataclass(frozen=True, slots=True)
class Plan:
    """The fold of ``plan.log`` for one dataset.

    ``latest`` are the newest rows to train on, a snapshot or a window. ``changes`` counts what says that the
    distribution moved: drift (of one change once) and failed checks. ``noted`` are the changes found since the last
    run started, ``source`` is what the last run that ended had read, ``ended_at`` when that was. ``accepted`` are
    changed columns that a person decided to go on with. ``waiting`` waits for the run in flight, or for the end of a
    cool-down. ``now`` is the latest broker time seen.
    """

    dataset: str
    contract: Contract | None = None
    contract_digest: str | None = None
    profile: ProfileTaken | None = None
    taken: str | None = None
    latest: SourceRef | None = None
    changes: int = 0
    drift: DriftMark | None = None
    armed: ArmedTrigger | None = None
    noted: tuple[NotedDrift, ...] = ()
    paused: Pause | None = None
    accepted: tuple[str, ...] = ()
    frozen: bool = False
    access: bool = True
    run: Run | None = None
    waiting: Trigger | None = None
    source: SourceRef | None = None
    ended_at: int | None = None
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
