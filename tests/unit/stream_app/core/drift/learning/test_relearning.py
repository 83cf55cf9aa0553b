"""New baselines: without a season the settled rows' own; with one, every period moves as the settled rows did."""

import numpy as np
import pytest

from stream_app.core.drift.coding.bins import ColumnBins
from stream_app.core.drift.counts.layout import Integers, Layout, lay_out
from stream_app.core.drift.learning.relearning import relearnt

BINS = (ColumnBins("c", "string", "categorical", values=("a", "b", "c")),)


@pytest.fixture
def layout() -> Layout:
    return lay_out([np.array([0, 0, 500, 300, 200])], BINS, ())


def counts(*shares: tuple[int, ...]) -> Integers:
    found = np.asarray([[0, 0, *each] for each in shares], dtype=np.int64)
    return np.concatenate([found.sum(axis=0, keepdims=True), found])


def test_without_a_season_the_settled_rows_are_the_baseline(layout: Layout) -> None:
    settled = np.array([[0, 0, 10, 20, 30]])
    assert relearnt(np.array([[0, 0, 500, 300, 200]]), settled, layout).tolist() == settled.tolist()


def test_a_period_that_was_not_seen_since_moves_as_the_others_did(layout: Layout) -> None:
    """Period 1 stands at 60, 30 and 10 %, period 2 at 10, 30 and 60 %; in period 1 the first category halves."""
    old = counts((6_000, 3_000, 1_000), (1_000, 3_000, 6_000))
    settled = np.array([[0] * 5, [0, 0, 3_000, 3_000, 1_000], [0] * 5])
    found = relearnt(old, settled, layout)
    assert found[0].tolist() == settled.sum(axis=0).tolist()
    shares = found[1:, 2:] / found[1:, 2:].sum(axis=1, keepdims=True)
    assert shares[0] == pytest.approx(np.array([3, 3, 1]) / 7, abs=0.001)
    # Before normalising, the first category's cells count half as much against the others, in every period.
    assert shares[1, 0] / shares[1, 1] == pytest.approx((1 / 3) / 2, abs=0.002)
    assert shares[1, 2] / shares[1, 1] == pytest.approx(2, abs=0.002)


def test_it_claims_no_more_rows_than_were_settled(layout: Layout) -> None:
    old = counts((60_000, 30_000, 10_000), (10_000, 30_000, 60_000))
    settled = np.array([[0] * 5, [0, 0, 300, 300, 100], [0, 0, 30, 80, 190]])
    found = relearnt(old, settled, layout)
    assert (np.abs(found.sum(axis=1) - 1_000) <= 2).all()
    assert (found >= 0).all()
