"""The monitor between folds that are real and jobs that are scripted: what a check changes for planner and registry."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.cloudevents import to_message
from schemas.contract import Contract
from schemas.errors import InputError, InsufficientEvidence, PerennialError, TransientError
from schemas.events import Event
from schemas.events.releases import CheckFailed, IncidentOpened, ReleaseCertified, ReleaseChecked, StatusPublished
from schemas.events.sources import WindowSealed
from schemas.finding import Finding, GateReport
from schemas.monitoring import MonitoringPolicy
from stream_app.adapters.metrics import Metrics
from stream_app.adapters.reader import StoredMessage
from stream_app.adapters.workplace import Workplace
from stream_app.agents import monitoring, standing
from stream_app.agents.checking import Check
from stream_app.agents.context import Context
from stream_app.agents.judging import SourceGone
from stream_app.agents.monitoring import GONE, MonitorStation
from stream_app.agents.shell import Received
from stream_app.core.entry import Entry
from stream_app.core.unsigned import CheckpointAdvanced, StatementDrawn, StatusDrawn
from stream_app.settings import Settings
from stream_app.signing.statement import sign_statement, sign_status
from tests.events import DAY, artefact, command, contract, drift, profile, report, sha, source
from tests.simulator import PARTITIONS, Simulator
from tests.unit.stream_app.signing.deployments import Deployment, key_of
from tests.workplaces import workplace

SERVICE = key_of("service")
HERE = Received("source.drift", 0, 0, 0, "flights", b"", ())
ALL = set(range(PARTITIONS))
Answer = Finding | PerennialError | None


class World(Simulator):
    """The simulator, whose releases hold a table, and whose topics the monitor reads and writes."""

    def _work(self, event: Any) -> list[tuple[str, str, Event]]:
        told = super()._work(event)
        for _, _, candidate in told:
            assert hasattr(candidate, "dossier")
            done = candidate.dossier
            data = artefact(f"{done.request.release_id}.data").model_copy(update={"name": "data.parquet"})
            privacy = report("privacy").model_copy(update={"suite": sha("suite 1")})
            training = done.training.model_copy(update={"data": data})
            whole = done.model_copy(update={"training": training, "privacy": privacy})
            object.__setattr__(candidate, "dossier", whole)
        return told

    async def publish(self, topic: str, event: Event, key: str | None = None, source: str | None = None) -> None:
        self.broker.append(topic, key or event.key, event)

    def read_new(self, _: str, read: dict[tuple[str, int], int], *topics: str) -> Iterator[StoredMessage]:
        for topic in topics:
            for partition, entries in enumerate(self.broker.topics[topic]):
                for entry in entries[read.get((topic, partition), 0) :]:
                    read[(topic, partition)] = entry.offset + 1
                    if (event := _signed(entry.event)) is not None:
                        yield _message(topic, partition, entry, event)

    def current(self) -> str | None:
        statuses = self.statuses("flights")
        return statuses[max(statuses)].current if statuses else None

    def state(self, release_id: str) -> str:
        statuses = self.statuses("flights")
        return next(each.state for each in statuses[max(statuses)].releases if each.release_id == release_id)

    def told(self, topic: str, kind: type[Event]) -> list[Any]:
        found = {event.event_id: event for event in self.broker.read(topic) if isinstance(event, kind)}
        return list(found.values())

    def triggers(self) -> list[str]:
        return [event.dossier.request.trigger for event in self.told("regeneration.requests", Event)]


def _signed(event: Event) -> Event | None:
    match event:
        case StatementDrawn():
            envelope = sign_statement(event.statement, SERVICE)
            return ReleaseCertified(
                event_id=event.event_id, dataset=event.dataset, release_id=event.release_id, envelope=envelope
            )
        case StatusDrawn():
            envelope = sign_status(event.status, SERVICE)
            return StatusPublished(
                event_id=event.event_id, dataset=event.dataset, version=event.status.version, envelope=envelope
            )
        case CheckpointAdvanced():
            return None
        case _:
            return event


def _message(topic: str, partition: int, entry: Entry, event: Event) -> StoredMessage:
    _, value, headers = to_message(event, "/test")
    return StoredMessage(topic, partition, entry.offset, entry.at, entry.key.encode(), value, tuple(headers))


class Jobs:
    """Answers jobs by their function's name, in this process."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[..., Any]] = {}
        self.asked: list[tuple[Any, ...]] = []

    async def run(self, job: str, function: Callable[..., Any], *arguments: Any, on_progress: Any = None) -> Any:
        self.asked.append((function.__name__, *arguments[1:]))
        return self.answers[function.__name__](*arguments)


