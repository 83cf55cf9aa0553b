"""Codings cover the grid, and decode to where they encoded from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.marginals.choosing import choose_within
from generators.marginals.coding import category_coding, ordered_coding
from generators.marginals.leaves import Leaves, grow, pool, tree_plan, unit_leaves
from generators.private.meter import Meter
from schemas.mechanism import Gaussian

MASSES = st.lists(st.floats(-20, 500), min_size=1, max_size=60).map(np.array)


@settings(deadline=None)
@given(
    mass=MASSES, fine=st.integers(1, 32), coarse=st.integers(2, 32), missing=st.one_of(st.none(), st.floats(-50, 300))
)
def test_ordered_cells_decode_into_themselves(mass: np.ndarray, fine: int, coarse: int, missing: float | None) -> None:
    leaves = unit_leaves(np.maximum(mass, 0), 5.0)
    coding = ordered_coding(leaves, None if missing is None else (missing, 25.0), fine, min(fine, coarse))
    size = mass.size + (missing is not None)
    codes = coding.encode(np.arange(size))
    assert set(codes) == set(range(coding.fine_cells))
    assert set(coding.coarse) == set(range(coding.coarse_cells))
    assert coding.coarse_cells <= coding.fine_cells <= fine + 1
    cells = np.repeat(np.arange(coding.fine_cells), 20)
    assert (coding.encode(coding.decode(cells, np.random.default_rng(1))) == cells).all()


@settings(deadline=None)
@given(mass=MASSES, fine=st.integers(1, 32), keep=st.booleans(), missing=st.booleans())
def test_categories_keep_cells_by_weight(mass: np.ndarray, fine: int, keep: bool, missing: bool) -> None:
    coding = category_coding(mass, 5.0, fine, fine, keep, missing)
    assert set(coding.encode(np.arange(mass.size))) == set(range(coding.fine_cells))
    alone = np.flatnonzero((mass > np.maximum(mass, 0).sum() / (4 * fine)) & (mass > 12.5))[:64]
    assert np.unique(coding.cell[alone]).size == alone.size
    assert (coding.weight >= 0).all()


def test_few_categories_keep_all_their_cells_where_asked() -> None:
    mass = np.array([1_000.0, 900.0, 12.0, -3.0])
    assert category_coding(mass, 5.0, 8, 4, False, False).coarse_cells == 3
    apart = category_coding(mass, 5.0, 8, 4, False, False, apart=True)
    assert apart.coarse.tolist() == apart.cell.tolist() == [0, 1, 2, 3]
    assert category_coding(np.ones(40), 5.0, 8, 4, False, False, apart=True).fine_cells == 1


def tree(positions: np.ndarray, size: int, epsilon_like: float = 0.5) -> Leaves:
    meter = Meter((Gaussian(noise_multiplier=epsilon_like),), b"k" * 32, 1)
    plan = tree_plan(size, positions.size, 0.9, meter)
    return grow(meter, "leaves", positions, size, plan)[0]


@pytest.mark.parametrize("size", [33, 64, 1_000, 65_537, 30_000_000])
def test_leaves_cover_the_grid_without_gaps(size: int) -> None:
    positions = np.random.default_rng(3).integers(0, size + 1, 3_000)
    leaves = tree(positions, size)
    assert leaves.low[0] == 0
    assert leaves.high[-1] == size
    assert (leaves.low[1:] == leaves.high[:-1]).all()
    assert (leaves.width > 0).all()
    assert leaves.mass.sum() == pytest.approx((positions < size).sum(), rel=0.2)


def test_a_spike_is_found_to_the_grid_position() -> None:
    rng = np.random.default_rng(4)
    positions = np.where(rng.random(20_000) < 0.3, 7_688, rng.integers(0, 1_000_000, 20_000))
    leaves = tree(positions, 1_000_000)
    spike = np.flatnonzero((leaves.low == 7_688) & (leaves.high == 7_689))
    assert spike.size == 1
    assert leaves.mass[spike[0]] == pytest.approx(6_000, rel=0.05)
    coding = ordered_coding(leaves, None, 16, 8)
    decoded = coding.decode(coding.encode(positions), rng)
    assert (decoded == 7_688).mean() == pytest.approx(0.3, abs=0.02)


def test_noise_alone_leaves_one_stretch() -> None:
    quiet = pool(unit_leaves(np.random.default_rng(5).normal(0, 1, 200), 1.0))
    assert quiet.mass.size == 1
    assert quiet.mass[0] >= 0


def test_tails_fall_away_from_the_mass() -> None:
    low = np.array([0, 100, 110])
    leaves = Leaves(low, np.array([100, 110, 10_000]), np.array([20.0, 500.0, 50.0]), np.ones(3), np.array([-1, 0, 1]))
    coding = ordered_coding(leaves, None, 1, 1)
    drawn = coding.decode(np.zeros(20_000, dtype=np.int64), np.random.default_rng(6))
    upper = drawn[drawn >= 110] - 110
    assert np.median(upper) < 0.1 * 9_890
    assert upper.max() > 5_000
    assert np.median(drawn[drawn < 100]) > 50


def test_choices_stay_within_their_group_and_follow_weights() -> None:
    groups, weights = np.array([0, 0, 2, 2, 2]), np.array([1.0, 3.0, 0.0, 0.0, 0.0])
    wanted = np.repeat([0, 2], 30_000)
    chosen = choose_within(groups, weights, wanted, np.random.default_rng(7))
    assert (groups[chosen] == wanted).all()
    share = np.bincount(chosen, minlength=5) / 30_000
    assert np.allclose(share, [0.25, 0.75, 1 / 3, 1 / 3, 1 / 3], atol=0.015)
