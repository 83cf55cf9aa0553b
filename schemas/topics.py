"""The topics, as data: what flows where, under which key, and how long it is kept."""

from typing import Literal

from schemas.model import Model

DAY = 86_400_000
YEAR = 365 * DAY
MIB = 1_048_576


class Topic(Model):
    """One topic. ``retention_ms`` absent means for ever; with ``log_append_time`` times decide and are the broker's."""

    name: str
    key: Literal["dataset", "scope"]
    what: str
    senders: tuple[str, ...]
    receivers: tuple[str, ...]
    events: tuple[str, ...]
    retention_ms: int | None = None
    compacted: bool = False
    log_append_time: bool = False
    partitions: int = 4
    max_message_bytes: int = 2 * MIB


def _type(*names: str) -> tuple[str, ...]:
    return tuple(f"io.perennial.{name}.v1" for name in names)


_CANDIDATES = (
    ("trained", ("trainer",), ("privacy",)),
    ("private", ("privacy",), ("utility",)),
    ("cleared", ("utility",), ("registry",)),
    ("rejected", ("trainer", "privacy", "utility", "registry"), ("planner",)),
)

TOPICS: tuple[Topic, ...] = (
    Topic(
        name="source.snapshots",
        key="dataset",
        what="a snapshot announced",
        senders=("data owners",),
        receivers=("drift",),
        events=_type("snapshot.announced"),
        retention_ms=90 * DAY,
    ),
    Topic(
        name="source.records",
        key="dataset",
        what="micro-batches of live rows",
        senders=("data owners",),
        receivers=("drift", "monitor"),
        events=_type("records.observed"),
        retention_ms=7 * DAY,
    ),
    Topic(
        name="source.counts",
        key="dataset",
        what="counts of live rows on the reference's bins",
        senders=("drift",),
        receivers=("drift",),
        events=_type("rows.counted"),
        retention_ms=7 * DAY,
        log_append_time=True,
        max_message_bytes=8 * MIB,
    ),
    Topic(
        name="source.drift",
        key="dataset",
        what="reference profiles, drift with its evidence, and windows of live rows to check releases on",
        senders=("drift", "outside detectors"),
        receivers=("planner", "monitor", "SREs"),
        events=_type("profile.taken", "drift.detected", "window.sealed"),
        retention_ms=90 * DAY,
    ),
    Topic(
        name="commands",
        key="dataset",
        what="signed commands, keyed by dataset or scope",
        senders=("people", "CI"),
        receivers=("planner", "ledger", "registry"),
        events=_type("command.submitted"),
        retention_ms=7 * YEAR,
    ),
    Topic(
        name="contracts",
        key="dataset",
        what="the contract in force",
        senders=("planner",),
        receivers=("drift", "monitor", "catalogue"),
        events=_type("contract.applied"),
        compacted=True,
    ),
    Topic(
        name="plan.log",
        key="dataset",
        what="contracts, triggers, outcomes, access changes, freezes, ticks",
        senders=("planner's inbox", "ledger", "registry", "monitor"),
        receivers=("planner",),
        log_append_time=True,
        events=_type(
            "command.accepted",
            "profile.taken",
            "drift.detected",
            "candidate.rejected",
            "spend.refused",
            "trigger.refused",
            "release.moved",
            "check.failed",
            "ticked",
        ),
    ),
    Topic(
        name="budget.log",
        key="scope",
        what="caps, spends requested, runs ended",
        senders=("planner", "ledger's inbox"),
        receivers=("ledger",),
        events=_type("cap.declared", "command.accepted", "spend.requested", "trigger.requested", "run.ended"),
        log_append_time=True,
    ),
    Topic(
        name="budget.ledger",
        key="scope",
        what="granted, refused, spent, epsilon after",
        senders=("ledger",),
        receivers=("everyone",),
        events=_type(
            "spend.reserved", "spend.refused", "trigger.reserved", "trigger.refused", "spend.settled", "cap.changed"
        ),
    ),
    Topic(
        name="regeneration.requests",
        key="dataset",
        what="a granted run, with contract and thresholds pinned",
        senders=("ledger",),
        receivers=("trainer",),
        events=_type("generation.requested"),
        retention_ms=30 * DAY,
    ),
    *(
        Topic(
            name=f"candidates.{name}",
            key="dataset",
            what=f"candidates {name}, with their dossier",
            senders=senders,
            receivers=receivers,
            events=_type(f"candidate.{name}"),
            retention_ms=30 * DAY,
        )
        for name, senders, receivers in _CANDIDATES
    ),
    Topic(
        name="release.log",
        key="dataset",
        what="candidates cleared, approvals, revocations, failed checks, incidents of other stations, ticks",
        senders=("registry's inbox", "planner", "monitor"),
        receivers=("registry",),
        events=_type("candidate.cleared", "command.accepted", "run.ended", "check.failed", "incident.opened", "ticked"),
        log_append_time=True,
    ),
    Topic(
        name="release.certified",
        key="dataset",
        what="certificates",
        senders=("registry",),
        receivers=("consumers",),
        events=_type("release.certified"),
    ),
    Topic(
        name="release.status",
        key="dataset",
        what="the signed state of every release of a dataset, with heartbeats",
        senders=("registry",),
        receivers=("consumers",),
        events=_type("status.published"),
        compacted=True,
    ),
    Topic(
        name="release.checks",
        key="dataset",
        what="releases in use, measured again",
        senders=("monitor",),
        receivers=("monitor", "auditors"),
        events=_type("release.checked"),
        retention_ms=7 * YEAR,
    ),
    Topic(
        name="incidents",
        key="dataset",
        what="incidents opened and closed, commands refused",
        senders=("all",),
        receivers=("responders",),
        events=_type("incident.opened", "incident.closed", "command.refused"),
        retention_ms=7 * YEAR,
    ),
    Topic(
        name="receipts",
        key="dataset",
        what="who opened which release",
        senders=("clients",),
        receivers=("responders", "auditors"),
        events=_type("receipt.issued"),
        retention_ms=7 * YEAR,
    ),
    Topic(
        name="transparency.checkpoints",
        key="dataset",
        what="signed roots of the certificate log",
        senders=("registry",),
        receivers=("auditors",),
        events=_type("checkpoint.published"),
        retention_ms=7 * YEAR,
    ),
    Topic(
        name="run.progress",
        key="dataset",
        what="progress of runs, triggers deferred and dismissed",
        senders=("all",),
        receivers=("console",),
        events=_type("run.progressed", "trigger.deferred", "trigger.dismissed"),
        retention_ms=DAY,
    ),
    Topic(
        name="dead.letters",
        key="dataset",
        what="where a message stands that no station can use, and why",
        senders=("all",),
        receivers=("SREs",),
        events=_type("dead.lettered"),
        retention_ms=7 * YEAR,
    ),
)

BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}
LOGS: tuple[str, ...] = tuple(topic.name for topic in TOPICS if topic.name.endswith(".log"))
"""What planner, ledger and registry fold: kept whole, and dated by the broker."""
