"""A watch as text: another worker goes on with it exactly, and quickly; what is damaged or of another shape is none."""

import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.agents.resuming import resumed, written
from stream_app.agents.watch import Watch
from tests.unit.stream_app.agents import lives
from tests.unit.stream_app.agents.lives import CONTRACT, SECRET, SHAPE, feed, rows


@pytest.fixture(scope="module")
def text() -> str:
    """Of a watch in the middle of a drift."""
    watch = lives.watch()
    feed(watch, pd.concat([rows(3_000, 2), rows(1_250, 3, shift=2.0)], ignore_index=True))
    assert watch.sign is not None
    return written(watch, {0: 9, 2: 4})


def read(text: str, shape: str = SHAPE) -> tuple[Watch, dict[int, int]] | None:
    return resumed(text, shape, CONTRACT, SECRET, 2_000)


def test_what_was_written_is_read_and_written_again_alike(text: str) -> None:
    found = read(text)
    assert found is not None
    watch, positions = found
    assert positions == {0: 9, 2: 4}
    assert written(watch, positions) == text


def test_another_worker_goes_on_as_if_nothing_had_happened() -> None:
    stream = pd.concat([rows(1_250, 4), rows(7_000, 5, shift=1.5), rows(1_500, 6, shift=-1.0)], ignore_index=True)
    whole, told = lives.watch(), list[bytes]()
    expected = feed(whole, stream)
    moved = lives.watch()
    for start in range(0, len(stream), 500):
        found = read(written(moved, {}))
        assert found is not None
        moved = found[0]
        told += feed(moved, stream.iloc[start : start + 500])
    assert told == expected
    assert len(told) == 2
    assert written(moved, {}) == written(whole, {})


def test_a_takeover_takes_less_than_a_second_of_cpu(text: str) -> None:
    read(text)
    start = time.process_time()
    assert read(text) is not None
    assert time.process_time() - start < 1


def test_a_checkpoint_of_another_shape_is_none(text: str) -> None:
    assert read(text, "e" * 64) is None


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_damaged_text_is_none(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text) - 1))
    assert read(text[:cut]) is None


def test_every_part_is_needed(text: str) -> None:
    document = json.loads(text)
    for key in document:
        assert read(json.dumps({name: part for name, part in document.items() if name != key})) is None
        assert read(json.dumps(document | {key: [1]})) is None
    for odd in ("", "null", "[]", "1", '"x"'):
        assert read(odd) is None


ODD = (None, True, -5, -1, 0, 1, 3, 1.5, 2**31, 2**70, float("nan"), "", "x", [], [1], [[1]], {})


def opened(value: Any) -> Any:
    """A JSON value, with texts that are JSON themselves as tuples of one value."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        return (opened(json.loads(value)),)
    if isinstance(value, dict):
        return {key: opened(each) for key, each in value.items()}
    return [opened(each) for each in value] if isinstance(value, list) else value


def closed(value: Any) -> Any:
    if isinstance(value, tuple):
        return json.dumps(closed(value[0]))
    if isinstance(value, dict):
        return {key: closed(each) for key, each in value.items()}
    return [closed(each) for each in value] if isinstance(value, list) else value


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in the value, and a key of it; of long lists the first few."""
    keys = list(value) if isinstance(value, dict) else list(range(min(3, len(value))))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list | tuple):
            yield from places(value[key])


def test_odd_values_anywhere_in_it_are_none_or_a_watch_that_goes_on(text: str) -> None:
    """500 of some 6,500 places and values, by seed."""
    whole, more = opened(json.loads(text)), rows(300, 9)
    tried = [(*place, odd) for place in places(whole) for odd in ODD if not isinstance(place[0], tuple)]
    outcomes = set()
    for container, key, odd in random.Random(1).sample(tried, 500):
        true, container[key] = container[key], odd
        found = read(json.dumps(closed(whole)))
        container[key] = true
        outcomes.add(found is None)
        if found is not None:
            feed(found[0], more)
    assert outcomes == {False, True}


def test_no_cell_of_a_row_is_in_the_text() -> None:
    watch = lives.watch()
    feed(watch, rows(500, 7).assign(kind="a secret word"))
    assert "secret" not in written(watch, {})
