import json
import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, dlaplace

from generators.private.noise import NoiseStream, discrete_laplace
from schemas.drift import DriftPolicy
from schemas.errors import ContractError, InputError
from stream_app.core.drift.packing import pack
from stream_app.core.drift.private.departure import SENSITIVITY, STEPS
from stream_app.core.drift.private.private_trigger import Fired, Noises, PrivateTrigger, drift_event, odds_of
from tests.events import source
from tests.unit.stream_app.core.drift.private_tests import (
    HOUR,
    POLICY,
    RELEASE,
    RELEASED,
    SECRET,
    counted,
    grant,
    released,
    rows,
    trigger,
)

Law = np.ndarray


@given(epsilon=st.decimals("0.000001", "50", places=6).map(str))
def test_the_noise_costs_what_was_granted_and_hardly_less(epsilon: str) -> None:
    spent = Noises.of(epsilon, 0.01).epsilon
    assert Fraction(epsilon) * Fraction(98, 100) <= spent <= Fraction(epsilon)


@pytest.mark.parametrize("epsilon", ["0", "0.000000001"])
def test_an_epsilon_that_buys_no_test_is_refused(epsilon: str) -> None:
    with pytest.raises(InputError):
        Noises.of(epsilon, 0.01)


def test_noise_alone_passes_the_threshold_as_seldom_as_was_said() -> None:
    """40,000 pairs of draws, seed 3; a true rate of 5 % fails this once in 10^6."""
    noises, draws = Noises.of("0.5", 0.05), 40_000
    stream = NoiseStream(SECRET, "seed 3")
    first = discrete_laplace(stream, noises.threshold_scale, draws)
    second = discrete_laplace(stream, noises.query_scale, draws)
    passed = int((second - first >= noises.threshold).sum())
    assert binom.ppf(5e-7, draws, 0.05) <= passed <= binom.ppf(1 - 5e-7, draws, 0.05)


def law(values: tuple[int, ...], first: float, second: float, threshold: int = 3) -> Law:
    """The probability of "yes" at each query, and of none, by summing over the noise of the threshold; exact to 1e-12.

    ``values`` are in units of the sensitivity, which is 1 here; the noises are discrete Laplace.
    """
    drawn = np.arange(-400, 401)
    weight = dlaplace.pmf(drawn, 1 / first)
    left, told = weight.copy(), []
    for value in values:
        yes = dlaplace.sf(threshold + drawn - value - 1, 1 / second)
        told.append(float((left * yes).sum()))
        left = left * (1 - yes)
    return np.asarray([*told, float(left.sum())])


def worst_loss(values: tuple[int, ...], moves: tuple[int, ...], first: float, second: float) -> float:
    neighbour = tuple(value + move for value, move in zip(values, moves, strict=True))
    ratios = np.log(law(values, first, second)) - np.log(law(neighbour, first, second))
    return float(np.abs(ratios).max())


SCALES = (1 / (1 * 0.38649), 2 / (1 * 0.61351))
"""For epsilon 1 and a sensitivity of 1, as ``Noises`` splits it."""


@settings(max_examples=150)
@given(
    values=st.lists(st.integers(-8, 10), min_size=1, max_size=8),
    moves=st.lists(st.integers(-1, 1), min_size=8, max_size=8),
)
def test_the_exact_law_of_any_run_moves_by_no_more_than_epsilon(values: list[int], moves: list[int]) -> None:
    """Rows may move queries either way, each on its own: no monotonicity is used."""
    assert worst_loss(tuple(values), tuple(moves[: len(values)]), *SCALES) <= 1 + 1e-9


def test_a_run_with_half_the_noise_would_be_seen_to_cost_more() -> None:
    """Ten refusals that all become more likely, then a yes that becomes less so: what the factor 2 is there for."""
    values, moves = (*[4] * 10, 2), (*[-1] * 10, 1)
    honest = worst_loss(values, moves, *SCALES)
    assert honest <= 1
    assert worst_loss(values, moves, SCALES[0] / 2, SCALES[1] / 2) > 1
    assert worst_loss(values, moves, SCALES[0], SCALES[1] / 4) > 1


