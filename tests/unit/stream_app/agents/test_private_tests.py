"""The private tests of a worker, on the embedded broker: served or said not to be, kept before told, answered once."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from confluent_kafka import Producer

from schemas.cloudevents import to_message
from schemas.contract import Contract
from schemas.errors import TransientError
from schemas.events import Event
from schemas.events.budget import TriggerGrant, TriggerReserved
from schemas.events.counts import RowsCounted
from schemas.events.runs import ArtefactRef
from schemas.events.sources import DriftDetected
from schemas.table import conform, encode_parquet
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.metrics import Metrics
from stream_app.adapters.row_batches import columns_of_rows
from stream_app.adapters.workplace import Workplace
from stream_app.agents.desk import Desk
from stream_app.agents.private_tests import PrivateTests
from stream_app.core.drift.private.live_test import LiveTest
from stream_app.core.drift.wire import from_bytes, to_bytes
from tests.unit.stream_app.agents.lives import CONTRACT, counted, observed, rows
from tests.unit.stream_app.core.drift.private_tests import HOUR, grant
from tests.workplaces import workplace

ORIGIN = "source.records/0"
QUIET, MOVED = rows(1_000, 2), rows(1_000, 3, shift=2.0)


def contract_of(**privacy: Any) -> Contract:
    document = CONTRACT.document()
    document["policy"]["privacy"] |= {"timing": "private", "trigger_epsilon": "0.5", "claim": "formal"} | privacy
    document["policy"]["drift"] = {"window_seconds": HOUR // 1000, "window_rows": 1_000}
    for column in document["columns"]:
        if column["name"] == "weight":
            column["domain"] = {"kind": "range", "lower": -20, "upper": 20, "resolution": 0.01, "confirmed": True}
    return Contract.from_document(document)


PRIVATE = contract_of()


@dataclass
class Office:
    """One worker after the other at the same broker and store."""

    bootstrap: str
    place: Workplace
    metrics: Metrics = field(default_factory=Metrics)
    told: list[Event] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    lost: int = 0
    records: int = 0

    def worker(self, contract: Contract = PRIVATE) -> tuple[PrivateTests, Desk]:
        log = SimpleNamespace(warning=lambda text, extra: self.warned.append(f"{text}: {extra['reason']}"))
        context: Any = SimpleNamespace(
            workplace=self.place, metrics=self.metrics, log=log, publish=self._publish, work=self._work,
            settings=SimpleNamespace(bootstrap=self.bootstrap),
        )  # fmt: skip
        desk = Desk("lives")
        desk.apply(contract)
        return PrivateTests(context, "drift"), desk

    async def _work(self, station: str, job: str, function: Any, *arguments: Any) -> Any:
        return function(*arguments, lambda share, text: None)

    async def _publish(self, station: str, topic: str, event: Event) -> None:
        if self.lost:
            self.lost -= 1
            raise TransientError("no broker answers")
        self.told.append(event)

    @property
    def answers(self) -> list[DriftDetected]:
        return [event for event in self.told if isinstance(event, DriftDetected)]

    def outcome(self, name: str) -> float:
        found = self.metrics.registry.get_sample_value("perennial_events_total", {"station": "drift", "outcome": name})
        return found or 0.0

    def put(self, topic: str, event: Event) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 0, "log_level": 0})
        key, value, headers = to_message(event, "/tests")
        producer.produce(topic, value, key, partition=0, headers=list(headers))
        assert producer.flush(10) == 0

    def released(self, name: str = "lives.run.1", seed: int = 1) -> ArtefactRef:
        body = encode_parquet(conform(rows(6_000, seed), PRIVATE).table)
        return self.place.store.put(f"{name}.data", "data.parquet", "application/vnd.apache.parquet", body)

    def grant(self, data: ArtefactRef, name: str = "lives.test.1", contract: Contract = PRIVATE) -> TriggerGrant:
        changes = {"data": data, "contract_digest": contract.digest(), "release_id": data.artefact_id[:-5]}
        given = grant(name).model_copy(update=changes)
        self.put(
            "budget.ledger",
            TriggerReserved(
                event_id=f"{name}.{data.sha256[:8]}", scope="lives", sequence=1, decides="2", dataset="lives",
                epsilon_before="1", epsilon_after="1.5", cap_epsilon="3", delta=1e-5, grant=given,
            ),
        )  # fmt: skip
        return given

    def message(self, desk: Desk, frame: pd.DataFrame) -> RowsCounted:
        """Stage 1 of one message, which is put in the log of rows as well."""
        event = observed(frame)
        self.put("source.records", event)
        found, offset = counted(frame), self.records
        if desk.test is not None:
            object.__setattr__(found, "compared", desk.test.count(columns_of_rows(event), "insert"))
        self.records += 1
        return RowsCounted(
            event_id=str(offset), dataset="lives", reference="0" * 64, origin=ORIGIN, first_offset=offset,
            last_offset=offset, rows=len(frame), counts=to_bytes(found),
        )  # fmt: skip


async def give(tests: PrivateTests, desk: Desk, event: RowsCounted, hour: int) -> None:
    await tests.take(desk, event, from_bytes(event.counts), hour * HOUR)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with EmbeddedBroker({"budget.ledger": 1, "source.drift": 1, "source.records": 1}) as broker:
        yield Office(broker.bootstrap, workplace(tmp_path, tmp_path / "store"))


def started(office: Office, contract: Contract = PRIVATE) -> tuple[PrivateTests, Desk]:
    tests, desk = office.worker(contract)

    async def start() -> None:
        await tests.recall(desk)
        await tests.ready(desk)

    asyncio.run(start())
    return tests, desk


def live(desk: Desk) -> LiveTest:
    assert desk.test is not None
    return desk.test


def drifted(office: Office, tests: PrivateTests, desk: Desk) -> list[RowsCounted]:
    """A quiet hour, two messages of moved rows, and the first of the next hour, which has not been taken yet."""
    messages = [office.message(desk, frame) for frame in (QUIET, MOVED, MOVED, QUIET)]
    for event, hour in zip(messages, (1, 2, 2), strict=False):
        asyncio.run(give(tests, desk, event, hour))
    assert live(desk).fired is None
    return messages


def test_a_granted_test_fires_once_and_its_whole_window_is_sealed(office: Office) -> None:
    given = office.grant(office.released())
    tests, desk = started(office)
    assert live(desk).grant == given
    last = drifted(office, tests, desk)[-1]
    asyncio.run(give(tests, desk, last, 3))
    assert [(each.kind, each.grant) for each in office.answers] == [("withheld", "lives.test.1")]
    window = office.answers[0].window
    assert window is not None
    expected = conform(pd.concat([MOVED, MOVED], ignore_index=True), PRIVATE, roles=("modelled", "time")).table
    pd.testing.assert_frame_equal(office.place.read_window(window), expected, check_dtype=False)
    for hour in range(4, 9):
        asyncio.run(give(tests, desk, office.message(desk, MOVED), hour))
    assert len(office.answers) == 1


def test_no_rows_drifted_no_answer(office: Office) -> None:
    """20 windows of such rows: the odds of a false answer are 0.0005 a window; seeds 100 to 119."""
    office.grant(office.released())
    tests, desk = started(office)
    for hour in range(20):
        asyncio.run(give(tests, desk, office.message(desk, rows(1_000, 100 + hour)), hour))
    assert (office.answers, office.outcome("not_compared")) == ([], 0)


def test_a_contract_of_another_timing_has_no_test(office: Office) -> None:
    office.grant(office.released())
    _, desk = started(office, CONTRACT)
    assert desk.test is None
    assert not office.warned


def test_a_release_that_cannot_be_read_is_told_at_every_look_until_it_can(office: Office) -> None:
    data = office.released()
    office.grant(data.model_copy(update={"sha256": "0" * 64}))
    tests, desk = started(office)
    assert desk.test is None
    assert office.warned[0].startswith("a private test that was granted cannot be served")
    assert office.outcome("test_unserved") == 1
    asyncio.run(tests.ready(desk))
    assert office.outcome("test_unserved") == 1
    desk.grants.looked -= 3_600
    asyncio.run(tests.ready(desk))
    assert office.outcome("test_unserved") == 2
    office.grant(data)
    desk.grants.looked -= 3_600
    asyncio.run(tests.ready(desk))
    assert live(desk).grant.data == data


@pytest.mark.parametrize("body", [b"", b"no table", encode_parquet(conform(rows(100, 1), PRIVATE).table)])
def test_a_release_that_is_no_table_or_too_short_is_told(office: Office, body: bytes) -> None:
    office.grant(office.place.store.put("lives.run.1.data", "data.parquet", "application/vnd.apache.parquet", body))
    _, desk = started(office)
    assert desk.test is None
    assert office.outcome("test_unserved") == 1


def test_a_grant_under_another_contract_is_not_served_and_that_is_told(office: Office) -> None:
    office.grant(office.released())
    _, desk = started(office, PRIVATE.model_copy(update={"version": "9.0.0"}))
    assert desk.test is None
    assert "another contract" in office.warned[0]


def test_a_renewal_is_followed_at_the_next_look(office: Office) -> None:
    office.grant(office.released())
    tests, desk = started(office)
    before = live(desk)
    renewed = office.grant(office.released("lives.run.2", seed=7))
    desk.grants.looked -= 3_600
    asyncio.run(tests.ready(desk))
    assert live(desk) is before
    assert before.grant == renewed


def test_a_worker_that_takes_over_after_the_answer_says_nothing_more(office: Office) -> None:
    office.grant(office.released())
    tests, desk = started(office)
    last = drifted(office, tests, desk)[-1]
    asyncio.run(give(tests, desk, last, 3))
    later, taken = started(office)
    for hour in range(4, 9):
        asyncio.run(give(later, taken, office.message(taken, MOVED), hour))
    assert len(office.answers) == 1


def test_an_answer_that_could_not_be_told_is_told_again_alike(office: Office) -> None:
    office.grant(office.released())
    tests, desk = started(office)
    messages = drifted(office, tests, desk)
    office.lost = 2
    for _ in range(2):
        with pytest.raises(TransientError):
            asyncio.run(give(tests, desk, messages[-1], 3))
    later, taken = started(office)
    assert live(taken).due
    asyncio.run(give(later, taken, office.message(taken, QUIET), 4))
    asyncio.run(give(tests, desk, messages[-1], 3))
    first, second = office.answers
    assert first.to_bytes() == second.to_bytes()


def test_without_its_checkpoint_a_test_that_answered_is_not_begun_again(office: Office) -> None:
    office.grant(office.released())
    tests, desk = started(office)
    last = drifted(office, tests, desk)[-1]
    asyncio.run(give(tests, desk, last, 3))
    office.put("source.drift", office.answers[0])
    for path in (office.place.home / "store" / "checkpoints").iterdir():
        path.unlink()
    _, taken = started(office)
    assert taken.test is None


def test_a_window_that_the_broker_no_longer_holds_is_told_without_one(office: Office) -> None:
    office.grant(office.released())
    tests, desk = started(office)
    last = drifted(office, tests, desk)[-1]
    live(desk).stretches = {ORIGIN: (900, 901)}
    asyncio.run(give(tests, desk, last, 3))
    assert [each.window for each in office.answers] == [None]
    assert office.outcome("test_unserved") == 1


def test_rows_that_were_not_compared_are_told(office: Office) -> None:
    office.grant(office.released())
    tests, desk = started(office)
    asyncio.run(give(tests, desk, office.message(Desk("lives"), QUIET), 1))
    assert office.outcome("not_compared") == 1
