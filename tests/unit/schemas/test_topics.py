"""The topic table: sound in itself, and what the design says of it."""

import re

from schemas.events import EVENTS
from schemas.topics import BY_NAME, DAY, LOGS, TOPICS, YEAR

FOR_EVER = {
    "plan.log",
    "budget.log",
    "release.log",
    "budget.ledger",
    "release.certified",
    "release.status",
    "contracts",
}
OF_SCOPES = {"budget.log", "budget.ledger"}
CANDIDATES = {"candidates.trained", "candidates.private", "candidates.cleared", "candidates.rejected"}
DESIGNED = {
    "source.snapshots",
    "source.records",
    "source.counts",
    "source.drift",
    "commands",
    "regeneration.requests",
    "release.checks",
    "incidents",
    "receipts",
    "transparency.checkpoints",
    "run.progress",
    "dead.letters",
}


def test_names_are_unique_and_those_of_the_design_besides_contracts() -> None:
    assert len(BY_NAME) == len(TOPICS)
    assert set(BY_NAME) == FOR_EVER | CANDIDATES | DESIGNED
    assert [name for name in BY_NAME if not re.fullmatch(r"[a-z]+(\.[a-z]+)?", name)] == []


def test_every_event_travels_on_some_topic_and_every_topic_carries_known_events() -> None:
    carried = {kind for topic in TOPICS for kind in topic.events}
    assert carried == set(EVENTS)
    assert all(topic.events and len(set(topic.events)) == len(topic.events) for topic in TOPICS)


def test_the_logs_are_the_three_whose_append_time_decides_and_they_are_kept_whole() -> None:
    assert set(LOGS) == {"plan.log", "budget.log", "release.log"}
    for name in LOGS:
        assert BY_NAME[name].retention_ms is None
        assert not BY_NAME[name].compacted
    assert {topic.name for topic in TOPICS if topic.log_append_time} == {*LOGS, "source.counts"}


def test_what_is_kept_for_ever() -> None:
    assert {topic.name for topic in TOPICS if topic.retention_ms is None} == FOR_EVER
    assert {topic.name for topic in TOPICS if topic.compacted} == {"contracts", "release.status"}
    days = {
        "source.snapshots": 90,
        "source.records": 7,
        "source.drift": 90,
        "regeneration.requests": 30,
        "run.progress": 1,
    }
    assert {name: BY_NAME[name].retention_ms for name in days} == {name: count * DAY for name, count in days.items()}
    assert all(BY_NAME[name].retention_ms == 30 * DAY for name in CANDIDATES)
    for name in ("commands", "release.checks", "incidents", "receipts", "transparency.checkpoints", "dead.letters"):
        assert BY_NAME[name].retention_ms == 7 * YEAR


def test_budgets_are_keyed_by_scope_and_everything_else_by_dataset() -> None:
    assert {topic.name for topic in TOPICS if topic.key == "scope"} == OF_SCOPES


def test_every_topic_has_someone_at_either_end() -> None:
    assert all(topic.senders and topic.receivers and topic.what for topic in TOPICS)
    assert all(topic.partitions >= 1 for topic in TOPICS)
