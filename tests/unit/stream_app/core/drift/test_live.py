"""Figures for operators: smoothed, of many rows, and of no column's values."""

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column, Contract, Policy, Privacy
from stream_app.core.drift.live import MINIMUM_ROWS, LiveSummary
from stream_app.core.drift.reference import build_reference
from stream_app.core.drift.tracker import Tracker

CONTRACT = Contract(
    dataset="d",
    policy=Policy(privacy=Privacy(scope="s"), target="x"),
    columns=(Column(name="x", type="number"), Column(name="y", type="number")),
)


def rows(number: int, seed: int, missing: float = 0.0, shift: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    x = random.standard_normal(number) + shift
    return pd.DataFrame({"x": x, "y": np.where(random.random(number) < missing, np.nan, random.random(number))})


@pytest.fixture
def tracker() -> Tracker:
    return Tracker(build_reference(rows(5_000, 1, 0.2), CONTRACT))


def test_nothing_is_said_of_fewer_rows_than_the_least(tracker: Tracker) -> None:
    summary, stream = LiveSummary(), rows(MINIMUM_ROWS + 100, 2, 0.2)
    assert summary.take(stream[:0], ("x", "y"), tracker) is None
    assert summary.take(stream[: MINIMUM_ROWS - 1], ("x", "y"), tracker) is None
    figures = summary.take(stream[MINIMUM_ROWS - 1 : MINIMUM_ROWS], ("x", "y"), tracker)
    assert figures is not None
    assert figures.missing_share == pytest.approx(stream[:MINIMUM_ROWS].isna().to_numpy().mean())
    assert summary.take(stream[MINIMUM_ROWS:], ("x", "y"), tracker) is None


def test_the_newest_piece_weighs_a_fifth(tracker: Tracker) -> None:
    summary = LiveSummary()
    before = summary.take(rows(300, 3), ("y",), tracker)
    after = summary.take(rows(300, 4, 1.0), ("y",), tracker)
    assert before is not None
    assert after is not None
    assert before.missing_share == 0
    assert after.missing_share == pytest.approx(0.2)


def test_the_score_rises_past_one_where_the_stream_drifts(tracker: Tracker) -> None:
    summary = LiveSummary()

    def fed(number: int, shift: float) -> float:
        score = 0.0
        for seed in range(number):
            piece = rows(500, 10 + seed, 0.2, shift)
            tracker.observe(piece)
            figures = summary.take(piece, ("x", "y"), tracker)
            assert figures is not None
            score = figures.drift_score
        return score

    assert 0 <= fed(6, 0.0) < 0.8
    assert fed(8, 1.0) > 1
