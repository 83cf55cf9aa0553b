"""Poison on every topic that a station consumes, and commands that nobody may believe."""

import random
import time
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.cloudevents import to_message
from schemas.events import Event, derive_id
from schemas.events.commands import CommandAccepted, CommandRefused, CommandSubmitted, read_command, target_of
from schemas.topics import LOGS
from stream_app.adapters.reader import StoredMessage, read_topic
from stream_app.signing.commands import open_command, sign_command
from stream_app.signing.deployment import load_trust
from stream_app.signing.keys import SecretKey, load_secret, new_key
from tests.integration import poison
from tests.integration.deployment import Deployment, WorkerProcess, customers, until
from tests.integration.poison import SECRET, Poison

pytestmark = pytest.mark.kafka
DATASET = "poisoned"
CONSUMED = (
    "contracts", "source.snapshots", "source.records", "source.drift", "candidates.rejected", "commands", "plan.log",
    "budget.log", "regeneration.requests", "candidates.trained", "candidates.private", "candidates.cleared",
    "release.log",
)  # fmt: skip
DAY = 86_400_000


class Sender:
    """Writes whatever it is told to, as an attacker with access to the broker would."""

    def __init__(self, deployment: Deployment) -> None:
        self._producer = Producer(
            {"bootstrap.servers": deployment.bootstrap, "partitioner": "murmur2_random", "log_level": 0}
        )

    def put(self, topic: str, what: Poison) -> None:
        key = DATASET.encode() if what.key is None else what.key
        self._producer.produce(topic, value=what.value, key=key, headers=list(what.headers))

    def event(self, topic: str, event: Event) -> None:
        key, value, headers = to_message(event, "/nobody")
        self._producer.produce(topic, value=value, key=key, headers=list(headers))

    def flush(self) -> None:
        assert self._producer.flush(20) == 0


@pytest.fixture(scope="module")
def data(deployment: Deployment) -> Path:
    return deployment.write("poisoned.csv", customers(8_000, 4))


@pytest.fixture(scope="module")
def poisoned(deployment: Deployment, staff: list[WorkerProcess], data: Path) -> Counter[str]:
    """How many poison messages went to each topic, once the stations have met them all."""
    deployment.contract(DATASET, data)
    until(lambda: DATASET in deployment.view("contracts").contracts, "the contract")
    sender, sent = Sender(deployment), Counter[str]()
    special = {
        "source.drift": poison.drifts(DATASET), "plan.log": poison.drifts(DATASET),
        "source.records": poison.batches(DATASET), "source.snapshots": poison.snapshots(DATASET, str(data.parent)),
    }  # fmt: skip
    for topic in CONSUMED:
        for what in (poison.everywhere(DATASET) | special.get(topic, {})).values():
            sender.put(topic, what)
            sent[topic] += 1
    sender.flush()
    poison.send_illegible(deployment.bootstrap, DATASET, CONSUMED)
    sent.update(CONSUMED)
    _send_in_a_transaction(deployment)
    sent.update(LOGS)
    return sent


