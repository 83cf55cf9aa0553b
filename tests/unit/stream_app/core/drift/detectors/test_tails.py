"""How skewed scores are follows from the baseline alone, and is what scores of fresh rows show."""

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from scipy.stats import skew

from schemas.contract import Column, Contract, Policy, Privacy
from schemas.drift import DriftPolicy
from stream_app.core.drift.blocks import counted
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


def test_dependent_rows_make_tails_as_much_longer_as_their_scores_vary_more(reference: Reference) -> None:
    """Scores of three times the spread; more than 1.5 is not left of a skewness where scores are cut off at three."""
    spread = np.full(len(reference.channels), 3.0)
    plain = tails_of(reference.scorings[0], reference.counts[0], spread, np.ones(len(spread))).skews
    longer = tails_of(reference.scorings[0], reference.counts[0], spread, spread).skews
    for place, channel in enumerate(reference.channels):
        if channel.measures == "location":
            assert longer[place] == 0
        elif channel.measures == "skewness":
            # Long on both sides alike.
            assert plain[place] == 0
            assert longer[place] > 0.2
        elif not channel.signed:
            assert longer[place] == pytest.approx(min(1.5, 9 * 0.15), abs=0.05)
        else:
            assert longer[place] == pytest.approx(min(1.5, 3 * plain[place]), abs=0.1)


def test_the_squares_of_a_process_with_memory_are_as_skewed_as_is_said() -> None:
    """AR(1) of coefficient 0.9: 20,000 rows learnt, 400,000 scored, seed 52; a sum of many such squares is one and a
    half times as skewed, before it is cut off.
    """
    noise = np.random.default_rng(52).standard_normal(420_000)
    walk = pd.DataFrame({"kind": "a", "x": lfilter([(1 - 0.9**2) ** 0.5], [1, -0.9], noise)})
    reference = build_reference(walk[:20_000], CONTRACT, DriftPolicy(block_rows=100))
    spread = reference.spread
    squares = next(place for place, channel in enumerate(reference.channels) if channel.measures == "spread")
    said = tails_of(reference.scorings[0], reference.counts[0], spread, spread).skews[squares]
    blocks = counted(reference.encode(walk[20_000:]), reference.times_of(walk[20_000:]), reference)
    counts = np.stack([block.counts for block in blocks])
    scores, sizes = reference.scorings[0].score(counts)
    standard = ((scores - reference.centre * sizes) / spread)[:, squares]
    assert 0.5 < said < skew(np.clip(standard, -3, 3)) < 1.5 * said


def test_the_slow_scan_wants_more_of_skewed_scores_and_of_dependent_ones() -> None:
    """The same sums of 32 blocks in three channels."""
    tails = Tails(np.array([0.0, 0.6, 0.0]), np.full(3, 20.0), np.array([1.0, 1.0, 2.0]))
    scan = SlowScan(np.ones(3, dtype=bool), 10_000, 100, 0.1, tails)
    assert scan.update(np.full((32, 3), 1.5), 100 * np.arange(32)) == 32
    plain, skewed, dependent = scan.strength()
    assert plain >= 1
    assert plain > skewed > 0.5
    assert dependent == pytest.approx(plain / 1.05)
