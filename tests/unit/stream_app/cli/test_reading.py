"""Every command that looks at topics, on an embedded broker that holds the simulator's story, in text and in JSON."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.contract import Categories, Column
from schemas.events import Event
from schemas.events.commands import CommandSubmitted
from schemas.events.plans import ContractApplied, TriggerDeferred
from schemas.events.releases import (
    CheckpointPublished,
    DeadLettered,
    ReceiptIssued,
    ReleaseCertified,
    ReleaseChecked,
    StatusPublished,
)
from schemas.events.sources import RecordsObserved
from schemas.topics import TOPICS
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.publisher import Publisher
from stream_app.adapters.reader import read_topic
from stream_app.core.unsigned import CheckpointAdvanced, StatementDrawn, StatusDrawn
from stream_app.signing.statement import sign_checkpoint, sign_statement, sign_status
from tests.events import command, contract, drift, profile, sha
from tests.simulator import Simulator
from tests.unit.stream_app.cli.conftest import Perennial, Said
from tests.unit.stream_app.signing.deployments import key_of

SERVICE = key_of("service")


def _signed(fact: Event) -> Event:
    match fact:
        case StatementDrawn():
            return ReleaseCertified(
                event_id=fact.event_id,
                dataset=fact.dataset,
                release_id=fact.release_id,
                envelope=sign_statement(fact.statement, SERVICE),
            )
        case StatusDrawn():
            return StatusPublished(
                event_id=fact.event_id,
                dataset=fact.dataset,
                version=fact.status.version,
                envelope=sign_status(fact.status, SERVICE),
            )
        case CheckpointAdvanced():
            return CheckpointPublished(
                event_id=fact.event_id,
                dataset=fact.dataset,
                size=fact.size,
                root=fact.root,
                envelope=sign_checkpoint(fact.dataset, fact.size, fact.root, SERVICE),
            )
        case _:
            return fact


def _story() -> tuple[Simulator, str]:
    """A release, a drift, a refused leak, a revocation; the simulator and the release that was revoked."""
    simulator = Simulator()
    events = [
        command("apply_contract", role="owner", contract=contract().document()),
        profile("january", digest=contract().digest()),
        drift(5000),
        command("start_run", family="leaking"),
    ]
    for event in events:
        simulator.tell(event)
        simulator.settle()
    statuses = simulator.statuses("flights")
    revoked = statuses[max(statuses)].current
    assert revoked is not None
    simulator.tell(command("revoke", release_id=revoked, reason="privacy", role="responder"))
    simulator.settle()
    return simulator, revoked


def _checks(release_id: str) -> list[Event]:
    """An attack that succeeded, told twice, and one that could not be made."""
    fields = {"dataset": "flights", "release_id": release_id, "gate": "privacy", "source_sha256": sha("s")}
    failed = fields | {"event_id": "failed", "verdict": "FAIL", "cause": "suite", "failed": ["linkability"], "look": 2}
    gone = fields | {"event_id": "gone", "verdict": "UNREADABLE", "cause": "schedule", "reason": "no file", "look": 3}
    return [ReleaseChecked.from_document(document) for document in (failed, failed, gone)]


@pytest.fixture(scope="module")
def told() -> Iterator[tuple[str, str]]:
    """The address of a broker that holds the story, and the release that was revoked."""
    simulator, revoked = _story()
    with (
        EmbeddedBroker({topic.name: 1 for topic in TOPICS}) as broker,
        Publisher(broker.bootstrap, "/test") as publisher,
    ):
        known = {topic.name for topic in TOPICS}
        for name, partitions in simulator.broker.topics.items():
            for entry in (entry for partition in partitions for entry in partition if name in known):
                publisher.send(name, _signed(entry.event))
        publisher.send(
            "receipts",
            ReceiptIssued(
                event_id="receipt", dataset="flights", release_id=revoked, consumer="team", files=(sha("x"),)
            ),
        )
        publisher.send(
            "dead.letters",
            DeadLettered(
                event_id="letter",
                dataset="flights",
                station="drift",
                topic="source.records",
                partition=0,
                offset=0,
                sha256=sha("x"),
                error="ContractError",
                reason="not an event",
            ),
        )
        for check in _checks(revoked):
            publisher.send("release.checks", check)
        waiting = TriggerDeferred(event_id="later", dataset="flights", trigger="drift: late", reason="a cool-down")
        publisher.send("run.progress", waiting)
        publisher.flush()
        yield broker.bootstrap, revoked


LISTS = {
    ("contract", "show", "flights"): "kind: DataContract",
    ("drift", "status"): "late",
    ("drift", "status", "flights"): "total variation",
    ("drift", "show", "latest"): "planner: run flights.",
    ("run", "list"): "leaking",
    ("run", "list", "flights"): "a cool-down",
    ("release", "list"): "revoked",
    ("release", "checks"): "linkability",
    ("release", "checks", "flights"): "UNREADABLE",
    ("release", "show", "{r}"): "revoked",
    ("release", "report", "{r}"): "{r}",
    ("release", "diff", "{r}", "{c}"): "release_id",
    ("incident", "list"): "team",
    ("incident", "list", "flights", "--all"): "was revoked",
    ("ledger", "show"): "SpendReserved",
    ("ledger", "show", "pool"): "pool",
    ("ledger", "verify"): "epsilon",
    ("dlq", "list"): "source.records",
}


def _current(perennial: Perennial, bootstrap: str) -> str:
    rows = perennial("release", "list", "--bootstrap", bootstrap, "--json").document
    return next(str(row["release"]) for row in rows if row["current"])


def _call(perennial: Perennial, told: tuple[str, str], words: tuple[str, ...], *more: str) -> Said:
    current = _current(perennial, told[0]) if "{c}" in words else ""
    return perennial(*(word.format(r=told[1], c=current) for word in words), "--bootstrap", told[0], *more)


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_text_and_json_tell_what_stands_in_the_topics(
    perennial: Perennial, told: tuple[str, str], words: tuple[str, ...]
) -> None:
    said = _call(perennial, told, words)
    assert said.code == 0
    assert "error" not in said.err
    assert LISTS[words].format(r=told[1]) in said.out
    as_json = _call(perennial, told, words, "--json")
    assert as_json.code == 0
    assert as_json.document


@pytest.mark.parametrize(
    "words",
    [
        ("contract", "show", "none"),
        ("release", "show", "none"),
        ("release", "report", "none"),
        ("release", "diff", "none", "none"),
        ("dlq", "replay", "none"),
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_an_error_with_a_hint(
    perennial: Perennial, told: tuple[str, str], words: tuple[str, ...]
) -> None:
    said = _call(perennial, told, words)
    assert said.code == 2
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ("drift", "status", "none"),
        ("release", "list", "none"),
        ("release", "checks", "none"),
        ("ledger", "show", "none"),
    ],
    ids=" ".join,
)
def test_an_unknown_dataset_has_an_empty_list(
    perennial: Perennial, told: tuple[str, str], words: tuple[str, ...]
) -> None:
    assert _call(perennial, told, words, "--json").document == []


def test_a_check_that_came_twice_is_listed_once(perennial: Perennial, told: tuple[str, str]) -> None:
    rows = perennial("release", "checks", "--bootstrap", told[0], "--json").document
    assert [(row["verdict"], row["failed"], row["look"]) for row in rows] == [
        ("FAIL", ["linkability"], 2),
        ("UNREADABLE", [], 3),
    ]


def test_an_exported_ledger_verifies_and_after_tampering_does_not(
    perennial: Perennial, told: tuple[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "ledger.jsonl"
    exported = perennial("ledger", "export", "--out", file, "--bootstrap", told[0], "--json").document
    assert exported["lines"] == len(file.read_text(encoding="utf-8").splitlines())
    good = perennial("ledger", "verify", file, "--json")
    assert (good.code, good.document["ok"]) == (0, True)
    lines = file.read_text(encoding="utf-8").splitlines()
    at = next(number for number, line in enumerate(lines) if "spend.reserved" in line)
    lines[at] = lines[at].replace('"attempt":1', '"attempt":7')
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    bad = perennial("ledger", "verify", file, "--json")
    assert (bad.code, bad.document["ok"]) == (1, False)
    assert at + 1 in {fault["line"] for fault in bad.document["faults"]}
    assert f"line {at + 1}" in bad.err


def _read(bootstrap: str, topic: str, kind: type[Event]) -> list[Any]:
    return [event for message in read_topic(bootstrap, topic) if isinstance(event := message.event(), kind)]


def test_a_command_is_signed_and_sent(perennial: Perennial, told: tuple[str, str]) -> None:
    assert perennial("keys", "new", "--deployment").code == 0
    sent = perennial("revoke", "flights", "r9", "--bootstrap", told[0], "--json")
    assert sent.code == 0, sent.err
    assert sent.document["sent"] in {event.event_id for event in _read(told[0], "commands", CommandSubmitted)}


def test_a_share_is_typed_by_the_contract_in_force(perennial: Perennial, told: tuple[str, str]) -> None:
    assert perennial("keys", "new", "--deployment").code == 0
    said = perennial("run", "start", "flights", "--where", "none=1:20%", "--bootstrap", told[0])
    assert (said.code, "none" in said.err) == (2, True)
    assert perennial("run", "start", "flights", "--where", "late=1:20%", "--bootstrap", told[0]).code == 0


@pytest.fixture
def bootstrap() -> Iterator[str]:
    """A broker on which nothing stands yet."""
    with EmbeddedBroker({topic.name: 1 for topic in TOPICS}) as broker:
        yield broker.bootstrap


def test_a_file_is_announced_and_streamed(perennial: Perennial, told: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("late\n" + "1\n0\n" * 30, encoding="utf-8")
    announced = perennial(
        "snapshot", "announce", "flights", tmp_path / "rows.csv", "--bootstrap", told[0], "--json"
    ).document
    assert announced["sha256"] == sha((tmp_path / "rows.csv").read_text(encoding="utf-8"))
    began = time.monotonic()
    said = perennial(
        "stream", "flights", tmp_path / "rows.csv", "--batch", "20", "--rate", "200", "--bootstrap", told[0], "--json"
    )
    assert said.document["rows"] == 60
    assert time.monotonic() - began >= 0.2
    assert [message.headers for message in read_topic(told[0], "source.records")]


def test_labels_that_came_late_are_sent(perennial: Perennial, bootstrap: str, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("age,late\n" + "30,1\n40,0\n" * 30, encoding="utf-8")
    command = ("stream", "flights", labels, "--labels", "--bootstrap", bootstrap)
    assert perennial(*command, "--batch", "40", "--first-row", "100", "--json").document["rows"] == 60
    sent = _read(bootstrap, "source.records", RecordsObserved)
    assert [(event.operation, event.first_row, event.rows) for event in sent] == [
        ("label", 100, 40),
        ("label", 140, 20),
    ]
    assert perennial(*command).out == "60 labels sent\n"
    assert perennial(*command, "--delete").code == 2


@pytest.mark.parametrize(
    ("target", "says"), [("arrived", "lacks the target arrived"), (None, "names no target: labels would tell nothing")]
)
def test_labels_without_what_they_label_are_refused(
    perennial: Perennial, bootstrap: str, tmp_path: Path, target: str | None, says: str
) -> None:
    column = Column(name="arrived", type="integer", domain=Categories(values=(0, 1)))
    pinned = contract().model_copy(update={"columns": (column,)})
    pinned = pinned.model_copy(update={"policy": pinned.policy.model_copy(update={"target": target})})
    applied = ContractApplied(event_id="c", dataset="flights", contract=pinned, contract_digest=pinned.digest())
    with Publisher(bootstrap, "/test") as publisher:
        publisher.send("contracts", applied)
        publisher.flush()
    (tmp_path / "labels.csv").write_text("late\n1\n0\n", encoding="utf-8")
    said = perennial("stream", "flights", tmp_path / "labels.csv", "--labels", "--bootstrap", bootstrap)
    assert (said.code, says in said.err) == (2, True)
    assert _read(bootstrap, "source.records", RecordsObserved) == []


def test_watching_gives_up_in_time(perennial: Perennial, told: tuple[str, str]) -> None:
    said = perennial("run", "watch", "flights", "--seconds", "0.5", "--bootstrap", told[0])
    assert (said.code, said.err) == (1, "nothing ended within 0 s\n")


def test_a_dead_letter_whose_message_is_another_is_not_replayed(perennial: Perennial, told: tuple[str, str]) -> None:
    said = perennial("dlq", "replay", "letter", "--bootstrap", told[0])
    assert said.code == 2
