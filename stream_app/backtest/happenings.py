"""What the stations of a replay said, each thing once and in words for people."""

from collections.abc import Callable

from schemas.events import Event
from schemas.events.budget import SpendRefused, TriggerRefused, TriggerReserved
from schemas.events.plans import TriggerDeferred, TriggerDismissed
from schemas.events.releases import IncidentOpened, ReleaseMoved
from schemas.events.runs import CandidateRejected, GenerationRequested
from schemas.events.sources import DriftDetected
from stream_app.backtest.history import History
from stream_app.backtest.replay import Replayed
from stream_app.backtest.result import Cause, Happening, What
from stream_app.backtest.stations import Told
from stream_app.core.drift_policy import described

TEST: Cause = "private test"
_AHEAD, _AWAITED = " expires within ", "its sealed window will decide"
"""As the planner's words say it: a request's origin does not tell a renewal, nor a dismissal its kind."""
_TOPICS = {
    DriftDetected: "source.drift",
    GenerationRequested: "regeneration.requests",
    SpendRefused: "budget.ledger",
    TriggerRefused: "budget.ledger",
    TriggerReserved: "budget.ledger",
    IncidentOpened: "incidents",
    ReleaseMoved: "plan.log",
    CandidateRejected: "candidates.rejected",
}
"""Where an event is counted that goes to several topics."""


def counted(replayed: Replayed) -> list[Told]:
    """What counts, once: without the expiry of releases that a newer one had replaced, and without the dismissal of
    every drift whose window is only awaited.
    """
    found, standing = list[Told](), ""
    for told in replayed.stations.told:
        event = told.event
        if told.topic != _TOPICS.get(type(event), told.topic):
            continue
        if isinstance(event, ReleaseMoved):
            standing = event.release_id if event.state == "certified" else standing
            if event.state == "expired" and event.release_id != standing:
                continue
        if not (isinstance(event, TriggerDismissed) and event.reason.endswith(_AWAITED)):
            found.append(told)
    return found


def cause_of(event: GenerationRequested | SpendRefused) -> Cause:
    """What asked for the run."""
    request = event.request if isinstance(event, SpendRefused) else event.dossier.request
    if request.origin == "expiry" and _AHEAD in request.trigger:
        return "renewal"
    return request.origin or "person"


_TEXTS: dict[type[Event], tuple[What, Callable[..., str]]] = {
    DriftDetected: ("drift", lambda event: described(event) if event.said is None else f"{event.kind}: {event.said}"),
    TriggerDismissed: ("dismissed", lambda event: f"{event.trigger}: {event.reason}"),
    TriggerDeferred: ("deferred", lambda event: f"{event.trigger}: {event.reason}"),
    SpendRefused: ("refused", lambda event: f"{cause_of(event)}: {event.reason}"),
    TriggerRefused: ("refused", lambda event: f"{TEST}: {event.reason}"),
    TriggerReserved: ("granted", lambda event: f"{TEST}, epsilon {event.epsilon_after} after it"),
    CandidateRejected: ("rejected", lambda event: f"attempt {event.dossier.request.attempt}: {event.reasons[0]}"),
    IncidentOpened: ("incident", lambda event: event.summary),
}


def happening_of(history: History, told: Told) -> Happening | None:
    """Absent for what is no news to people."""
    event = told.event
    if isinstance(event, GenerationRequested):
        what, text = _granted(event)
    elif isinstance(event, ReleaseMoved):
        if event.state not in ("certified", "expired"):
            return None
        what, text = event.state, event.release_id
    elif type(event) in _TEXTS:
        if isinstance(event, DriftDetected) and event.window is not None and event.grant is None:
            return None
        what, worded = _TEXTS[type(event)]
        text = worded(event)
    else:
        return None
    return Happening(row=told.row, at=told.at, time=history.shown(told.at), what=what, text=text)


def _granted(event: GenerationRequested) -> tuple[What, str]:
    request = event.dossier.request
    how = "sampled again, nothing is spent" if request.reuse is not None else f"fit {request.family}"
    return (
        "granted",
        f"{cause_of(event)}: {how}, attempt {request.attempt}, epsilon {event.dossier.epsilon_after} after",
    )
