"""Trainer and gates: stateless stations that hand a dossier to the process pool and pass on what comes back."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from generators.protocol import FitFailed
from schemas.errors import (
    BudgetError,
    ContractError,
    InsufficientEvidence,
    PerennialError,
    RunCancelled,
    TransientError,
)
from schemas.events import Event, derive_id
from schemas.events.runs import (
    CandidateCleared,
    CandidatePrivate,
    CandidateRejected,
    CandidateTrained,
    Dossier,
    GenerationRequested,
    Station,
)
from schemas.finding import Finding, GateReport, verdict_of
from stream_app.adapters.jobs import Heard
from stream_app.agents.context import Context
from stream_app.agents.judging import judge_privacy, judge_utility
from stream_app.agents.shell import Received, events, serve
from stream_app.agents.telling import teller
from stream_app.agents.training import train

if TYPE_CHECKING:
    from faust.types import AppT

REMEMBERED = 512
Work = Callable[..., Dossier | FitFailed]
Passed = type[CandidateTrained] | type[CandidatePrivate] | type[CandidateCleared]


def register_trainer(app: "AppT", context: Context) -> None:
    """``regeneration.requests`` to ``candidates.trained``."""
    _register(
        app,
        context,
        "trainer",
        "regeneration.requests",
        GenerationRequested,
        train,
        "candidates.trained",
        CandidateTrained,
    )


def register_privacy(app: "AppT", context: Context) -> None:
    """``candidates.trained`` to ``candidates.private``."""
    _register(
        app,
        context,
        "privacy",
        "candidates.trained",
        CandidateTrained,
        judge_privacy,
        "candidates.private",
        CandidatePrivate,
    )


def register_utility(app: "AppT", context: Context) -> None:
    """``candidates.private`` to ``candidates.cleared``."""
    _register(
        app,
        context,
        "utility",
        "candidates.private",
        CandidatePrivate,
        judge_utility,
        "candidates.cleared",
        CandidateCleared,
    )


def _register(
    app: "AppT",
    context: Context,
    station: Station,
    topic: str,
    wanted: type[Event],
    work: Work,
    onward: str,
    passed: Passed,
) -> None:
    finished: deque[str] = deque(maxlen=REMEMBERED)

    async def handle(event: Event, _: Received) -> None:
        if not isinstance(event, wanted) or event.event_id in finished:
            return  # a rebalance hands out again what this worker has finished, and what came of it is published
        dossier: Dossier = getattr(event, "dossier")  # noqa: B009 (every wanted event has one)
        await _work(context, station, dossier, work, onward, passed)
        finished.append(event.event_id)

    serve(app, context, station, topic, events(context, station, handle))


async def _work(context: Context, station: Station, dossier: Dossier, work: Work, onward: str, passed: Passed) -> None:
    """Pass the dossier on, or refuse it with reasons; only a transient error leaves it undecided."""
    request = dossier.request
    tell = teller(context, station, request)
    gauge = context.metrics.jobs.labels(station)
    gauge.inc()
    try:
        job = f"{request.release_id}.{station}"
        after = await context.work(station, job, work, context.workplace, dossier, on_progress=tell)
    except TransientError:
        raise
    except RunCancelled:
        tell(Heard(1.0, "cancelled"))  # the planner has ended the run: nobody waits for a candidate
        return
    except PerennialError as error:
        verdict: Literal["FAIL", "INSUFFICIENT", "INVALID"] = (
            "INSUFFICIENT"
            if isinstance(error, InsufficientEvidence)
            else "FAIL"
            if isinstance(error, BudgetError)
            else "INVALID"
        )
        await _refuse(context, station, dossier, verdict, (str(error)[:500],))
        return
    finally:
        gauge.dec()
    if isinstance(after, FitFailed):
        await _refuse(context, station, dossier, "FAIL", (f"{after.outcome}: {after.detail}"[:500],))
        return
    _count(context, [report for report in after.reports if report not in dossier.reports])
    verdict_now = verdict_of(after.findings) if after.reports else "PASS"
    if verdict_now != "PASS":
        await _refuse(context, station, after, verdict_now, _reasons(after.findings))
        return
    fact = passed(event_id=derive_id(request.release_id, passed.type), dataset=after.request.dataset, dossier=after)
    try:
        await context.publish(station, onward, fact)
    except ContractError as error:  # too large to pass on: the run must end, and what is left out is what grew
        bare = after.without_reports()
        await _refuse(context, station, bare, "INVALID", (f"the dossier: {error}",))


async def _refuse(
    context: Context,
    station: Station,
    dossier: Dossier,
    verdict: Literal["FAIL", "INSUFFICIENT", "INVALID"],
    reasons: tuple[str, ...],
) -> None:
    rejected = CandidateRejected(
        event_id=derive_id(dossier.request.release_id, station, CandidateRejected.type),
        dataset=dossier.request.dataset,
        dossier=dossier,
        station=station,
        verdict=verdict,
        reasons=reasons,
    )
    await context.publish(station, "candidates.rejected", rejected)


def _reasons(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    return tuple(_reason(finding) for finding in findings if finding.verdict != "PASS")


def _reason(finding: Finding) -> str:
    sign = "at most" if finding.direction == "at_most" else "at least"
    figure = "nothing measured" if finding.value is None else f"{finding.value:.4g}"
    limit = "" if finding.limit is None else f", limit {sign} {finding.limit:.4g}"
    return f"{finding.metric} {finding.verdict}: {figure}{limit}{f' ({finding.reason})' if finding.reason else ''}"


def _count(context: Context, reports: list[GateReport]) -> None:
    for report in reports:
        for finding in report.findings:
            context.metrics.findings.labels(finding.metric, finding.verdict).inc()
