"""Figures for operators: smoothed, of many rows, and of no column's values."""

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column, Contract, Policy, Privacy
from schemas.drift import DriftPolicy
from stream_app.core.drift.blocks import counted
from stream_app.core.drift.live import MINIMUM_ROWS, Figures, LiveSummary
from stream_app.core.drift.reference import Reference, build_reference
from stream_app.core.drift.tracker import Tracker
from stream_app.core.drift.wire import Counted, Operation

CONTRACT = Contract(
    dataset="d",
    policy=Policy(privacy=Privacy(scope="s"), target="x"),
    columns=(Column(name="x", type="number"), Column(name="y", type="number")),
)


def rows(number: int, seed: int, missing: float = 0.0, shift: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    x = random.standard_normal(number) + shift
    return pd.DataFrame({"x": x, "y": np.where(random.random(number) < missing, np.nan, random.random(number))})


@pytest.fixture(scope="module")
def reference() -> Reference:
    return build_reference(rows(5_000, 1, 0.2), CONTRACT)


def counted_of(frame: pd.DataFrame, reference: Reference, operation: Operation = "insert") -> Counted:
    """The counts of the rows, as stage 1 gives them."""
    blocks = counted(reference.encode(frame), np.full(len(frame), np.nan), reference)
    nothing = np.zeros(reference.layout.cells, dtype=np.int64)
    return Counted(operation, tuple(blocks), nothing, nothing)


def test_nothing_is_said_of_fewer_rows_than_the_least(reference: Reference) -> None:
    summary, stream = LiveSummary(), rows(MINIMUM_ROWS + 100, 2, 0.2)

    def take(start: int, stop: int | None) -> Figures | None:
        return summary.take(counted_of(stream[start:stop], reference), reference, 0.25)

    assert take(0, 0) is None
    assert take(0, MINIMUM_ROWS - 1) is None
    figures = take(MINIMUM_ROWS - 1, MINIMUM_ROWS)
    assert figures is not None
    assert figures.missing_share == pytest.approx(stream[:MINIMUM_ROWS].isna().to_numpy().mean())
    assert figures.drift_score == 0.25
    assert take(MINIMUM_ROWS, None) is None


def test_the_newest_piece_weighs_a_fifth_of_the_missing_share_and_half_of_the_score(reference: Reference) -> None:
    summary = LiveSummary()
    before = summary.take(counted_of(rows(300, 3), reference), reference, 0.0)
    after = summary.take(counted_of(rows(300, 4, 1.0), reference), reference, 1.0)
    assert before is not None
    assert after is not None
    assert before.missing_share == 0
    assert after.missing_share == pytest.approx(0.5 * 0.2)
    assert after.drift_score == pytest.approx(0.5)


@pytest.mark.parametrize("operation", ["delete", "label"])
def test_rows_that_are_taken_out_or_labelled_late_say_nothing(reference: Reference, operation: Operation) -> None:
    summary = LiveSummary()
    assert summary.take(counted_of(rows(600, 5, 1.0), reference, operation), reference, 3.0) is None
    figures = summary.take(counted_of(rows(300, 6), reference), reference, 0.5)
    assert figures == Figures(0.0, 0.5)


def test_the_score_rises_to_one_where_the_stream_drifts(reference: Reference) -> None:
    """Seeds 10 to 17; six stationary messages of 500 rows alarm with probability 0.0015."""
    summary, tracker = LiveSummary(), Tracker(reference)

    def fed(number: int, shift: float) -> float:
        score = 0.0
        for seed in range(number):
            each = counted_of(rows(500, 10 + seed, 0.2, shift), reference)
            tracker.take(list(each.blocks))
            figures = summary.take(each, reference, tracker.score)
            assert figures is not None
            score = figures.drift_score
        return score

    assert 0 <= fed(6, 0.0) < 0.8
    # Until the changed rows are the baseline, no piece counts less than an alarm; the newest weighs a half.
    assert fed(8, 1.0) >= 1 - 0.5**6
    fed(6, 1.0)
    assert not tracker.settling
    assert fed(6, 1.0) < 0.8


def test_a_label_that_comes_late_is_no_missing_cell() -> None:
    policy = CONTRACT.policy.model_copy(update={"drift": DriftPolicy(late_labels=True)})
    reference = build_reference(rows(5_000, 1, 0.2), CONTRACT.model_copy(update={"policy": policy}))
    stream = rows(300, 2, 0.2).assign(x=np.nan)
    figures = LiveSummary().take(counted_of(stream, reference), reference, 0.0)
    assert figures is not None
    assert figures.missing_share == pytest.approx(stream["y"].isna().mean())