def test_the_scales_are_those_of_the_law_above() -> None:
    noises = Noises.of("1", 0.01)
    assert noises.threshold_scale == pytest.approx(SCALES[0] * SENSITIVITY, rel=1e-3)
    assert noises.query_scale == pytest.approx(SCALES[1] * SENSITIVITY, rel=1e-3)


def test_the_trigger_draws_from_that_law_and_half_its_noise_would_be_noticed() -> None:
    """600 grants on one window, some rows under the threshold at epsilon 0.1; wrong once in 10^6.

    The exact chance is that of two Laplace draws; with both scales halved it lies outside of what 600 grants allow.
    """
    window, tried = counted(rows(5800, 7, 0.3)), 600
    probe = trigger(epsilon="0.1")
    noises = probe._noises
    gap = (noises.threshold - probe._departure.of(window)) / STEPS
    assert 0 < gap < 150
    fired = 0
    for number in range(tried):
        run = trigger(f"flights.test.{number}", "0.1")
        run.take(window, 0)
        fired += run.pass_time(HOUR) is not None
    chance, halved = (
        _exceeds(gap, noises.threshold_scale / STEPS / part, noises.query_scale / STEPS / part) for part in (1, 2)
    )
    low, high = binom.ppf(5e-7, tried, chance), binom.ppf(1 - 5e-7, tried, chance)
    assert low <= fired <= high
    assert not low <= tried * halved <= high


def _exceeds(gap: float, small: float, large: float) -> float:
    """P(large Laplace - small Laplace > gap)."""
    far = small * small * math.exp(-gap / small)
    return (large * large * math.exp(-gap / large) - far) / (2 * (large * large - small * small))


def fed(run: PrivateTrigger, shift: float, windows: int = 12, seed: int = 50) -> list[Fired | None]:
    return [run.take(counted(rows(2000, seed + hour, shift)), hour * HOUR) for hour in range(windows)]


def test_a_shift_is_found_and_nothing_is_told_after_that() -> None:
    run = trigger()
    answers = fed(run, 0.4)
    assert [answer for answer in answers if answer is not None] == [run.fired]
    assert run.fired is not None
    assert run.fired.end - run.fired.start == HOUR
    assert run.pass_time(10**15) is None


def test_a_stream_like_the_release_is_not_found_in_a_thousand_windows() -> None:
    """25 grants, 40 windows each, alarms at one in a thousand windows: more than 8 would be one in 10^5. Seed 0."""
    windows = [counted(rows(2000, 900 + hour)) for hour in range(40)]
    fired = 0
    for number in range(25):
        run = trigger(f"null.{number}")
        for hour, window in enumerate(windows):
            run.take(window, hour * HOUR)
        fired += run.fired is not None
    assert fired <= binom.ppf(1 - 1e-5, 1000, odds_of(POLICY))


def test_small_drift_adds_up_over_windows() -> None:
    """A window of 2,000 rows alone is too small for a shift of a fifth at epsilon 0.1; sums of windows are not."""
    run = trigger(epsilon="0.1")
    assert fed(run, 0.2, 2) == [None, None]
    fed(run, 0.2, 40)
    assert run.fired is not None


def test_a_replay_repeats_the_answer_and_other_counts_draw_other_noise() -> None:
    one, two = trigger(), trigger()
    fed(one, 0.15, 30)
    fed(two, 0.15, 30)
    assert (one.fired, one.to_json()) == (two.fired, two.to_json())
    assert one._laplace("window/1/a", 10**6) != one._laplace("window/1/b", 10**6)


