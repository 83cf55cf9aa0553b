"""Pooling of noisy cells: spikes stay apart, smooth stretches keep their shape, empty ends are tails."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.marginals.leaves import Leaves, pool


def leaves(mass: "np.ndarray[tuple[int], np.dtype[np.float64]]", deviation: float) -> Leaves:
    low = np.arange(mass.size, dtype=np.int64)
    return Leaves(low, low + 1, mass, np.full(mass.size, deviation**2), np.zeros(mass.size, dtype=np.int64))


@pytest.mark.parametrize("seed", range(8))
def test_a_smooth_column_on_a_fine_lattice_keeps_its_shape(seed: int) -> None:
    """20,000 rows on 12,000 positions, none of them significant by itself. A false run has a chance below 1e-4 each."""
    rng = np.random.default_rng(seed)
    centre, scale, deviation = 5_000, 600, 8.0
    values = np.clip(rng.normal(centre, scale, 20_000), 0, 11_999).astype(int)
    counts = np.bincount(values, minlength=12_000) + rng.normal(0, deviation, 12_000)
    found = pool(leaves(counts, deviation))
    assert found.mass.size > 12
    middle = (found.low >= centre - 2 * scale) & (found.high <= centre + 2 * scale)
    assert found.mass[middle].sum() == pytest.approx(0.95 * 20_000, rel=0.12)


def test_a_spike_stands_alone() -> None:
    mass = np.zeros(500)
    mass[123] = 400.0
    found = pool(leaves(mass, 5.0))
    (place,) = np.flatnonzero(found.mass > 300)
    assert (found.low[place], found.high[place]) == (123, 124)
    assert found.tail.tolist() == [-1, 0, 1]


def test_nothing_significant_is_one_leaf() -> None:
    assert pool(leaves(np.zeros(50), 5.0)).mass.size == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-30, 200), min_size=1, max_size=60), st.floats(1, 20))
def test_leaves_cover_the_grid_in_order_with_tails_only_at_the_ends(cells: list[float], deviation: float) -> None:
    given_leaves = leaves(np.array(cells), deviation)
    found = pool(given_leaves)
    assert (int(found.low[0]), int(found.high[-1])) == (0, len(cells))
    assert (found.low[1:] == found.high[:-1]).all()
    assert (found.mass >= 0).all()
    assert (found.tail[1:-1] == 0).all()
