"""Heaping: kinds are told apart and counted right, moves stay in their leaf, and round numbers come back."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.domains.grid import grid_of
from generators.marginals.heaping import Heaps, Lattice, count_kinds, heaps_of, lattice_of
from generators.private.meter import Meter
from schemas.contract import Column, Range
from schemas.mechanism import Gaussian

LATTICES = st.builds(Lattice, st.integers(-200_000, 200_000), st.integers(1_000, 100_000))


@given(lattice=LATTICES, start=st.integers(0, 900), width=st.integers(0, 300))
def test_members_are_counted_as_they_are_told_apart(lattice: Lattice, start: int, width: int) -> None:
    low = lattice.origin + start
    counted = np.bincount(lattice.kinds(np.arange(low, low + width)), minlength=lattice.bases.size + 3)
    assert lattice.members(np.array([low]), np.array([low + width])).tolist() == [counted.tolist()]


@given(lattice=LATTICES)
def test_magnitudes_cover_the_range(lattice: Lattice) -> None:
    edges = lattice.edges
    assert (edges[0], edges[-1]) == (lattice.origin, lattice.origin + lattice.size)
    assert (np.diff(edges) > 0).all()


@given(lattice=LATTICES, seed=st.integers(0, 99), width=st.integers(2, 400))
def test_moves_stay_in_their_leaf_and_magnitude(lattice: Lattice, seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    factors = rng.exponential(1, (lattice.edges.size - 1, lattice.bases.size + 3)) ** 4 + 1e-6
    positions = rng.integers(0, lattice.size, 200)
    low = positions // width * width
    high = np.minimum(low + width, lattice.size)
    moved = Heaps(lattice, factors).moved(positions, low, high, rng)
    assert ((moved >= low) & (moved < high)).all()
    places = [np.searchsorted(lattice.edges, part + lattice.origin, side="right") for part in (positions, moved)]
    assert (places[0] == places[1]).all()


def test_round_numbers_come_back_from_wide_leaves() -> None:
    """Sigma is 10 counts here; shares of 20,000 rows are off by .004 at one deviation, .02 is five."""
    rng = np.random.default_rng(1)
    lattice = Lattice(-5_000, 105_000)
    numbers = np.where(rng.random(20_000) < 0.6, rng.integers(10, 100, 20_000) * 1_000, rng.integers(1, 99_999, 20_000))
    meter = Meter((Gaussian(noise_multiplier=10.0),), b"k" * 32, 1)
    noisy, deviation = count_kinds(meter, "heaps", numbers + 5_000, lattice, 0.99)
    low = np.arange(0, 105_000, 3_500)
    weight = np.bincount((numbers + 5_000) // 3_500, minlength=30).astype(float)
    found = heaps_of(lattice, noisy, deviation, low, low + 3_500, weight)
    assert found is not None
    assert found.sound
    drawn = rng.choice(low, 20_000, p=weight / weight.sum())
    moved = found.moved(drawn + rng.integers(0, 3_500, 20_000), drawn, drawn + 3_500, rng) - 5_000
    for base in (1_000, 5_000):
        assert (moved % base == 0).mean() == pytest.approx((numbers % base == 0).mean(), abs=0.02)


def test_an_even_column_keeps_no_heaps() -> None:
    """A kind stands out by chance with probability below .00135, and there are fewer than 60: a fixed stream."""
    lattice = Lattice(0, 100_000)
    meter = Meter((Gaussian(noise_multiplier=10.0),), b"k" * 32, 1)
    noisy, deviation = count_kinds(meter, "heaps", np.arange(0, 100_000, 7), lattice, 0.99)
    assert heaps_of(lattice, noisy, deviation, np.array([0]), np.array([100_000]), np.array([1e5 / 7])) is None


@pytest.mark.parametrize(
    ("kind", "lower", "upper", "resolution", "origin"),
    [
        ("integer", 0, 99_999, 1, 0),
        ("number", -2.5, 100, 0.01, -250),
        ("integer", 0, 900, 1, None),
        ("number", 0, 1_000, 0.25, None),
        ("number", 0.005, 1_000, 0.01, None),
        ("timestamp", 0, 86_400, 1, None),
    ],
)
def test_long_decimal_ranges_are_asked(
    kind: str, lower: float, upper: float, resolution: float, origin: int | None
) -> None:
    domain = Range(lower=lower, upper=upper, resolution=float(Decimal(str(resolution))))
    found = lattice_of(grid_of(Column(name="a", type=kind, domain=domain)))  # type: ignore[arg-type]
    assert (None if found is None else found.origin) == origin
