from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from validators.privacy.walk import NEVER, STEPS, Look, Null, Walk, bounds, chance, drawn, score
from validators.statistics import log_tails


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 60))
def test_log_tails_are_those_of_the_hypergeometric(members: int, others: int, count: int) -> None:
    count = min(count, members + others)
    found = np.exp(log_tails(count, members, members + others))
    expected = stats.hypergeom(members + others, members, count).sf(np.arange(count + 1) - 1)
    assert found == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("looks", [(), (Look(4),), (Look(3, 0.5), Look(6))])
def test_the_chance_is_that_of_counting_every_split(looks: tuple[Look, ...]) -> None:
    """All 924 ways to draw 6 members of 12 units: the chance of each reachable level is exact."""
    null, walk = Null(6, 6), Walk(np.arange(8), strict=5, tolerance=1.2, handicap=0.1, looks=looks)
    splits = [np.isin(np.arange(12), chosen) for chosen in combinations(range(12), 6)]
    scores = np.array([score(walk, member, null) for member in splits])
    for level in np.unique(scores[scores > 0]):
        assert chance(walk, float(level), null) == pytest.approx((scores >= level).mean(), abs=1e-12)


def test_a_look_beyond_the_steps_is_added() -> None:
    null = Null(3_000, 3_000)
    walk = Walk(np.arange(1_000), handicap=50.0, looks=(Look(1_000),))
    member = np.concatenate([np.arange(1_000) % 50 < 27, np.arange(5_000) < 2_460])
    level = score(walk, member, null)
    assert chance(walk, level, null) == pytest.approx(stats.hypergeom(6_000, 3_000, 1_000).sf(539), rel=1e-6)


def test_drawing_members_anew_agrees_with_the_exact_chance() -> None:
    """Seed 0, 40,000 draws: four standard errors of a chance near 2 % are .0028."""
    null, walk = Null(400, 600), Walk(np.random.default_rng(1).permutation(1_000)[:STEPS])
    exact = chance(walk, 3.0, null)
    assert 0.005 < exact < 0.05
    assert drawn((walk,), 3.0, null, 40_000, np.random.default_rng(0)) == pytest.approx(exact, abs=0.0028)
    both = drawn((walk, walk), 3.0, null, 40_000, np.random.default_rng(0))
    assert both == pytest.approx(exact, abs=0.0028)


def test_members_on_top_are_scored_and_an_honest_tilt_is_not() -> None:
    null = Null(4_000, 4_000)
    walk = Walk(np.arange(STEPS), strict=0, tolerance=np.exp(0.25))
    top = np.zeros(8_000, dtype=bool)
    top[:30] = True
    assert chance(walk, score(walk, top, null), null) < 1e-6
    tilted = np.random.default_rng(2).random(8_000) < np.exp(0.25) / (1 + np.exp(0.25))
    assert chance(walk, score(walk, tilted, null), null) > 0.05


def test_nothing_to_walk_is_no_evidence() -> None:
    empty = Walk(np.zeros(0, dtype=np.int64))
    assert score(empty, np.ones(5, bool), Null(5, 5)) <= 0
    assert chance(empty, 1.0, Null(5, 5)) == 0.0
    assert (bounds(Walk(np.arange(3)), 1e9, Null(5, 5)) == NEVER).all()
