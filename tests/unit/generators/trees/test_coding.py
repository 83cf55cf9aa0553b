"""Codes: every position has one, what is drawn from one lies in it, and none stands for too few rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from generators.domains.grid import grid_of
from generators.trees.coding import FEW, LEAST, codes_of
from schemas.contract import Categories, Column, Range

NUMBERS = grid_of(Column(name="n", type="integer", domain=Range(lower=0, upper=100_000, resolution=1)))
WORDS = grid_of(Column(name="w", type="string", domain=Categories(values=tuple(f"v{number}" for number in range(500)))))


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(0, 600), width=st.integers(1, 100_000))
def test_drawn_values_of_a_range_have_the_code_they_were_drawn_from(seed: int, rows: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    positions = rng.integers(0, width, rows)
    positions[rng.random(rows) < 0.1] = NUMBERS.size
    codes = codes_of(positions, NUMBERS)
    found = codes.encoded(positions)
    drawn = codes.decoded(found, rng)
    assert ((found >= 0) & (found < max(1, codes.size))).all()
    np.testing.assert_array_equal(codes.encoded(drawn), found)
    np.testing.assert_array_equal(drawn == NUMBERS.size, positions == NUMBERS.size)


def test_a_code_of_a_range_stands_for_enough_rows_and_a_frequent_value_for_itself() -> None:
    rng = np.random.default_rng(0)
    positions = np.concatenate([rng.integers(0, 50_000, 4_000), np.full(300, 777), [99_999]])
    codes = codes_of(positions, NUMBERS)
    assert np.bincount(codes.encoded(positions)).min() >= LEAST - 1
    alone = codes.encoded(np.array([777]))
    assert set(codes.decoded(np.repeat(alone, 50), rng).tolist()) == {777}


def test_few_categories_stand_for_themselves_and_rare_ones_of_many_are_pooled() -> None:
    rng = np.random.default_rng(0)
    few = rng.integers(0, FEW, 200)
    np.testing.assert_array_equal(codes_of(few, WORDS).decoded(codes_of(few, WORDS).encoded(few), rng), few)
    many = np.minimum(rng.geometric(0.02, 5_000), 499)
    codes = codes_of(many, WORDS, (many % 7).astype(np.int64))
    assert codes.size < np.unique(many).size
    assert np.bincount(codes.encoded(many)).min() >= LEAST - 1
    assert set(codes.decoded(codes.encoded(many), rng).tolist()) <= set(many.tolist())


def test_a_pooled_category_is_drawn_by_its_frequency() -> None:
    """20,000 draws; a share further off than .02 has a chance below 1e-6."""
    values = np.concatenate([np.repeat(np.arange(FEW + 1), 50), np.repeat([400, 401], [6, 2])])
    codes = codes_of(values, WORDS)
    drawn = codes.decoded(np.repeat(codes.encoded(np.array([400])), 20_000), np.random.default_rng(1))
    assert abs((drawn == 400).mean() - 0.75) < 0.02