def _send_in_a_transaction(deployment: Deployment) -> None:
    """Its marker takes an offset of each log that no consumer is ever given."""
    producer = Producer(
        {
            "bootstrap.servers": deployment.bootstrap,
            "transactional.id": "poison",
            "partitioner": "murmur2_random",
            "log_level": 0,
        }
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    for log in LOGS:
        producer.produce(log, value=b"in a transaction", key=DATASET.encode())
    producer.commit_transaction(30)


def letters(deployment: Deployment) -> list[StoredMessage]:
    return list(read_topic(deployment.bootstrap, "dead.letters"))


def test_poison_stops_no_partition_and_the_run_of_its_dataset_ends_certified(
    deployment: Deployment, staff: list[WorkerProcess], poisoned: Counter[str], data: Path
) -> None:
    deployment.cli("snapshot", "announce", DATASET, str(data))
    until(lambda: "certified" in deployment.releases(DATASET).values(), "the release", alive=staff[0])
    assert all(each.process.poll() is None for each in staff)
    assert deployment.ask("ledger", "verify")["ok"] is True


def test_every_poison_message_has_a_dead_letter_with_a_reason_and_no_content(
    deployment: Deployment, staff: list[WorkerProcess], poisoned: Counter[str]
) -> None:
    def places() -> Counter[str]:
        dead = deployment.view("dead.letters").dead.values()
        found = {(letter.topic, letter.partition, letter.offset): letter for letter in dead}
        assert all(letter.reason and letter.error for letter in found.values())
        return Counter(topic for topic, _, _ in found)

    # Blocks that came before the first profile are not opened.
    least = poisoned - Counter({"source.records": len(poison.batches(DATASET)) - 1})
    until(lambda: least <= places(), f"{least} letters, not {places()}")
    for message in letters(deployment):
        assert SECRET.encode() not in message.value + message.key
    for each in staff:
        assert SECRET not in each.log.read_text(encoding="utf-8", errors="replace")


def test_dead_letters_are_listed_and_one_is_sent_again(deployment: Deployment, poisoned: Counter[str]) -> None:
    listed = deployment.ask("dlq", "list")
    letter = next(row for row in listed if row["topic"] == "source.drift")
    deployment.cli("dlq", "replay", letter["id"])

    def again() -> int:
        rows = deployment.ask("dlq", "list")
        return sum(row["topic"] == "source.drift" and row["reason"] == letter["reason"] for row in rows)

    before = sum(row["topic"] == "source.drift" and row["reason"] == letter["reason"] for row in listed)
    until(lambda: again() > before, "the replayed message to be met again")
    deployment.cli("dlq", "replay", "0" * 32, code=2)


def test_commands_that_nobody_may_believe_change_nothing(
    deployment: Deployment, staff: list[WorkerProcess], poisoned: Counter[str], data: Path, tmp_path: Path
) -> None:
    until(lambda: deployment.releases(DATASET), "a release")
    state, sender = deployment.releases(DATASET), Sender(deployment)
    (release,) = state
    strange, _ = new_key("responder", tmp_path)
    right = load_secret(deployment.home / "keys" / "responder.key")
    revoke = _order(release)
    forged = [
        sign_command(read_command(revoke), load_secret(Path(strange))),
        sign_command(read_command(revoke), load_secret(deployment.home / "keys" / "operator.key")),
        sign_command(read_command(revoke | {"audience": "elsewhere"}), right),
        sign_command(read_command(_order(release, issued=-2 * DAY, expires=-DAY)), right),
        sign_command(read_command(_order(release, issued=DAY, expires=2 * DAY)), right),
        _unsigned(revoke, right),
        _tampered(revoke, right),
    ]
    for command in forged:
        sender.event("commands", command)
    _write_into_logs(deployment, sender, release, right, load_secret(Path(strange)))
    sender.flush()
    refused = until(lambda: _refusals(deployment) >= len(forged) - 1 or None, "the refusals")
    assert refused
    _let_something_pass(deployment)
    assert deployment.releases(DATASET) == state
    assert deployment.ask("release", "verify", release)["verified"] is True
    assert deployment.ask("ledger", "verify")["ok"] is True


def test_a_replayed_command_changes_nothing(
    deployment: Deployment, staff: list[WorkerProcess], poisoned: Counter[str], tmp_path: Path
) -> None:
    """A freeze and its end, and then the same signed freeze again: it was decided before, so it decides nothing."""
    until(lambda: deployment.releases(DATASET), "a release")
    signed = tmp_path / "freeze.json"
    deployment.cli("freeze", DATASET, "--out", str(signed))
    deployment.cli("send", str(signed))
    until(lambda: deployment.view("release.status").statuses[DATASET].frozen, "the freeze")
    deployment.cli("unfreeze", DATASET)
    until(lambda: not deployment.view("release.status").statuses[DATASET].frozen, "the end of the freeze")
    deployment.cli("send", str(signed))
    _let_something_pass(deployment)
    assert not deployment.view("release.status").statuses[DATASET].frozen


def test_a_contract_too_large_for_any_dossier_is_refused_before_it_is_believed(
    deployment: Deployment, poisoned: Counter[str], data: Path, tmp_path: Path
) -> None:
    text = (data.parent / f"{DATASET}.yaml").read_text(encoding="utf-8").replace('version: "1.0.0"', 'version: "2.0.0"')
    large = tmp_path / "large.yaml"
    # Two hex digits a byte do not compress: the last one is too large for the topic as well.
    for described, code in (("x" * 700_000, 0), (random.Random(7).randbytes(2_000_000).hex(), 2)):
        first = "      - name: region\n"
        large.write_text(text.replace(first, f"{first}        description: {described}\n", 1), encoding="utf-8")
        assert deployment.cli("contract", "apply", str(large), code=None).code == code
    until(lambda: any("larger than 512 KiB" in reason for reason in _reasons(deployment)), "the refusal")
    assert deployment.ask("contract", "show", DATASET)["contract"]["version"] == "1.0.0"


def _reasons(deployment: Deployment) -> list[str]:
    messages = [message for message in read_topic(deployment.bootstrap, "incidents") if _is_refusal(message)]
    return [event.reason for event in (message.event() for message in messages) if isinstance(event, CommandRefused)]


def _order(release: str, issued: int = 0, expires: int = DAY) -> dict[str, object]:
    now = int(time.time() * 1000)
    return {
        "command": "revoke", "dataset": DATASET, "release_id": release, "reason": "privacy", "audience": "perennial",
        "nonce": derive_id("nonce", issued, expires), "issued_at": now + issued, "expires_at": now + expires,
    }  # fmt: skip


def _unsigned(order: dict[str, object], key: SecretKey) -> CommandSubmitted:
    signed = sign_command(read_command(order), key)
    return signed.model_copy(update={"envelope": signed.envelope.model_copy(update={"signatures": ()})})


def _tampered(order: dict[str, object], key: SecretKey) -> CommandSubmitted:
    """The signature of one order under the payload of another."""
    one = sign_command(read_command(order), key)
    other = sign_command(read_command(order | {"nonce": "0" * 32}), key)
    return one.model_copy(
        update={"envelope": one.envelope.model_copy(update={"signatures": other.envelope.signatures})}
    )


def _write_into_logs(
    deployment: Deployment, sender: Sender, release: str, right: SecretKey, strange: SecretKey
) -> None:
    """Accepted commands that no inbox accepted: of a stranger, expired, under another id, of another role."""
    trust = load_trust(deployment.home / "trust.json")
    old = sign_command(read_command(_order(release, issued=-2 * DAY, expires=-DAY)), right)
    expired = open_command(old, trust, int(time.time() * 1000) - 2 * DAY + 1000)
    foreign = sign_command(read_command(_order(release)), strange)
    command = read_command(_order(release))
    forged = CommandAccepted(
        event_id=derive_id("forged"), target=target_of(command), command=command, keyid=expired.keyid, role="responder",
        envelope=foreign.envelope,
    )  # fmt: skip
    raised = {"command": "set_cap", "scope": DATASET, "epsilon": "1000", "delta": 1e-5}
    cap = read_command(
        {
            name: value
            for name, value in _order(release).items()
            if name not in ("command", "dataset", "release_id", "reason")
        }
        | raised
    )
    by_responder = open_command(sign_command(cap, right), trust, int(time.time() * 1000))
    for log in ("plan.log", "release.log", "budget.log"):
        for accepted in (expired, forged, expired.model_copy(update={"event_id": derive_id("again")}), by_responder):
            sender.event(log, accepted)


def _refusals(deployment: Deployment) -> int:
    told = {
        message.event().event_id for message in read_topic(deployment.bootstrap, "incidents") if _is_refusal(message)
    }
    return len(told)


def _is_refusal(message: StoredMessage) -> bool:
    return dict(message.headers)["ce_type"] == b"io.perennial.command.refused.v1" and message.key == DATASET.encode()


def _let_something_pass(deployment: Deployment) -> None:
    """A command sent now is decided after all that were sent before: wait for its effect."""
    before = deployment.view("release.status").statuses[DATASET].version
    deployment.cli("unfreeze", DATASET)
    until(lambda: deployment.view("release.status").statuses[DATASET].version > before, "a later status")
    dismissed = len(deployment.ask("run", "list", DATASET)["dismissed"])
    deployment.cli("run", "cancel", DATASET, "no.such.run")
    until(
        lambda: len(deployment.ask("run", "list", DATASET)["dismissed"]) > dismissed,
        "a later decision of the planner",
    )
