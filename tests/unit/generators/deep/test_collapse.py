"""Mode collapse is told from honest variety, however small or dull the table."""

import numpy as np

from generators.arrays import Ints
from generators.deep.collapse import collapsed

SIZES = (8, 5, 2, 1)


def cells(rows: int, seed: int) -> Ints:
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(0, size, rows) for size in SIZES], axis=1)


def test_other_rows_of_the_same_kind_have_not_collapsed() -> None:
    for rows in (2, 12, 3_000):
        assert collapsed(cells(rows, 0), cells(rows, 1), SIZES) is None


def test_one_row_over_and_over_has() -> None:
    failed = collapsed(cells(3_000, 0), np.repeat(cells(1, 1), 3_000, axis=0), SIZES)
    assert failed is not None
    assert failed.outcome == "mode_collapse"


def test_a_few_rows_over_and_over_have() -> None:
    sizes = (50,) * 6
    rng = np.random.default_rng(0)
    real, few = rng.integers(0, 50, (3_000, 6)), rng.integers(0, 50, (40, 6))
    assert collapsed(real, few[rng.integers(0, 40, 3_000)], sizes) is not None


def test_constant_tables_cannot_collapse() -> None:
    assert collapsed(np.zeros((100, 2), np.int64), np.zeros((100, 2), np.int64), (1, 1)) is None
