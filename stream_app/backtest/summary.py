"""The summary of a replay: counts by cause, the budget, alarms, reasons, cost."""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from schemas.events.budget import SpendRefused, TriggerRefused, TriggerReserved
from schemas.events.plans import TriggerDeferred, TriggerDismissed
from schemas.events.releases import ReleaseMoved
from schemas.events.runs import GenerationRequested
from schemas.events.sources import DriftDetected
from stream_app.backtest.happenings import TEST, cause_of, counted, happening_of
from stream_app.backtest.replay import Replayed
from stream_app.backtest.result import (
    Alarms,
    Backtest,
    Budget,
    Cost,
    Grant,
    KnownChange,
    Runs,
    Stationary,
)
from stream_app.backtest.stations import Told

_FIGURE = re.compile(r"\b(?=\S*\d)[0-9a-f]{8,}\b|\d+(\.\d+)?")
_RELEASE = re.compile(r"\S+\.[0-9a-f]{12}\.\d+\b")


def summary(replayed: Replayed, changes: tuple[int, ...] = (), stationary: Replayed | None = None) -> Backtest:
    """What the replay says; ``changes`` are rows of the history (in its order of time) at which it truly changed."""
    history, contract = replayed.history, replayed.contract
    told = counted(replayed)
    return Backtest(
        dataset=contract.dataset,
        version=contract.version,
        contract_digest=contract.digest(),
        rows=history.rows,
        reference_rows=history.reference_rows,
        first=history.shown(int(history.times[0])),
        last=history.shown(int(history.times[-1])),
        runs=_runs(told),
        budget=_budget(replayed, told),
        alarms=_alarms(replayed, told, changes),
        dismissed=_reasons(each.event.reason for each in told if isinstance(each.event, TriggerDismissed)),
        deferred=_reasons(each.event.reason for each in told if isinstance(each.event, TriggerDeferred)),
        cost=_cost(replayed, told),
        happenings=tuple(found for each in told if (found := happening_of(replayed.history, each)) is not None),
        unfinished=_unfinished(replayed),
        supposed=_supposed(replayed),
        stationary=None if stationary is None else _stationary(stationary),
    )


def _runs(told: list[Told]) -> tuple[Runs, ...]:
    asked = [each.event for each in told if isinstance(each.event, GenerationRequested)]
    certified = {
        each.event.run_id for each in told if isinstance(each.event, ReleaseMoved) and each.event.state == "certified"
    }
    found = []
    for cause in dict.fromkeys(cause_of(event) for event in asked):
        requests = [event.dossier.request for event in asked if cause_of(event) == cause]
        names = {request.run_id for request in requests}
        again = sum(request.reuse is not None for request in requests)
        found.append(
            Runs(
                cause=cause,
                runs=len(names),
                attempts=len(requests),
                sampled_again=again,
                certified=len(names & certified),
            )
        )
    return tuple(found)


def _budget(replayed: Replayed, told: list[Told]) -> Budget:
    privacy, lines = replayed.contract.policy.privacy, replayed.stations.lines
    standing = [line for line in lines if not isinstance(line, SpendRefused | TriggerRefused)]
    refused = [each for each in told if isinstance(each.event, SpendRefused | TriggerRefused)]
    return Budget(
        scope=privacy.scope,
        claim=privacy.claim,
        epsilon=standing[-1].epsilon_after if standing else "0",
        cap=standing[-1].cap_epsilon if standing else privacy.cap_epsilon,
        delta=standing[-1].delta if standing else privacy.delta,
        grants=tuple(_grants(replayed, told)),
        refusals=len(refused),
        ran_out=happening_of(replayed.history, refused[0]) if refused else None,
    )


def _grants(replayed: Replayed, told: list[Told]) -> Iterable[Grant]:
    for each in told:
        event = each.event
        if isinstance(event, GenerationRequested):
            cause, after = cause_of(event), event.dossier.epsilon_after or "0"
            again = event.dossier.request.reuse is not None
        elif isinstance(event, TriggerReserved) and event.mechanisms:
            cause, after, again = TEST, event.epsilon_after, False
        else:
            continue
        yield Grant(
            row=each.row,
            at=each.at,
            time=replayed.history.shown(each.at),
            cause=cause,
            sampled_again=again,
            epsilon_after=after,
        )


