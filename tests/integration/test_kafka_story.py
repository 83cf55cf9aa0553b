"""The whole story on an Apache Kafka across two workers, by the command line, in the order in which it happens."""

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from schemas.topics import TOPICS
from stream_app.adapters.workplace import Workplace
from stream_app.client import Client, LocalLeases, Notice
from stream_app.demo.proof import SCRIPT
from stream_app.signing.deployment import load_trust
from tests.integration.deployment import Deployment, Said, WorkerProcess, customers, until

pytestmark = pytest.mark.kafka
DATASET = "customers"
ROWS = 12_000


@pytest.fixture(scope="module")
def snapshot(deployment: Deployment) -> Path:
    return deployment.write("customers.csv", customers(ROWS, 1))


@pytest.fixture(scope="module")
def watched(deployment: Deployment, staff: list[WorkerProcess], snapshot: Path) -> Said:
    """What `run watch` said of the first run, from before the snapshot was announced to its end."""
    deployment.contract(DATASET, snapshot)
    until(lambda: DATASET in deployment.view("contracts").contracts, "the contract")
    watching = deployment.start("run", "watch", DATASET, "--seconds", "150", "--json")
    time.sleep(1.5)
    deployment.cli("snapshot", "announce", DATASET, str(snapshot))
    out, err = watching.communicate(timeout=160)
    return Said(watching.returncode, out, err)


@pytest.fixture(scope="module")
def first(deployment: Deployment, watched: Said) -> str:
    """The first release."""
    return current(deployment)


def current(deployment: Deployment) -> str:
    (found,) = [row["release"] for row in deployment.ask("release", "list", DATASET) if row["current"]]
    return str(found)


def epsilon(deployment: Deployment) -> str:
    """What the scope has spent, as the newest line of its ledger says."""
    return str(deployment.ask("ledger", "show", DATASET)[-1]["after"])


def becomes(deployment: Deployment, release: str, state: str) -> None:
    until(lambda: deployment.releases(DATASET).get(release) == state, f"{release} {state}")


def next_release(deployment: Deployment, known: set[str]) -> str:
    """The certified release that is none of the known ones."""

    def look() -> list[str]:
        return [
            name for name, state in deployment.releases(DATASET).items() if state == "certified" and name not in known
        ]

    return until(look, "a new release")[0]


def test_topics_are_as_the_table_says_and_a_second_plan_is_empty(deployment: Deployment) -> None:
    assert deployment.ask("topics", "plan") == []
    assert deployment.ask("topics", "apply") == []
    admin = AdminClient({"bootstrap.servers": deployment.bootstrap, "log_level": 0})
    asked = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic.name) for topic in TOPICS])
    told = {
        resource.name: {name: entry.value for name, entry in answer.result().items()}
        for resource, answer in asked.items()
    }
    for topic in TOPICS:
        settings = told[topic.name]
        assert settings["retention.ms"] == ("-1" if topic.retention_ms is None else str(topic.retention_ms)), topic.name
        assert settings["cleanup.policy"] == ("compact" if topic.compacted else "delete"), topic.name
        assert settings["message.timestamp.type"] == ("LogAppendTime" if topic.log_append_time else "CreateTime"), (
            topic.name
        )
    assert {name for name in told if told[name]["message.timestamp.type"] == "LogAppendTime"} == {
        "plan.log",
        "budget.log",
        "release.log",
        "source.counts",
    }


def test_two_workers_share_the_work_and_a_snapshot_becomes_a_certified_release(
    deployment: Deployment, staff: list[WorkerProcess], watched: Said, first: str
) -> None:
    assert watched.code == 0, watched
    told = [json.loads(line) for line in watched.out.splitlines()]
    assert told[-1] == {"release": first, "certified": True}
    assert {line["station"] for line in told if "station" in line} == {"trainer", "privacy", "utility"}
    assert deployment.releases(DATASET) == {first: "certified"}
    assert all(each.process.poll() is None for each in staff)
    assert (
        sum(each.metrics().get('perennial_events_total{outcome="handled",station="trainer"}', 0) for each in staff) >= 1
    )


def test_a_release_is_shown_reported_and_verified(deployment: Deployment, first: str) -> None:
    shown = deployment.ask("release", "show", first)
    assert (shown["state"], shown["current"]) == ("certified", True)
    assert shown["statement"]["predicate"]["privacy"]["epsilon"] == epsilon(deployment)
    assert deployment.ask("release", "verify", first)["verified"] is True
    report = deployment.cli("release", "report", first).out
    assert "detection_auc" in report
    assert "accountant_proof" in report


