"""Each drift once, with what the planner made of it: the read side of ``perennial drift status``."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from schemas.errors import InputError
from schemas.events.budget import SpendRefused
from schemas.events.plans import TriggerDeferred, TriggerDismissed
from schemas.events.sources import DriftDetected
from stream_app.catalogue.view import Catalogue
from stream_app.core.drift.telling.severity import graded
from stream_app.core.drift_policy import described
from stream_app.core.entry import Entry
from stream_app.core.turn import STATION

Made = Literal["run", "deferred", "dismissed", "undecided"]
_MOST_FACTS = 8
"""Facts of one turn of the planner among which a dismissal is looked for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the planner made of a drift; ``stage`` is how far the run came, ``reason`` why there is none, or not yet."""

    made: Made
    run_id: str | None = None
    stage: str | None = None
    reason: str | None = None

    def __str__(self) -> str:
        if self.made == "run":
            return f"run {self.run_id}, {self.stage}" + (f": {self.reason}" if self.reason else "")
        return self.made if self.reason is None else f"{self.made}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Drift:
    """One change of a stream: first seen at ``at`` (the broker's milliseconds since 1970), perhaps sealed later."""

    seen: DriftDetected
    at: int | None
    sealed: DriftDetected | None
    answer: Answer

    @property
    def latest(self) -> DriftDetected:
        """The sealed event where there is one."""
        return self.sealed or self.seen

    @property
    def ids(self) -> tuple[str, ...]:
        return (self.seen.event_id,) if self.sealed is None else (self.seen.event_id, self.sealed.event_id)

    def document(self) -> dict[str, Any]:
        """For a program; the marginal is left to ``perennial drift show``."""
        event, answer = self.latest, self.answer
        return {
            "event_id": event.event_id,
            "dataset": event.dataset,
            "at": None if self.at is None else shown_at(self.at),
            "kind": event.kind,
            "onset": event.onset,
            "columns": list(event.columns),
            "group": event.group,
            "effect": event.effect,
            "effect_unit": event.effect_unit,
            "severity": event.severity,
            "severity_word": graded(event.severity).word,
            "said": event.said,
            "row": event.row,
            "since_row": event.since_row,
            "since_time": event.since_time,
            "statistic": event.statistic,
            "threshold": event.threshold,
            "detector": event.detector,
            "window": self.sealed is not None,
            "planner": {"made": answer.made, "run": answer.run_id, "stage": answer.stage, "reason": answer.reason},
        }


def shown_at(milliseconds: int) -> str:
    """ISO 8601 to the second, UTC; the bare number where no calendar has it, for a sender may stamp anything."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(milliseconds)


def drifts(view: Catalogue, dataset: str | None = None) -> Iterator[Drift]:
    """Every drift of one dataset or of all, oldest first; a sealed window joins the drift that it was sealed for."""
    for name, events in sorted(view.drift.items()):
        if dataset not in (None, name):
            continue
        sealed = {_change(event): event for event in events if event.window is not None}
        firsts: dict[tuple[Any, ...], DriftDetected] = {}
        for event in events:
            firsts.setdefault(_change(event), event)
        for change, seen in firsts.items():
            yield Drift(
                seen, view.seen_at.get(seen.event_id), sealed.get(change), _answer(view, seen, sealed.get(change))
            )


def find_drift(view: Catalogue, wanted: str, dataset: str | None = None) -> Drift:
    """The drift of an event's id, or of ``latest``; raises ``InputError`` that names what there is."""
    known = sorted(drifts(view, dataset), key=lambda drift: drift.at or 0)
    if wanted == "latest" and known:
        return known[-1]
    for drift in known:
        if wanted in drift.ids:
            return drift
    newest = ", ".join(drift.ids[-1] for drift in known[-5:])
    raise InputError(f"no drift {wanted[:100]}; the newest are {newest}" if newest else "no drift was found yet")


def sentence_of(view: Catalogue, dataset: str, run_id: str) -> str | None:
    """What the drift says that started a run, if one did and it says anything."""
    return next((drift.latest.said for drift in drifts(view, dataset) if drift.answer.run_id == run_id), None)


def _change(event: DriftDetected) -> tuple[Any, ...]:
    return (event.detector, event.kind, event.columns, event.group, event.row, event.since_row, event.statistic)


def _answer(view: Catalogue, seen: DriftDetected, sealed: DriftDetected | None) -> Answer:
    """To the sealed event where the planner has decided it: without a window there was nothing to learn from."""
    answers = [_to(view, event) for event in (sealed, seen) if event is not None]
    return next((answer for answer in answers if answer.made != "undecided"), answers[0])


def _to(view: Catalogue, event: DriftDetected) -> Answer:
    """By the ids that the planner's facts derive from the event, whatever else was decided meanwhile."""
    entry = Entry(event, event.dataset, 0, 0)
    run_id = f"{event.dataset}.{entry.fact_id(STATION, 'run')[:12]}"
    stage = _stage(view, run_id)
    if stage is not None:
        return Answer("run", run_id, *stage)
    text, places = described(event), range(_MOST_FACTS)
    for place in places:
        dismissed = view.dismissed.get(entry.fact_id(STATION, TriggerDismissed.type, place))
        if dismissed is not None and dismissed.trigger == text:  # not what it overtook
            return Answer("dismissed", reason=dismissed.reason)
    for place in places:
        deferred = view.deferred.get(entry.fact_id(STATION, TriggerDeferred.type, place))
        if deferred is not None and deferred.trigger == text:
            return _after_deferral(view, deferred)
    return Answer("undecided")


def _after_deferral(view: Catalogue, deferred: TriggerDeferred) -> Answer:
    """What waited may have been dismissed in the end, by another event's turn."""
    same = (deferred.dataset, deferred.trigger)
    later = [each for each in view.dismissed.values() if (each.dataset, each.trigger) == same]
    return Answer("dismissed", reason=later[-1].reason) if later else Answer("deferred", reason=deferred.reason)


def _stage(view: Catalogue, run_id: str) -> tuple[str, str | None] | None:
    """How far a run came, and why no further; none where nobody has heard of it."""
    attempts = [(name, stage) for name, (stage, dossier) in view.dossiers.items() if dossier.request.run_id == run_id]
    for name, _ in attempts:
        if name in view.certificates:
            return f"certified {name}", None
    for line in view.ledger.values():
        if isinstance(line, SpendRefused) and line.request.run_id == run_id:
            return "refused", line.reason
    if attempts:
        name, stage = attempts[-1]
        rejected = view.rejections.get(name)
        return stage, "; ".join(rejected.reasons) if rejected else None
    started = any(getattr(line, "run_id", None) == run_id for line in view.ledger.values())
    return ("started", None) if started else None
