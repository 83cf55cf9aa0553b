"""Planner, ledger and registry: three folds, their inboxes, and what follows from their facts."""

import asyncio
import time
from typing import TYPE_CHECKING, get_args

from schemas.events import Event
from schemas.events.budget import LedgerEntry, SpendRefused, SpendReserved, TriggerRefused, TriggerReserved
from schemas.events.releases import CheckpointPublished, ReleaseCertified, State, StatusPublished
from stream_app.agents import inbox
from stream_app.agents.choosing import FamilySelection
from stream_app.agents.context import Context
from stream_app.agents.folding import FoldStation
from stream_app.agents.shell import Received, serve
from stream_app.core import ledger, planner, registry
from stream_app.core.entry import Facts
from stream_app.core.routes import LEDGER, PLANNER, REGISTRY, addressed
from stream_app.core.unsigned import CheckpointAdvanced, KeysCondemned, StatementDrawn, StatusDrawn
from stream_app.signing.statement import sign_checkpoint, sign_statement, sign_status

if TYPE_CHECKING:
    from faust.types import AppT


def register_planner(app: "AppT", context: Context) -> None:
    """``plan.log`` and what it copies: profiles, drift, rejections, commands."""

    async def publish(facts: Facts, _: Received) -> None:
        await context.publisher.publish_all(addressed(PLANNER, facts), "/stations/planner")

    FoldStation(
        context, "planner", "plan.log", planner.Planner(FamilySelection()).step, planner.initial, publish
    ).register(app)
    for topic in ("source.drift", "candidates.rejected"):
        serve(app, context, "planner", topic, inbox.copying(context, "planner", "plan.log", topic))
    serve(app, context, "planner", "commands", inbox.commands(context, "planner", "plan.log"))


def register_ledger(app: "AppT", context: Context) -> None:
    """``budget.log`` and the commands that set caps."""

    async def publish(facts: Facts, _: Received) -> None:
        await context.publisher.publish_all(addressed(LEDGER, facts), "/stations/ledger")
        for fact in facts:
            if isinstance(fact, LedgerEntry):
                _measure_budget(context, fact)

    FoldStation(context, "ledger", "budget.log", ledger.step, ledger.initial, publish).register(app)
    serve(app, context, "ledger", "commands", inbox.commands(context, "ledger", "budget.log"))


def register_registry(app: "AppT", context: Context) -> None:
    """``release.log``, cleared candidates and the commands about releases; signs what the fold decides."""

    async def publish(facts: Facts, received: Received) -> None:
        for fact in facts:
            if isinstance(fact, KeysCondemned):
                await asyncio.to_thread(_destroy, context, fact)
        addresses = addressed(REGISTRY, facts)
        signed = [(topic, key, _signed(context, fact)) for topic, key, fact in addresses]
        await context.publisher.publish_all(signed, "/stations/registry")
        for fact in facts:
            if isinstance(fact, StatusDrawn):
                _measure_releases(context, fact, received)

    FoldStation(context, "registry", "release.log", registry.step, registry.initial, publish).register(app)
    serve(
        app,
        context,
        "registry",
        "candidates.cleared",
        inbox.copying(context, "registry", "release.log", "candidates.cleared"),
    )
    serve(app, context, "registry", "commands", inbox.commands(context, "registry", "release.log"))


def _signed(context: Context, fact: Event) -> Event:
    """The signed form of a fact that must not travel unsigned; Ed25519 is deterministic, so a repeat is the same
    bytes.
    """
    key = context.service_key
    match fact:
        case StatementDrawn():
            return ReleaseCertified(
                event_id=fact.event_id,
                dataset=fact.dataset,
                release_id=fact.release_id,
                envelope=sign_statement(fact.statement, key),
            )
        case StatusDrawn():
            return StatusPublished(
                event_id=fact.event_id,
                dataset=fact.dataset,
                version=fact.status.version,
                envelope=sign_status(fact.status, key),
            )
        case CheckpointAdvanced():
            return CheckpointPublished(
                event_id=fact.event_id,
                dataset=fact.dataset,
                size=fact.size,
                root=fact.root,
                envelope=sign_checkpoint(fact.dataset, fact.size, fact.root, key),
            )
        case _:
            return fact


def _destroy(context: Context, fact: KeysCondemned) -> None:
    for artefact_id in fact.artefact_ids:
        context.workplace.vault.destroy(artefact_id)


def _measure_budget(context: Context, line: LedgerEntry) -> None:
    if isinstance(line, SpendRefused | TriggerRefused):
        context.metrics.refused.labels(line.scope).inc()
        return
    if isinstance(line, SpendReserved | TriggerReserved):
        context.metrics.epsilon.labels(line.scope).set(float(line.epsilon_after))
    context.metrics.cap.labels(line.scope).set(float(line.cap_epsilon))


def _measure_releases(context: Context, fact: StatusDrawn, received: Received) -> None:
    states = [release.state for release in fact.status.releases]
    for state in get_args(State):
        context.metrics.releases.labels(fact.dataset, state).set(states.count(state))
    if any(release.state == "revoked" and release.since == fact.status.as_of for release in fact.status.releases):
        context.metrics.notice.observe(max(0.0, time.time() - received.at / 1000))
