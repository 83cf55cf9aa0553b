import math

import numpy as np
from scipy import stats

from generators.dpsgd.lattice import BINS, SIGMA, STRIDE, TAIL, alias_table, deviation, lattice_gaussian
from generators.private.noise import NoiseStream


def test_the_table_holds_the_discrete_gaussian_exactly() -> None:
    """Each value's mass, own and borrowed, against exp(-z^2 / 2 sigma^2), to what float64 can tell."""
    table = alias_table()
    mass = np.zeros(2 * TAIL + 1)
    own = table.threshold.astype(np.float64) / 2.0**64 / BINS
    mass += own[: mass.size]
    assert not own[mass.size :].any()
    np.add.at(mass, table.other + TAIL, np.maximum(1 / BINS - own, 0))
    assert np.array_equal(table.high, table.threshold >> np.uint64(32))
    values = np.arange(-TAIL, TAIL + 1)
    expected = np.exp(-(values.astype(np.float64) ** 2) / (2 * SIGMA**2))
    expected /= math.fsum(expected)
    assert np.abs(mass - expected).sum() < 1e-11
    assert abs(mass.sum() - 1) < 1e-12


def test_sums_of_draws_have_the_law_of_one_gaussian() -> None:
    """Seed 7; each of the three tests fails by chance with probability below 1e-4."""
    for levels in (2, 3):
        drawn = lattice_gaussian(NoiseStream(b"7" * 32, f"test/{levels}"), 200_000, levels)
        scaled = drawn / deviation(levels)
        assert stats.kstest(scaled, "norm").pvalue > 1e-4
        assert abs(float(scaled.var()) - 1) < 4 * math.sqrt(2 / scaled.size)
        residues = np.bincount(drawn % STRIDE, minlength=STRIDE)
        assert stats.chisquare(residues).pvalue > 1e-4


def test_a_label_is_a_stream() -> None:
    one, again, other = (lattice_gaussian(NoiseStream(b"s" * 32, label), 100, 2).tolist() for label in ("a", "a", "b"))
    assert one == again != other
