"""A station served in bulk acknowledges what it attended to and nothing else, and lets others come and go meanwhile."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.errors import TransientError
from stream_app.adapters.metrics import Metrics
from stream_app.adapters.reader import StoredMessage
from stream_app.agents import bulk
from stream_app.agents.bulk import serve_in_bulk
from stream_app.agents.shell import Received
from stream_app.settings import Settings


class Member:
    """A consumer that is given its messages; partition 1 is lost while the first message is attended to."""

    made: "list[Member]" = []  # noqa: RUF012

    def __init__(self, bootstrap: str, group: str, topic: str, session_s: float, wait_ms: int, told: Any) -> None:
        self.group, self.topic, self.wait_ms, self.told = group, topic, wait_ms, told
        self.done, self.kept, self.closed, self.held = list[int](), 0, False, {0, 1}
        self.left = [[StoredMessage(topic, at % 2, at, 5, b"\xff", b"", (("a", b"b"),)) for at in range(4)]]
        Member.made.append(self)

    def read(self) -> list[StoredMessage]:
        if self.left:
            self.told()
        return self.left.pop() if self.left else []

    def keep(self) -> None:
        self.kept += 1
        self.held = {0}

    def holds(self, partition: int) -> bool:
        return partition in self.held

    def attended(self, message: StoredMessage) -> None:
        self.done.append(message.offset)

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _members(monkeypatch: pytest.MonkeyPatch) -> None:
    Member.made.clear()
    monkeypatch.setattr(bulk, "BulkConsumer", Member)
    monkeypatch.setattr(bulk, "KEPT_S", 0.01)


def served(attend: Any, assigned: Any = lambda: None, seconds: float = 0.5) -> tuple[Member, list[str]]:
    """A worker that is asked to stop after a while; the member it was, and why it would have ended by itself."""
    crashed = list[str]()

    async def live() -> None:
        tasks: list[Any] = []
        app: Any = SimpleNamespace(should_stop=False, task=tasks.append)
        settings = Settings(bootstrap="none", embedded=True)
        context: Any = SimpleNamespace(
            settings=settings, metrics=Metrics(), log=logging.getLogger("test"), crash=crashed.append
        )
        serve_in_bulk(app, context, "drift", "source.records", attend, assigned)
        running = asyncio.ensure_future(tasks[0]())
        await asyncio.sleep(seconds)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.sleep(0.1)

    asyncio.run(live())
    return Member.made[0], crashed


def test_messages_are_attended_to_in_order_as_received_and_the_group_is_the_topic_s_own() -> None:
    found, told = list[Received](), list[int]()

    async def attend(message: Received) -> None:
        assert told == [1]
        found.append(message)

    member, _ = served(attend, lambda: told.append(1))
    assert member.done == [0, 1, 2, 3]
    assert found[1] == Received("source.records", 1, 1, 5, "\ufffd", b"", (("a", b"b"),))
    assert (member.group, member.topic, member.wait_ms) == ("perennial.source.records", "source.records", 20)
    assert member.closed


def test_a_long_piece_of_work_keeps_its_place_and_leaves_out_what_was_lost_meanwhile() -> None:
    async def attend(message: Received) -> None:
        await asyncio.sleep(0.05)

    member, _ = served(attend)
    assert member.kept >= 1
    assert member.done == [0, 2]


def test_what_is_transient_is_tried_again_before_anything_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "KEPT_S", 10.0)
    seen = list[int]()

    async def attend(message: Received) -> None:
        seen.append(message.offset)
        if seen == [0, 1]:
            raise TransientError("not now")

    member, _ = served(attend, seconds=0.8)
    assert seen == [0, 1, 1, 2, 3]
    assert member.done == [0, 1, 2, 3]


def test_what_nobody_foresaw_ends_the_worker_and_is_not_acknowledged() -> None:
    async def attend(message: Received) -> None:
        if message.offset == 2:
            raise ZeroDivisionError

    member, crashed = served(attend)
    assert crashed == ["drift met an unforeseen ZeroDivisionError at source.records/0/2"]
    assert member.done[:1] == [0]
    assert not {2, 3} & set(member.done)


def test_a_worker_that_is_asked_to_stop_does_not_acknowledge_what_it_had_in_hand() -> None:
    async def attend(message: Received) -> None:
        if message.offset == 0:
            return
        await asyncio.sleep(60)

    member, crashed = served(attend)
    assert member.done == [0]
    assert member.closed
    assert not crashed


def test_a_consumer_that_cannot_go_on_ends_the_task() -> None:
    async def live() -> None:
        with ThreadPoolExecutor(1) as thread:
            consumer: Any = SimpleNamespace(read=lambda: (_ for _ in ()).throw(PermissionError("denied")))
            context: Any = None
            with pytest.raises(PermissionError):
                await bulk._read_on(thread, consumer, context, "drift", lambda _: asyncio.sleep(0))

    asyncio.run(live())
