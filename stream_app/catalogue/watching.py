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


FIGURES = (
    "station",
    "fraction",
    "message",
    "step",
    "of",
    "epsilon_so_far",
    "seconds_left",
    "cpu_seconds",
    "estimated_cost",
)


def _figures(event: RunProgressed) -> dict[str, object]:
    return {name: getattr(event, name) for name in FIGURES if getattr(event, name) is not None}


def _more(event: RunProgressed) -> str:
    """Step, epsilon so far, time left and cost, as far as they are known."""
    parts = [
        f"step {event.step} of {event.of}" if event.of else "",
        f"epsilon {event.epsilon_so_far} so far" if event.epsilon_so_far is not None else "",
        f"{event.seconds_left:.0f} s left" if event.seconds_left is not None and event.fraction < 1 else "",
        f"about {event.estimated_cost}" if event.estimated_cost is not None else "",
    ]
    return "".join(f", {part}" for part in parts if part)


def _told(event: Event) -> Outcome | None:
    match event:
        case RunProgressed():
            return Outcome(
                f"{event.fraction:4.0%} {event.station}: {event.message}{_more(event)}",
                {"run": event.run_id, **_figures(event)},
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
