"""Killed, restored, replayed and disturbed, the drift station's state and log of drifts are those of a quiet run."""

from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column, Policy, Privacy
from schemas.drift import Season
from stream_app.agents.resuming import resumed, written
from stream_app.agents.watch import Watch
from stream_app.core.drift.aggregator import Aggregator
from stream_app.core.drift.coding.cells import columns_of
from stream_app.core.drift.counter import RowCounter
from stream_app.core.drift.reference import build_reference
from stream_app.core.drift.wire import from_bytes, to_bytes
from tests.unit.stream_app.agents import lives
from tests.unit.stream_app.agents.lives import SECRET, SHAPE, counted, rows

KILLS = 100
"""In each of two settings."""
SEASONS: tuple[Season, ...] = ("none", "weekday")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of counts: which offset of which partition of records it counts, and its body."""

    origin: str
    offset: int
    body: bytes


@dataclass(slots=True)
class Log:
    """Drift events in the order of their first telling; one told again must be the same to the byte."""

    told: dict[str, bytes]

    def take(self, watch: Watch, message: Message) -> int:
        signs = watch.take(message.origin, message.offset, message.offset, from_bytes(message.body))
        for sign in signs:
            event = watch.event(sign, None)
            assert self.told.setdefault(event.event_id, event.to_bytes()) == event.to_bytes()
        return len(signs)


def messages(season: Season) -> list[Message]:
    """Three partitions of rows in one log of counts; the stream drifts, settles, drifts again; some rows are deleted,
    some are labelled late, some lack a column.
    """
    random, found = np.random.default_rng(51), list[Message]()
    offsets = dict.fromkeys(range(3), 0)

    def add(frame: Any, operation: Any = "insert") -> None:
        partition = int(random.integers(3))
        body = to_bytes(counted(frame, operation, season))
        found.append(Message(f"source.records/{partition}", offsets[partition], body))
        offsets[partition] += 1

    shifts = [0.0] * 30 + [1.5] * 50 + [-1.0] * 20
    for seed, shift in enumerate(shifts):
        frame = rows(int(random.integers(20, 400)), 100 + seed, shift)
        add(frame.drop(columns="weight") if seed == 20 else frame)
        if seed % 9 == 4:
            add(frame[: len(frame) // 3], "delete")
        if seed % 7 == 3:
            add(frame[:50], "label")
    return found


def undisturbed(log: list[Message], season: Season) -> tuple[Watch, Log]:
    watch, told = lives.watch(season), Log({})
    for message in log:
        told.take(watch, message)
    return watch, told


def again(text: str, season: Season) -> tuple[Watch, int]:
    """What a fresh worker knows, and where it goes on."""
    found = resumed(text, SHAPE, lives.contract(season), SECRET, 2_000)
    assert found is not None
    return found[0], found[1][0]


@pytest.mark.parametrize("season", SEASONS)
def test_kills_with_duplicates_and_old_ranges_change_nothing(season: Season) -> None:
    """Seed 52. Each worker takes a few messages, saves somewhere among them, and dies; whatever it told after that is
    told again. Meanwhile messages of all partitions come again, newer and older, in any order.
    """
    log = messages(season)
    expected, expected_log = undisturbed(log, season)
    random, told, kills = np.random.default_rng(52), Log({}), 0
    text = written(lives.watch(season), {0: 0})
    while True:
        watch, at = again(text, season)
        stop = len(log) if kills == KILLS else min(len(log), at + int(random.integers(1, 7)))
        saved = int(random.integers(at, stop + 1))
        for place in range(at, stop):
            if place == saved:
                text = written(watch, {0: place})
            told.take(watch, log[place])
            for old in random.integers(0, place + 1, int(random.integers(0, 4))):
                before = watch.aggregator.to_json() if old % 16 == 0 else None
                assert told.take(watch, log[int(old)]) == 0
                assert before is None or watch.aggregator.to_json() == before
        if kills == KILLS:
            break
        kills += 1
    assert list(told.told.items()) == list(expected_log.told.items())
    assert written(watch, {}) == written(expected, {})
    assert watch.aggregator.train.tobytes() == expected.aggregator.train.tobytes()
    assert watch.aggregator.held.tobytes() == expected.aggregator.held.tobytes()
    kinds = {event.split(b'"kind":"')[1].split(b'"')[0] for event in told.told.values()}
    assert {b"schema", b"marginal"} <= kinds
    assert len(told.told) >= 3


def test_the_state_is_at_most_twice_the_raw_counts() -> None:
    """Raw counts are those of the train share and of the rows held out, eight bytes a cell. After 400,000 rows of
    sixteen columns; a table of few columns has few cells, and the recent past alone takes more.
    """
    names = tuple(f"c{place}" for place in range(16))
    wide = lives.CONTRACT.model_copy(
        update={
            "columns": tuple(Column(name=name, type="number") for name in names),
            "policy": Policy(privacy=Privacy(scope="lives")),
        }
    )
    table = pd.DataFrame(np.random.default_rng(53).standard_normal((12_000, 16)), columns=names)
    reference = build_reference(table, wide)
    counter, aggregator = RowCounter(reference, wide, SECRET), Aggregator(reference)
    some = [counter.count(columns_of(piece, wide)) for piece in lives.pieces(table[:8_000], 1_000)]
    for offset, each in zip(range(400), cycle(some), strict=False):
        aggregator.take("source.records/0", offset, offset, each)
    aggregator.forget(398_000)
    assert aggregator.rows == 400_000
    assert len(aggregator.to_json()) <= 2 * 2 * 8 * reference.layout.cells