@settings(max_examples=25, deadline=None)
@given(cuts=st.sets(st.integers(1, 1999), max_size=5), stop=st.integers(0, 7))
def test_how_a_window_is_cut_into_messages_and_a_restart_change_nothing(cuts: set[int], stop: int) -> None:
    whole, cut = trigger(), trigger()
    for hour in range(8):
        codes = rows(2000, 70 + hour, 0.12)
        whole.take(counted(codes), hour * HOUR)
        for number, (start, end) in enumerate(pairwise([0, *sorted(cuts), 2000])):
            cut.take(counted(codes[:, start:end]), hour * HOUR + number)
        if hour == stop:
            cut = PrivateTrigger.from_json(cut.to_json(), RELEASE, SECRET)
    assert cut.to_json() == whole.to_json()


def test_a_newer_release_keeps_the_noise_of_the_threshold() -> None:
    run = trigger()
    before = run._threshold_noise
    fed(run, 0.0, 3)
    newer = released(rows(20_000, 2, 0.4))
    run.rebase(grant(release="flights.run.2"), newer)
    again = PrivateTrigger.from_json(run.to_json(), newer, SECRET)
    assert (run._threshold_noise, again._threshold_noise) == (before, before)
    assert not run._sums.any()
    with pytest.raises(InputError):
        run.rebase(grant("flights.test.2"), newer)
    with pytest.raises(ContractError):
        PrivateTrigger.from_json(run.to_json(), RELEASE, SECRET)


def test_clocks_that_go_back_and_empty_hours_are_borne() -> None:
    run = trigger()
    window = counted(rows(500, 8))
    assert [run.take(window, at) for at in (5 * HOUR, 4 * HOUR, 5 * HOUR + 1, 90 * HOUR, 3)] == [None] * 5
    assert run.looks == 1
    assert run._sums[-1].sum() == 5 * window.sum()


def test_counts_of_another_layout_change_nothing() -> None:
    run = trigger()
    run.take(RELEASED, 0)
    before = run.to_json()
    for wrong in (RELEASED[1:], -RELEASED):
        with pytest.raises(InputError):
            run.take(wrong, 10 * HOUR)
    assert run.to_json() == before


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(InputError):
        PrivateTrigger(grant(), RELEASE, POLICY, b"short")


def test_the_state_holds_no_noise_and_no_secret() -> None:
    run = trigger()
    fed(run, 0.0, 3)
    assert set(json.loads(run.to_json())) == {
        "grant",
        "policy",
        "looks",
        "whole",
        "open",
        "fired",
        "release",
        "sums",
    }


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: "{",
        lambda state: "[]",
        lambda state: json.dumps(state | {"sums": pack(RELEASED)}),
        lambda state: json.dumps(state | {"grant": {}}),
        lambda state: json.dumps(state | {"looks": "many"}),
        lambda state: json.dumps(state | {"fired": [1]}),
        lambda state: json.dumps({name: value for name, value in state.items() if name != "open"}),
    ],
)
def test_a_damaged_state_is_refused(damage) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ContractError):
        PrivateTrigger.from_json(damage(json.loads(trigger().to_json())), RELEASE, SECRET)


def test_the_event_holds_public_figures_only() -> None:
    """Two streams that differ in what drifted and by how much, and are found after as many looks, give one event."""
    events = []
    for shift in (0.8, 1.5):
        run = trigger()
        fed(run, shift, 3)
        assert run.fired is not None
        events.append(drift_event("flights", run.fired, POLICY, source("window")))
    assert events[0] == events[1]
    assert (events[0].columns, events[0].shares, events[0].grant) == ((), (), "flights.test.1")
    assert events[0].statistic == events[0].threshold


def test_the_odds_of_a_window_are_the_contracts_alarms() -> None:
    assert odds_of(DriftPolicy(alarms_per_million=0.5, window_rows=10_000)) == pytest.approx(0.005)
    assert odds_of(DriftPolicy(alarms_per_million=1000, window_rows=10_000_000)) == 0.5
