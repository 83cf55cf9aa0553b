"""What the story waits for: functions that make something of the event that matters, and end the demo on a refusal."""

from collections.abc import Callable

from schemas.events import Event
from schemas.events.budget import SpendRefused, SpendReserved
from schemas.events.plans import ContractApplied, TriggerDismissed
from schemas.events.releases import IncidentOpened, ReleaseCertified
from schemas.events.runs import CandidateRejected, GenerationRequest, GenerationRequested
from schemas.events.sources import DriftDetected, ProfileTaken
from stream_app.demo.stage import DemoFailed


def contract_applied(event: Event) -> ContractApplied | None:
    _refused(event)
    return event if isinstance(event, ContractApplied) else None


def profile_taken(event: Event) -> ProfileTaken | None:
    return event if isinstance(event, ProfileTaken) else None


def run_granted(event: Event) -> GenerationRequest | None:
    """The planner's request, once the ledger has granted it."""
    _refused(event)
    return event.dossier.request if isinstance(event, GenerationRequested) else None


def spend_reserved(event: Event) -> SpendReserved | None:
    _refused(event)
    return event if isinstance(event, SpendReserved) else None


def certified(run_id: str = "") -> Callable[[Event], ReleaseCertified | None]:
    """A certificate (of that run); where the run ended without one, the demo ends with the reason."""

    def wanted(event: Event) -> ReleaseCertified | None:
        if isinstance(event, IncidentOpened) and event.severity == "high":
            raise DemoFailed(f"no release: {event.summary}")
        _refused(event)
        mine = isinstance(event, ReleaseCertified) and event.release_id.startswith(run_id)
        return event if isinstance(event, ReleaseCertified) and mine else None

    return wanted


def rejected(event: Event) -> CandidateRejected | None:
    _refused(event)
    return event if isinstance(event, CandidateRejected) else None


def incident(event: Event) -> IncidentOpened | None:
    return event if isinstance(event, IncidentOpened) else None


def drifted(*, sealed: bool) -> Callable[[Event], DriftDetected | None]:
    """The first sign of drift, or the window of new rows that follows it."""

    def wanted(event: Event) -> DriftDetected | None:
        return event if isinstance(event, DriftDetected) and (event.window is not None) == sealed else None

    return wanted


def _refused(event: Event) -> None:
    if isinstance(event, SpendRefused):
        raise DemoFailed(f"the ledger refused the budget: {event.reason}")
    if isinstance(event, TriggerDismissed) and not event.trigger.startswith(("drift", "check")):
        raise DemoFailed(f"no release: {event.reason}")
    if isinstance(event, TriggerDismissed) and event.reason.startswith("attempt"):
        raise DemoFailed(f"no release after the drift: {event.reason}")
