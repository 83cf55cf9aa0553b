"""How skewed scores are follows from the baseline alone, and is what scores of fresh rows show."""

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column, Contract, Policy, Privacy
from schemas.drift import DriftPolicy
from stream_app.core.drift.detectors.slow_scan import SlowScan
from stream_app.core.drift.detectors.tails import Tails, tails_of
from stream_app.core.drift.reference import Reference, build_reference

COLUMNS = (Column(name="kind", type="string"), Column(name="x", type="number"))
CONTRACT = Contract(dataset="d", policy=Policy(privacy=Privacy(scope="s")), columns=COLUMNS)
SHARES = np.array([0.5, 0.3, 0.17, 0.03])


@pytest.fixture(scope="module")
def reference() -> Reference:
    """20,000 rows in blocks of 100; seed 51."""
    random = np.random.default_rng(51)
    frame = pd.DataFrame(
        {"kind": random.choice(np.array(list("abcd"), dtype=object), 20_000, p=SHARES), "x": random.normal(size=20_000)}
    )
    return build_reference(frame, CONTRACT, DriftPolicy(block_rows=100))


def test_a_share_is_as_skewed_as_its_count(reference: Reference) -> None:
    """A binomial count of n rows has skewness (1 - 2p) / root(n p (1 - p)); given in steps of 0.05."""
    spread = reference.spread
    tails = tails_of(reference.scorings[0], reference.counts[0], reference.cut_of(spread), spread)
    shares = [place for place, channel in enumerate(reference.channels) if channel.measures == "share"]
    expected = np.abs(1 - 2 * SHARES) / np.sqrt(100 * SHARES * (1 - SHARES))
    assert tails.skews[shares] == pytest.approx(expected, abs=0.04)


def test_the_location_of_a_symmetric_column_is_not_skewed(reference: Reference) -> None:
    spread = reference.spread
    tails = tails_of(reference.scorings[0], reference.counts[0], reference.cut_of(spread), spread)
    assert [tails.skews[place] for place, each in enumerate(reference.channels) if each.measures == "location"] == [0.0]


def test_the_slow_scan_wants_more_of_skewed_scores_and_of_dependent_ones() -> None:
    """The same sums of 32 blocks in three channels."""
    tails = Tails(np.array([0.0, 0.6, 0.0]), np.full(3, 20.0), np.array([1.0, 1.0, 2.0]))
    scan = SlowScan(np.ones(3, dtype=bool), 10_000, 100, 0.1, tails)
    assert scan.update(np.full((32, 3), 1.5), 100 * np.arange(32)) == 32
    plain, skewed, dependent = scan.strength()
    assert plain >= 1
    assert plain > skewed > 0.5
    assert dependent == pytest.approx(plain / 1.2)