def _drifts(told: list[Told]) -> list[tuple[int, DriftDetected]]:
    """Each drift once, as it was seen; a private test's answer comes with its window only."""
    return [
        (each.row, each.event)
        for each in told
        if isinstance(each.event, DriftDetected) and (each.event.window is None or each.event.grant is not None)
    ]


def _alarms(replayed: Replayed, told: list[Told], changes: tuple[int, ...]) -> Alarms:
    found = _drifts(told)
    known, matched = [], 0
    limits = [*sorted(set(changes)), len(replayed.history.frame) + 1]
    for change, following in pairwise(limits):
        own = [row for row, _ in found if change <= row < following]
        matched += bool(own)
        known.append(KnownChange(row=change, delay=own[0] - change if own else None))
    return Alarms(
        found=len(found),
        kinds=dict(sorted(Counter(event.kind for _, event in found).items())),
        expected_false=round(replayed.contract.policy.drift.alarms_per_million * replayed.history.rows / 1e6, 4),
        changes=tuple(known),
        false=len(found) - matched if changes else None,
    )


def _reasons(reasons: Iterable[str]) -> dict[str, int]:
    """How often each reason was given, the most frequent first, names of releases and figures left out."""
    plain = (_FIGURE.sub("…", _RELEASE.sub("…", reason)) for reason in reasons)
    return dict(Counter(plain).most_common())


def _cost(replayed: Replayed, told: list[Told]) -> Cost:
    asked = [each.event.dossier.request for each in told if isinstance(each.event, GenerationRequested)]
    fits, seconds = sum(request.reuse is None for request in asked), replayed.terms.fit_seconds
    return Cost(
        cpu_seconds=round(replayed.cpu_seconds, 3),
        rows_per_cpu_second=round(replayed.history.rows / max(replayed.cpu_seconds, 1e-9)),
        fits=fits,
        fit_seconds=seconds,
        training_seconds=None if seconds is None else fits * seconds,
    )


def _unfinished(replayed: Replayed) -> tuple[str, ...]:
    plan, watch, found = replayed.stations.plan, replayed.watch, list[str]()
    if watch.sign is not None:
        left = watch.window_rows - (watch.seen - watch.began)
        what = "labels" if watch.late else "rows"
        found.append(f"a drift waits for {left} more {what} before its window is full and a run may follow")
    if plan.run is not None:
        found.append(f"a run is in flight: {plan.run.trigger.text}")
    if plan.waiting is not None:
        found.append(f"a run waits: {plan.waiting.text}")
    if plan.paused is not None:
        found.append("the dataset is paused for columns that changed: no run starts until a person decides")
    return tuple(found)


def _supposed(replayed: Replayed) -> tuple[str, ...]:
    terms, policy = replayed.terms, replayed.contract.policy
    found = ["the scope's budget is spent by this dataset alone", "approvals come at once, and nobody sends commands"]
    if terms.reject_rate:
        found.append(f"gates refuse {terms.reject_rate:.0%} of all attempts")
    else:
        found.append("every candidate passes its gates at the first attempt")
    if terms.fit_seconds is None:
        found.append("a generator is fitted in no time")
    if not replayed.history.timed:
        found.append("rows come at an assumed rate: days are not the history's own")
    if replayed.checks_due:
        found.append(f"{replayed.checks_due} checks of releases on fresh rows pass: no release is there to measure")
    if policy.drift.late_labels:
        found.append(f"every row is labelled, {terms.label_delay} rows after it came")
    if policy.privacy.timing == "private":
        found.append("the private test compares rows with those of the release's source, not with a release")
    return tuple(found)


def _stationary(replayed: Replayed) -> Stationary:
    told = counted(replayed)
    found = _drifts(told)
    return Stationary(
        seed=replayed.terms.seed,
        drifts=len(found),
        kinds=dict(sorted(Counter(event.kind for _, event in found).items())),
        drift_runs=sum(each.runs for each in _runs(told) if each.cause == "drift"),
        epsilon=_budget(replayed, told).epsilon,
    )
