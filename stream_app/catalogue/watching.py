"""What one message tells a person who watches a dataset's runs."""

from dataclasses import dataclass
from typing import Any

from schemas.errors import ContractError
from schemas.events import Event
from schemas.events.budget import SpendRefused, SpendReserved, SpendSettled
from schemas.events.plans import TriggerDismissed
from schemas.events.releases import ReleaseCertified
from schemas.events.runs import CandidateRejected, RunProgressed
from stream_app.adapters.reader import StoredMessage


@dataclass(frozen=True, slots=True)
class Outcome:
    """A line for a person, the same for a program, and whether the run is over and how."""

    text: str
    document: dict[str, Any]
    ended: bool = False
    good: bool = False


def outcome_of(message: StoredMessage, dataset: str) -> Outcome | None:
    """What the message says about the dataset's runs, or nothing."""
    try:
        event = message.event()
    except ContractError:
        return None
    if getattr(event, "dataset", None) != dataset:
        return None
    return _told(event)


def _told(event: Event) -> Outcome | None:
    match event:
        case RunProgressed():
            return Outcome(
                f"{event.fraction:4.0%} {event.station}: {event.message}",
                {"run": event.run_id, "station": event.station, "fraction": event.fraction, "message": event.message},
            )
        case SpendReserved():
            return Outcome(
                f"budget reserved: epsilon {event.epsilon_before} -> {event.epsilon_after} of {event.cap_epsilon}",
                {"run": event.run_id, "reserved": event.epsilon_after, "cap": event.cap_epsilon},
            )
        case SpendRefused():
            return Outcome(
                f"budget refused: {event.reason}", {"run": event.run_id, "refused": event.reason}, ended=True
            )
        case CandidateRejected():
            return Outcome(
                f"{event.station} rejected attempt {event.dossier.request.attempt}: {'; '.join(event.reasons)}",
                {
                    "release": event.dossier.request.release_id,
                    "rejected_by": event.station,
                    "reasons": list(event.reasons),
                },
            )
        case SpendSettled() if event.outcome != "certified":
            return Outcome(f"run ended: {event.outcome}", {"run": event.run_id, "ended": event.outcome}, ended=True)
        case TriggerDismissed():
            return Outcome(
                f"dismissed: {event.reason}", {"trigger": event.trigger, "dismissed": event.reason}, ended=True
            )
        case ReleaseCertified():
            return Outcome(
                f"certified {event.release_id}", {"release": event.release_id, "certified": True}, ended=True, good=True
            )
        case _:
            return None