def test_saved_files_verify_offline_and_one_flipped_byte_is_found(
    deployment: Deployment, first: str, tmp_path: Path
) -> None:
    saved = deployment.ask("release", "get", first, "--out", str(tmp_path))
    certificate, data, key = Path(saved["certificate"]), Path(saved["data"]), deployment.home / "keys" / "service.pub"
    verify = ("verify", str(certificate), str(data), "--public-key", str(key))
    deployment.cli(*verify)
    for path in (data, certificate):
        body = path.read_bytes()
        for place in (10, len(body) // 2, len(body) - 10):
            path.write_bytes(body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])
            deployment.cli(*verify, code=1)
        path.write_bytes(body)
    deployment.cli(*verify)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_and_sha256sum_agree(deployment: Deployment, first: str, tmp_path: Path) -> None:
    saved = deployment.ask("release", "get", first, "--out", str(tmp_path))
    shutil.copy(saved["certificate"], tmp_path / "certificate.intoto.json")
    shutil.copy(saved["data"], tmp_path / "data.parquet")
    shutil.copy(deployment.home / "keys" / "service.pub", tmp_path)
    (tmp_path / "verify.sh").write_text(SCRIPT)
    done = subprocess.run(["sh", str(tmp_path / "verify.sh")], capture_output=True, text=True)
    assert (done.returncode, "Verified Successfully" in done.stdout) == (0, True), done
    shutil.copy(deployment.home / "keys" / "owner.pub", tmp_path / "service.pub")
    assert subprocess.run(["sh", str(tmp_path / "verify.sh")], capture_output=True).returncode != 0


@pytest.mark.skipif(shutil.which("kcat") is None, reason="kcat is not installed")
def test_kcat_reads_events_with_their_cloudevents_headers_and_key(deployment: Deployment, first: str) -> None:
    command = ["kcat", "-C", "-b", deployment.bootstrap, "-t", "release.certified", "-e", "-q", "-o", "beginning"]
    done = subprocess.run([*command, "-f", "%k\n%h\n%s\n"], capture_output=True, text=True, timeout=30, check=True)
    lines = done.stdout.splitlines()
    at = next(place for place in range(0, len(lines), 3) if json.loads(lines[place + 2])["release_id"] == first)
    headers = dict(pair.split("=", 1) for pair in lines[at + 1].split(","))
    body = json.loads(lines[at + 2])
    assert lines[at] == DATASET
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_type"] == "io.perennial.release.certified.v1"
    assert headers["ce_id"] == body["event_id"]
    assert (headers["ce_source"], headers["ce_subject"]) == ("/stations/registry", DATASET)
    assert headers["content-type"] == "application/json"


def test_a_run_on_request_samples_the_cached_generator_and_spends_nothing(deployment: Deployment, first: str) -> None:
    before = epsilon(deployment)
    deployment.cli("run", "start", DATASET, "--rows", "3000", "--where", "plan=family:35%")
    second = next_release(deployment, {first})
    assert epsilon(deployment) == before
    statement = deployment.ask("release", "show", second)["statement"]
    assert statement["predicate"]["privacy"]["epsilon"] == before
    data = client(deployment, "requester").current().open()
    assert len(data) == 3000
    assert abs((data["plan"] == "family").mean() - 0.35) < 0.001


def test_shifted_rows_are_noticed_and_a_new_release_follows(deployment: Deployment, first: str) -> None:
    known = set(deployment.releases(DATASET))
    shifted = deployment.write("shifted.csv", customers(8_000, 2, shift=1.0))
    deployment.cli("stream", DATASET, str(shifted))
    third = next_release(deployment, known)
    drift = deployment.ask("drift", "status", DATASET)
    assert [row["window"] for row in drift] == [True]
    assert drift[0]["kind"] != "marginal" or drift[0]["columns"][0] in ("plan", "bill", "left")
    assert deployment.releases(DATASET)[first] == "superseded"
    window = client(deployment, "requester").release(third).open()
    assert (window["plan"] == "family").mean() > 0.4


def test_the_ledger_is_shown_exported_and_re_added(deployment: Deployment, first: str, tmp_path: Path) -> None:
    lines = deployment.ask("ledger", "show", DATASET)
    assert [line["line"] for line in lines] == list(range(len(lines)))
    assert {"CapChanged", "SpendReserved", "SpendSettled"} <= {line["what"] for line in lines}
    assert deployment.ask("ledger", "verify")["ok"] is True
    path = tmp_path / "ledger.jsonl"
    deployment.cli("ledger", "export", "--out", str(path))
    assert deployment.ask("ledger", "verify", str(path))["ok"] is True
    path.write_text(path.read_text().replace('"cap_epsilon":"8"', '"cap_epsilon":"9"', 1))
    tampered = deployment.ask("ledger", "verify", str(path), code=1)
    assert tampered["ok"] is False
    assert tampered["faults"]


