"""The watch over live rows: a pure function of the rows, one window a drift, ids that a replay repeats."""

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Categories, Column, Contract, Policy, Privacy, Range
from schemas.events.sources import SourceRef
from stream_app.agents.profiling import Watch, typed
from stream_app.core.drift.reference import build_reference
from stream_app.core.drift.tracker import Tracker

CONTRACT = Contract(
    dataset="lives",
    columns=(
        Column(name="at", type="timestamp", role="time"),
        Column(name="size", type="number", domain=Range(lower=-10, upper=10, resolution=0.01, confirmed=True)),
        Column(name="kind", type="string", domain=Categories(values=("a", "b"), confirmed=True)),
    ),
    policy=Policy(privacy=Privacy(scope="lives")),
)
SOURCE = SourceRef(uri="file:///snapshot.parquet", sha256="a" * 64, format="parquet")


def rows(count: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "at": pd.date_range("2026-01-01", periods=count, freq="min"),
            "size": np.clip(rng.normal(shift, 1, count), -10, 10).round(2),
            "kind": rng.choice(["a", "b"], count),
        }
    )
    return typed(frame, CONTRACT)


@pytest.fixture
def watch() -> Watch:
    return Watch(CONTRACT, SOURCE, Tracker(build_reference(rows(5_000, 1), CONTRACT)), window_rows=2_000)


def feed(watch: Watch, frame: pd.DataFrame, size: int = 500) -> list[str]:
    told = []
    for start in range(0, len(frame), size):
        sign = watch.observe(frame.iloc[start : start + size].reset_index(drop=True))
        told += [watch.event(sign, None).event_id] if sign is not None else []
    return told


def test_rows_of_the_reference_give_no_sign_and_no_window(watch: Watch) -> None:
    assert feed(watch, rows(10_000, 2)) == []
    assert watch.window() is None


def test_a_shift_gives_one_sign_and_a_window_of_the_new_rows(watch: Watch) -> None:
    feed(watch, rows(3_000, 3))
    assert len(feed(watch, rows(4_000, 4, shift=1.5))) == 1
    window = watch.window()
    assert window is not None
    assert 2_000 <= len(window) <= 4_500
    assert float(window["size"].mean()) == pytest.approx(1.5, abs=0.15)
    assert watch.sign is not None
    event = watch.event(watch.sign, SOURCE)
    assert 2_500 <= event.since_row <= 3_250
    assert 3_000 < event.row <= 3_500
    assert event.since_time is not None
    assert "size" in event.columns


def test_a_replay_tells_the_same_ids_however_the_rows_were_cut() -> None:
    stream = pd.concat([rows(1_000, 5), rows(3_000, 6, shift=2.0)], ignore_index=True)
    told = []
    for size in (500, 500, 250):
        fresh = Watch(CONTRACT, SOURCE, Tracker(build_reference(rows(5_000, 1), CONTRACT)), window_rows=2_000)
        told.append(feed(fresh, stream, size))
    assert told[0] == told[1] == told[2] != []


def test_after_a_window_the_watch_follows_the_new_reference(watch: Watch) -> None:
    feed(watch, rows(4_000, 7, shift=2.0))
    window = watch.window()
    assert window is not None
    before = watch.rows
    watch.follow(build_reference(window, CONTRACT))
    assert feed(watch, rows(4_000, 8, shift=2.0)) == []
    assert len(feed(watch, rows(3_000, 9, shift=-1.0))) == 1
    assert watch.sign is not None
    assert watch.event(watch.sign, None).row > before


def test_deleted_rows_leave_the_window(watch: Watch) -> None:
    shifted = rows(4_000, 10, shift=2.0)
    feed(watch, shifted)
    kept = watch.window()
    watch.remove(shifted.iloc[1_000:2_000].reset_index(drop=True))
    left = watch.window()
    assert kept is not None
    assert left is not None
    assert len(left) < len(kept)