class Scene:
    """A world with one certified release, and the monitor in it at the world's time."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, stated: Contract | None = None) -> None:
        self.world, self.jobs, self.suite, self.folder = World(), Jobs(), sha("suite 1"), folder
        monkeypatch.setattr(monitoring, "read_new", self.world.read_new)
        monkeypatch.setattr(monitoring, "suite_digest", lambda: self.suite)
        monkeypatch.setattr(monitoring.time, "time", lambda: self.world.broker.now / 1000)
        pinned = stated or contract()
        self.tell(
            command("apply_contract", role="owner", contract=pinned.document()),
            profile("january", digest=pinned.digest()),
        )
        self.metrics = Metrics()
        self.restart()

    def restart(self) -> None:
        """The monitor on another worker: nothing of it is left but what stands in the topics."""
        context = Context(
            settings=Settings(home=self.folder),
            workplace=workplace(self.folder, self.folder),
            publisher=self.world,  # type: ignore[arg-type]
            jobs=self.jobs,  # type: ignore[arg-type]
            metrics=self.metrics,
            trust=Deployment(audience="test").trust,
            service_key=SERVICE,
            crash=pytest.fail,
        )
        self.monitor = MonitorStation(context)

    def tell(self, *events: Event) -> None:
        for event in events:
            self.world.tell(event)
            self.world.settle()

    def attack(self, answer: Answer = None) -> None:
        def answered(_: Workplace, dossier: Any, look: int) -> GateReport:
            if isinstance(answer, PerennialError):
                raise answer
            findings = (finding("linkability", "privacy"),) if answer is None else (answer,)
            return GateReport(gate="privacy", findings=findings)

        self.jobs.answers["attack_again"] = answered
        asyncio.run(self.monitor.attack(ALL))
        self.world.settle()

    def check(self, event: Event, answers: dict[str, Answer] | None = None) -> None:
        def answered(_: Workplace, check: Check, part: str) -> tuple[Finding, ...]:
            answer = (answers or {}).get(part)
            if isinstance(answer, PerennialError):
                raise answer
            return (finding("tstr_ratio"),) if answer is None else (answer,)

        self.jobs.answers["recheck"] = answered
        asyncio.run(self.monitor.check(event, HERE))
        self.world.settle()

    def checks(self, gate: str = "privacy") -> list[ReleaseChecked]:
        return [event for event in self.world.told("release.checks", ReleaseChecked) if event.gate == gate]

    def sample(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, {"dataset": "flights", **labels})


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(tmp_path, monkeypatch)


def finding(metric: str, gate: Any = "utility", verdict: Any = "PASS", **changes: Any) -> Finding:
    fields: dict[str, Any] = {"value": 0.5, "limit": 0.05, "support": 100} | changes
    return Finding(metric=metric, gate=gate, verdict=verdict, **fields)


def window(name: str = "live") -> WindowSealed:
    return WindowSealed(
        event_id=f"sealed-{name}", dataset="flights", window=source(name, 900), rows=900, first_row=100, last_row=999
    )


LEAK = finding("linkability", "privacy", "FAIL")


def test_a_release_is_attacked_when_its_days_are_over_and_not_before(scene: Scene) -> None:
    scene.attack()
    assert scene.checks() == []
    scene.world.pass_time(7 * DAY)
    scene.attack()
    scene.attack()
    (checked,) = scene.checks()
    assert (checked.verdict, checked.cause, checked.look, checked.suite) == ("PASS", "schedule", 2, scene.suite)
    scene.world.pass_time(7 * DAY)
    scene.restart()
    scene.attack()
    assert [checked.look for checked in scene.checks()] == [2, 3]
    assert [asked[2] for asked in scene.jobs.asked] == [2, 3]


def test_the_contract_says_how_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stated = contract()
    policy = stated.policy.model_copy(update={"monitoring": MonitoringPolicy(attack_days=30)})
    scene = Scene(tmp_path, monkeypatch, stated.model_copy(update={"policy": policy}))
    scene.world.pass_time(29 * DAY)
    scene.attack()
    assert scene.checks() == []
    assert scene.sample("perennial_release_attack_interval_seconds") == 30 * 86_400


def test_another_suite_is_met_at_once_and_one_that_finds_a_leak_freezes_the_release(scene: Scene) -> None:
    first = scene.world.current()
    assert first is not None
    scene.suite = sha("suite 2")
    scene.attack(LEAK)
    assert scene.world.state(first) == "frozen"
    assert scene.world.current() not in (None, first), "it was regenerated"
    assert scene.world.triggers()[-1].startswith(f"check failed: linkability of {first}")
    (checked,) = scene.checks()
    assert (checked.verdict, checked.cause, checked.failed) == ("FAIL", "suite", ("linkability",))
    (incident,) = scene.world.told("incidents", IncidentOpened)
    assert (incident.severity, incident.release_id, "look 2" in incident.summary) == ("high", first, True)
    assert scene.sample("perennial_release_check_total", gate="privacy", verdict="FAIL") == 1
    scene.tell(command("unfreeze", role="responder", release_id=first))
    assert scene.world.state(first) in ("certified", "superseded")
    scene.world.laws(["flights"])


def test_an_attack_that_is_told_again_changes_nothing(scene: Scene) -> None:
    scene.suite = sha("suite 2")
    scene.attack(LEAK)
    before = len(scene.world.statements()), scene.world.current()
    for topic in ("plan.log", "release.log"):
        for event in scene.world.told(topic, CheckFailed):
            scene.world.broker.append(topic, event.key, event)
    scene.world.settle()
    assert (len(scene.world.statements()), scene.world.current()) == before
    scene.world.quiet_laws()


@pytest.mark.parametrize("gone", ["file", "withdrawn"])
def test_a_source_that_cannot_be_read_any_more_is_told_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    first = scene.world.current()
    assert first is not None
    if gone == "withdrawn":
        monkeypatch.setattr(standing, "believe", lambda *_: None)
        scene.tell(command("withdraw_access", role="owner"))
    for _ in range(2):
        scene.world.pass_time(7 * DAY)
        scene.attack(SourceGone("https://owner:verysecret@host/january.parquet does not exist"))
    assert [checked.verdict for checked in scene.checks()] == ["UNREADABLE"] * 2
    (incident,) = scene.world.told("incidents", IncidentOpened)
    assert (GONE in incident.summary, incident.severity, incident.release_id) == (True, "low", first)
    assert "verysecret" not in incident.summary + str(scene.checks())
    assert bool(scene.jobs.asked) is (gone == "file")
    assert scene.world.state(first) == "certified"
    scene.tell(command("close_review", role="responder", incident_id=incident.incident_id))
    assert any(getattr(event, "incident_id", "") == incident.incident_id and "closed" in event.type
               for event in scene.world.broker.read("incidents"))  # fmt: skip


def test_a_withdrawal_that_nobody_signed_keeps_no_release_from_the_attacks(scene: Scene) -> None:
    scene.tell(command("withdraw_access", role="owner"))
    scene.world.pass_time(7 * DAY)
    scene.attack()
    assert [checked.verdict for checked in scene.checks()] == ["PASS"]


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (finding("linkability", "privacy", "INSUFFICIENT", reason="too few rows"), "INSUFFICIENT"),
        (finding("linkability", "privacy", "INVALID", value=None), "INVALID"),
        (InputError("its process died"), "INVALID"),
    ],
    ids=["too little evidence", "a broken measure", "a dead process"],
)
def test_an_attack_that_decides_nothing_is_neither_a_pass_nor_a_freeze(
    scene: Scene, answer: Answer, verdict: str
) -> None:
    certified_at = scene.world.broker.now / 1000
    scene.world.pass_time(7 * DAY)
    scene.attack(answer)
    scene.attack(answer)
    (checked,) = scene.checks()
    assert (checked.verdict, checked.failed) == (verdict, ())
    assert scene.world.told("release.log", CheckFailed) == []
    shown = scene.sample("perennial_release_attacked_timestamp_seconds")
    assert shown is not None
    assert shown <= certified_at, "the age of the last attack goes on growing"
    scene.world.pass_time(7 * DAY)
    scene.attack()
    assert scene.sample("perennial_release_attacked_timestamp_seconds") == pytest.approx(
        scene.world.broker.now / 1000, abs=1
    )


def test_a_broker_or_store_that_fails_for_now_is_tried_again(scene: Scene) -> None:
    scene.world.pass_time(7 * DAY)
    scene.attack(TransientError("no store"))
    assert scene.checks() == []
    assert scene.sample("perennial_release_attacked_timestamp_seconds") is not None
    scene.attack()
    assert [checked.look for checked in scene.checks()] == [2]


def test_nothing_is_shown_of_a_dataset_without_a_release_or_on_another_worker(scene: Scene) -> None:
    scene.attack()
    assert scene.sample("perennial_release_attacked_timestamp_seconds") is not None
    asyncio.run(scene.monitor.attack(set()))
    assert scene.sample("perennial_release_attacked_timestamp_seconds") is None
    scene.attack()
    scene.tell(command("revoke", role="responder", release_id=scene.world.current(), reason="privacy"))
    scene.attack()
    assert scene.sample("perennial_release_attacked_timestamp_seconds") is None


@pytest.mark.parametrize("event", [window(), drift(5000)], ids=["rows", "drift"])
def test_a_window_on_which_the_release_fails_starts_a_run_subgroups_first(scene: Scene, event: Event) -> None:
    first = scene.world.current()
    gap = finding("subgroup_gap", verdict="FAIL", detail={"worst": {"slice": "region#2", "measure": "columns"}})
    scene.check(event, {"subgroups": gap, "table": finding("tstr_ratio", verdict="FAIL", direction="at_least")})
    failed = scene.world.told("release.log", CheckFailed)
    assert [(each.metric, each.group) for each in failed] == [("subgroup_gap", "region#2"), ("tstr_ratio", None)]
    assert all(each.said.startswith("utility degraded: ") for each in failed)
    (checked,) = scene.checks("utility")
    cause = "rows" if isinstance(event, WindowSealed) else "drift"
    assert (checked.verdict, checked.cause, checked.failed) == ("FAIL", cause, ("subgroup_gap", "tstr_ratio"))
    assert scene.world.current() != first
    assert "check failed: subgroup_gap" in scene.world.triggers()[-1]
    requests = scene.world.told("regeneration.requests", Event)
    assert len(requests) == 2, "two metrics of one check are one run"
    assert isinstance(event, WindowSealed) is (requests[-1].dossier.request.source == source("live", 900))
    assert [incident.severity for incident in scene.world.told("incidents", IncidentOpened)] == ["low"]


def test_a_window_is_looked_at_once_for_each_release(scene: Scene) -> None:
    scene.check(window())
    scene.restart()
    scene.check(window())
    assert [checked.verdict for checked in scene.checks("utility")] == ["PASS"]
    assert [asked[2] for asked in scene.jobs.asked] == ["subgroups", "table"]


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ({"subgroups": finding("subgroup_gap", verdict="INSUFFICIENT", value=None)}, "INSUFFICIENT"),
        ({"subgroups": InsufficientEvidence("the window is too small")}, "INSUFFICIENT"),
        ({"subgroups": SourceGone("its key was destroyed")}, "UNREADABLE"),
        ({"subgroups": finding("subgroup_gap", verdict="FAIL"), "table": InputError("died")}, "FAIL"),
    ],
    ids=["a subgroup", "the window", "gone", "failed before"],
)
def test_too_little_evidence_is_stated_as_such(scene: Scene, answers: dict[str, Answer], verdict: str) -> None:
    scene.check(window(), answers)
    assert [checked.verdict for checked in scene.checks("utility")] == [verdict]
    assert bool(scene.world.told("plan.log", CheckFailed)) is (verdict == "FAIL")
    assert scene.sample("perennial_release_check_total", gate="utility", verdict=verdict) == 1


def test_rows_to_which_access_was_withdrawn_are_not_read(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "believe", lambda *_: None)
    scene.tell(command("withdraw_access", role="owner"))
    scene.check(window())
    assert ([checked.verdict for checked in scene.checks("utility")], scene.jobs.asked) == (["UNREADABLE"], [])
    scene.tell(command("grant_access", role="owner"))
    scene.check(window("later"))
    assert scene.checks("utility")[-1].verdict == "PASS"


def test_drift_without_rows_and_datasets_without_a_release_are_passed_over(scene: Scene) -> None:
    scene.check(drift(5000, window=None))
    scene.check(window().model_copy(update={"dataset": "trains"}))
    assert (scene.jobs.asked, scene.checks("utility")) == ([], [])
