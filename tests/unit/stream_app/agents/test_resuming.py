"""A watch as text: another worker goes on with it exactly, and quickly; what is damaged or of another shape is none."""

import json
import time

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


def test_no_cell_of_a_row_is_in_the_text() -> None:
    watch = lives.watch()
    feed(watch, rows(500, 7).assign(kind="a secret word"))
    assert "secret" not in written(watch, {})