def test_a_revocation_reaches_the_subscriber_closes_the_release_and_restores_the_older(
    deployment: Deployment, first: str
) -> None:
    listener, heard, stop = client(deployment, "listener"), list[Notice](), threading.Event()
    revoked = listener.current()
    assert len(revoked.open()) > 0
    thread = threading.Thread(target=lambda: heard.extend(_until_revoked(listener, stop)), daemon=True)
    thread.start()
    time.sleep(1)
    deployment.cli("revoke", DATASET, revoked.release_id, "--reason", "privacy")
    thread.join(timeout=60)
    stop.set()
    assert ("revoked", revoked.release_id) in [(notice.kind, notice.release_id) for notice in heard]
    refused = deployment.ask("release", "verify", revoked.release_id, code=1)
    assert refused["verified"] is False
    assert (
        deployment.cli("release", "get", revoked.release_id, "--out", str(deployment.home / "no"), code=None).code != 0
    )
    assert not list(deployment.home.glob("no/*.parquet"))
    restored = current(deployment)
    assert restored != revoked.release_id
    assert len(listener.current().open()) == 3000


def test_an_incident_is_open_until_its_review_is_closed(deployment: Deployment, first: str) -> None:
    def grave() -> dict[str, str]:
        """State by id of what was opened about the revoked release."""
        listed = deployment.ask("incident", "list", DATASET, "--all")
        mine = [row for row in listed if "listener" in row["consumers"] and row["severity"] == "high"]
        return {row["incident"]: row["state"] for row in mine}

    (incident,) = until(grave, "the incident")
    assert grave() == {incident: "open"}
    deployment.cli("review", "close", DATASET, incident, "--comment", "told everyone")
    until(lambda: grave() == {incident: "closed"}, "the review to be closed")


def test_a_rollback_makes_the_older_release_current(deployment: Deployment, first: str) -> None:
    assert current(deployment) != first
    deployment.cli("rollback", DATASET, first)
    until(lambda: current(deployment) == first, "the rollback")
    assert len(client(deployment, "requester").current().open()) > 3000


def test_a_freeze_holds_everything_until_it_ends(deployment: Deployment, first: str) -> None:
    deployment.cli("freeze", DATASET)
    until(lambda: deployment.cli("release", "verify", first, code=None).code == 1, "the freeze")
    deployment.cli("run", "start", DATASET)
    until(lambda: "frozen" in deployment.cli("run", "list", DATASET).out, "the run's dismissal")
    deployment.cli("unfreeze", DATASET)
    until(lambda: deployment.cli("release", "verify", first, code=None).code == 0, "the end of the freeze")


def test_a_tier_with_approvals_waits_for_them(deployment: Deployment, first: str, snapshot: Path) -> None:
    known = set(deployment.releases(DATASET))

    def edit(text: str) -> str:
        return text.replace("approvals: []", "approvals: [privacy_officer]").replace(
            'version: "1.0.0"', 'version: "1.1.0"'
        )

    deployment.contract(DATASET, snapshot, edit=edit)
    until(lambda: deployment.ask("contract", "show", DATASET)["contract"]["version"] == "1.1.0", "the contract")
    deployment.cli("run", "start", DATASET)
    waiting = until(lambda: [name for name in deployment.releases(DATASET) if name not in known], "a candidate")[-1]
    assert deployment.releases(DATASET)[waiting] == "awaiting_approval"
    deployment.cli("approve", DATASET, waiting, "--key", str(deployment.home / "keys" / "operator.key"))
    deployment.cli("approve", DATASET, waiting)
    becomes(deployment, waiting, "certified")
    approvals = deployment.ask("release", "show", waiting)["statement"]["predicate"]["approvals"]
    assert len(approvals) == 1
    assert "privacy_officer" in str(approvals[0])


def test_nothing_went_to_dead_letters_and_no_worker_complained(
    deployment: Deployment, staff: list[WorkerProcess], first: str
) -> None:
    assert [letter for letter in deployment.view("dead.letters").dead.values() if letter.dataset == DATASET] == []
    for each in staff:
        assert [line for line in each.logged() if line["level"] == "critical"] == []


def client(deployment: Deployment, name: str) -> Client:
    """A consumer with a trust state of its own."""
    place = Workplace(deployment.home, str(deployment.home / "store"))
    return Client(
        deployment.bootstrap, DATASET, trust=load_trust(deployment.home / "trust.json"),
        state_dir=deployment.home / f"client-{name}", leases=LocalLeases(place.vault), store=place.store_uri, name=name,
    )  # fmt: skip


def _until_revoked(listener: Client, stop: threading.Event) -> Iterator[Notice]:
    for notice in listener.subscribe(stop):
        yield notice
        if notice.kind == "revoked":
            return
