"""The streams of the benchmark say what they do, and its scores count what they should (seeds are fixed)."""

from math import inf

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks.drift.delay import OWN, ratios
from tests.benchmarks.drift.outcome import Outcome, at_most
from tests.benchmarks.drift.streams import CHANGES, COLUMNS, UNCHANGED, Source, changing, ranks

START, ROWS = 10_000, 40_000


def taken(kind: str) -> pd.DataFrame:
    return Source(7).take(ROWS, CHANGES[kind], START)


UNTOUCHED = Source(7).take(ROWS, UNCHANGED)


@pytest.mark.parametrize("kind", CHANGES)
def test_streams_of_one_seed_differ_by_their_change_alone(kind: str) -> None:
    stream = taken(kind)
    pd.testing.assert_frame_equal(stream[:START], UNTOUCHED[:START])
    moved = {name for name in COLUMNS if not stream[name].equals(UNTOUCHED[name])}
    wanted = set(CHANGES[kind].columns) - ({"c0"} if kind == "subgroup" else set())
    assert moved == (wanted - {"x0"} if kind == "correlation" else wanted)


def test_sizes_of_the_abrupt_changes() -> None:
    """Tolerances are six standard errors of 30,000 rows."""
    x2 = {kind: taken(kind)["x2"][START:] for kind in ("mean", "variance", "spread", "subgroup")}
    assert x2["mean"].mean() == pytest.approx(0.25, abs=0.035)
    assert x2["variance"].var() == pytest.approx(1.25, abs=0.065)
    assert x2["spread"].std() == pytest.approx(1.25, abs=0.035)
    assert (x2["subgroup"].mean(), x2["subgroup"].var()) == (pytest.approx(0, abs=0.035), pytest.approx(1, abs=0.05))
    groups = x2["subgroup"].groupby(taken("subgroup")["c0"]).mean()
    assert (groups["v01"], groups["v00"]) == (pytest.approx(0.4, abs=0.06), pytest.approx(-0.2, abs=0.045))
    pair = taken("correlation")[["x0", "x1"]]
    assert pair[:START].corr().iloc[0, 1] == pytest.approx(0.5, abs=0.05)
    assert pair[START:].corr().iloc[0, 1] == pytest.approx(0, abs=0.035)
    assert pair[START:].std().to_numpy() == pytest.approx([1, 1], abs=0.025)


def test_sizes_of_the_changes_of_categories_and_missing_cells() -> None:
    moved, before = (frame["c2"][START:].value_counts(normalize=True) for frame in (taken("category"), UNTOUCHED))
    assert (moved - before)[["v00", "v01"]].to_numpy() == pytest.approx([-0.05, 0.05], abs=0.008)
    fresh = taken("new category")["c5"] == "v17"
    assert (fresh[:START].sum(), fresh[START:].mean()) == (0, pytest.approx(0.01, abs=0.0035))
    missing = taken("missingness")["x5"].isna()
    assert (missing[:START].sum(), missing[START:].mean()) == (0, pytest.approx(0.02, abs=0.005))


def test_gradual_rows_are_of_either_regime_and_incremental_ones_in_between() -> None:
    """Half way there a gradual stream has half its rows moved by all, an incremental one all rows moved by half."""
    gradual = (taken("gradual")["x2"] - UNTOUCHED["x2"]).round(9)
    assert set(gradual) == {0.0, 1.0}
    assert gradual[START + 4_500 : START + 5_500].mean() == pytest.approx(0.5, abs=0.1)
    assert (gradual[START + 10_000 :] == 1).all()
    incremental = taken("incremental")["x2"] - UNTOUCHED["x2"]
    assert incremental[START + 10_000] == pytest.approx(0.5, abs=0.001)
    assert incremental.is_monotonic_increasing or incremental.diff().min() > -1e-9
    assert incremental.iloc[-1] == pytest.approx(1)


@pytest.mark.parametrize("phi", [0.5, 0.98])
def test_memory_goes_on_from_piece_to_piece(phi: float) -> None:
    numbers = pd.concat(list(Source(3, phi).pieces(40_000, 1_000)))["x7"].to_numpy()
    assert np.corrcoef(numbers[:-1], numbers[1:])[0, 1] == pytest.approx(phi, abs=0.03)
    seams = numbers[999:-1:1_000], numbers[1_000::1_000]
    assert np.corrcoef(*seams)[0, 1] == pytest.approx(phi, abs=0.4)


def test_a_stream_is_the_seeds_alone() -> None:
    first, start = changing("mean", 3)
    again, same = changing("mean", 3)
    pd.testing.assert_frame_equal(first, again)
    assert start == same
    assert 10_000 <= start < 11_000
    assert not first.equals(changing("mean", 4)[0])


def test_ranks_are_uniform_on_the_reference_and_keep_missing_cells() -> None:
    ranked = ranks(UNTOUCHED, UNTOUCHED)
    assert ranked.drop(columns="x4").mean().to_numpy() == pytest.approx(np.full(14, 0.5), abs=1e-6)
    assert (ranked["x4"].isna() == UNTOUCHED["x4"].isna()).all()
    assert ranks(pd.DataFrame({"c5": ["v99"]}), UNTOUCHED[["c5"]])["c5"].tolist() == [1.0]


def test_alarms_before_the_change_are_false_and_the_first_one_after_it_is_the_delay() -> None:
    outcome = Outcome()
    outcome.add_change([(900, ("x1",)), (900, ("x2",)), (1_000, ()), (1_300, ("x2", "x1")), (1_400, ())], 1_000,
                       ("x2",), 5_000, 0.5)  # fmt: skip
    outcome.add_change([], 1_000, ("x2",), 5_000, 0.5)
    assert (outcome.delays, outcome.named, outcome.alarms, outcome.stationary) == ([300, None], 1, 2, 2_000)
    assert outcome.document()["found"] == 1
    assert outcome.document()["cpu_us_per_row"] == 100


def test_a_median_over_a_miss_is_no_delay() -> None:
    outcome = Outcome(delays=[100, None])
    assert outcome.delay is None
    outcome.delays += [200]
    assert outcome.delay == 200


def test_no_alarm_in_a_million_rows_bounds_the_rate_at_three() -> None:
    """The rule of three: minus the logarithm of 0.05."""
    assert at_most(0, 1_000_000) == pytest.approx(2.9957, abs=1e-3)
    assert at_most(0, 0) < inf


def test_a_ratio_is_against_quiet_peers_first_and_leaves_out_who_found_nothing() -> None:
    found = {OWN: Outcome(delays=[600]), "loud": Outcome(delays=[100]), "quiet": Outcome(delays=[500]),
             "blind": Outcome(delays=[None])}  # fmt: skip
    null = {OWN: Outcome(), "quiet": Outcome(stationary=10**6, alarms=10), "blind": Outcome(stationary=10**6),
            "loud": Outcome(stationary=10**6, alarms=11)}  # fmt: skip
    told = ratios(found, null, "mean")
    assert told["best quiet peer"] == {"peer": "quiet", "delay_rows": 500, "ratio": 1.2}
    assert told["best peer"] == {"peer": "loud", "delay_rows": 100, "ratio": 6.0}
    assert told["prototype"]["ratio"] == pytest.approx(600 / 991, abs=1e-3)
