"""Which topic a fact goes to, as data: by the station that decides it and the fact's type.

A topic keyed by dataset gets an event of a scope under the dataset that it names: ``key_in`` says under which key.
"""

from schemas.errors import ContractError
from schemas.events.base import Event
from schemas.events.budget import (
    CapChanged,
    CapDeclared,
    LedgerEntry,
    RunEnded,
    SpendRefused,
    SpendRequested,
    SpendReserved,
    SpendSettled,
    TriggerRefused,
    TriggerRequested,
    TriggerReserved,
)
from schemas.events.commands import Command, CommandAccepted, CommandRefused
from schemas.events.plans import ContractApplied, Ticked, TriggerDeferred, TriggerDismissed
from schemas.events.releases import CheckFailed, IncidentClosed, IncidentOpened, ReleaseMoved
from schemas.events.runs import CandidateCleared, CandidateRejected, GenerationRequested
from schemas.events.sources import DriftDetected, ProfileTaken
from schemas.topics import BY_NAME
from stream_app.core.unsigned import CheckpointAdvanced, KeysCondemned, StatementDrawn, StatusDrawn

Routes = dict[type[Event], tuple[str, ...]]

PLANNER: Routes = {
    ContractApplied: ("contracts",),
    CapDeclared: ("budget.log",),
    SpendRequested: ("budget.log",),
    TriggerRequested: ("budget.log",),
    RunEnded: ("budget.log", "release.log"),
    TriggerDeferred: ("run.progress",),
    TriggerDismissed: ("run.progress",),
    IncidentOpened: ("incidents", "release.log"),
}
"""An incident also enters ``release.log``: the registry keeps what is open, and reviews close it there."""

LEDGER: Routes = {
    SpendReserved: ("budget.ledger",),
    SpendRefused: ("budget.ledger", "plan.log"),
    TriggerReserved: ("budget.ledger",),
    TriggerRefused: ("budget.ledger", "plan.log"),
    SpendSettled: ("budget.ledger",),
    CapChanged: ("budget.ledger",),
    GenerationRequested: ("regeneration.requests",),
}
REGISTRY: Routes = {
    StatementDrawn: ("release.certified",),
    StatusDrawn: ("release.status",),
    CheckpointAdvanced: ("transparency.checkpoints",),
    KeysCondemned: (),
    ReleaseMoved: ("plan.log",),
    CandidateRejected: ("candidates.rejected",),
    IncidentOpened: ("incidents",),
    IncidentClosed: ("incidents",),
    CommandRefused: ("incidents",),
}
"""The first three are unsigned: the shell signs them into ``ReleaseCertified``, ``StatusPublished`` and
``CheckpointPublished`` under the same event id. ``KeysCondemned`` goes nowhere: the shell destroys the keys.
"""

INBOXES: dict[str, dict[str, tuple[type[Event], ...]]] = {
    "plan.log": {"source.drift": (ProfileTaken, DriftDetected), "candidates.rejected": (CandidateRejected,)},
    "release.log": {"candidates.cleared": (CandidateCleared,)},
}
"""What each log's inbox copies, by id, from which topic; commands come besides, by ``COMMANDS``. Everything else in a
log (``SpendRefused``, ``TriggerRefused``, ``ReleaseMoved``, ``RunEnded``, ``CheckFailed``, ``IncidentOpened``,
``Ticked``) is written there by who decides it.
"""

LOG_EVENTS: dict[str, tuple[type[Event], ...]] = {
    "plan.log": (
        CommandAccepted,
        ProfileTaken,
        DriftDetected,
        CandidateRejected,
        SpendRefused,
        TriggerRefused,
        ReleaseMoved,
        CheckFailed,
        Ticked,
    ),
    "budget.log": (CommandAccepted, CapDeclared, SpendRequested, TriggerRequested, RunEnded),
    "release.log": (CommandAccepted, CandidateCleared, RunEnded, CheckFailed, IncidentOpened, Ticked),
}

COMMANDS: dict[str, tuple[str, ...]] = {
    "apply_contract": ("plan.log",),
    "start_run": ("plan.log",),
    "cancel_run": ("plan.log",),
    "grant_access": ("plan.log", "release.log"),
    "withdraw_access": ("plan.log", "release.log"),
    "freeze": ("plan.log", "release.log"),
    "unfreeze": ("plan.log", "release.log"),
    "set_cap": ("budget.log",),
    "approve": ("release.log",),
    "reject": ("release.log",),
    "revoke": ("release.log",),
    "roll_back": ("release.log",),
    "retire": ("release.log",),
    "close_review": ("release.log",),
}


def logs_of(command: Command) -> tuple[str, ...]:
    """The logs that an accepted command is copied into."""
    return COMMANDS[command.command]


def key_in(topic: str, event: Event) -> str:
    """The Kafka key of an event in a topic; raises ``ContractError`` where the event has none for it."""
    if BY_NAME[topic].key == "dataset" and isinstance(event, LedgerEntry | RunEnded | CapDeclared):
        return event.dataset
    try:
        return event.key
    except TypeError:
        raise ContractError(f"an event that {topic} has no key for") from None


def addressed(routes: Routes, facts: tuple[Event, ...]) -> list[tuple[str, str, Event]]:
    """Topic, key and fact of everything to publish, in order; facts that go nowhere are left out."""
    return [(topic, key_in(topic, fact), fact) for fact in facts for topic in routes[type(fact)]]
