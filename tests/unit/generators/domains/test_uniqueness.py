"""No value twice, in one table or over all of its parts, as long as there are places enough."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.domains.grid import grid_of
from generators.domains.uniqueness import made_unique
from schemas.contract import Categories, Column, Range
from schemas.errors import InputError

NUMBERS = Column(name="n", type="integer", unique=True, domain=Range(lower=0, upper=99, resolution=1))
WORDS = Column(
    name="w", type="string", unique=True, domain=Categories(values=tuple(f"v{number:03d}" for number in range(100)))
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    values=st.lists(st.one_of(st.none(), st.integers(0, 99)), max_size=100),
    of=st.integers(1, 7),
    seed=st.integers(0, 2**32 - 1),
    words=st.booleans(),
)
def test_parts_together_have_no_value_twice(values: list[int | None], of: int, seed: int, words: bool) -> None:
    rng = np.random.default_rng(seed)
    grid = grid_of(WORDS if words else NUMBERS)
    found = []
    for part, piece in enumerate(np.array_split(np.array(values, dtype=object), of)):
        cells = [None if value is None else f"v{value:03d}" for value in piece] if words else list(piece)
        column = pd.Series(cells, dtype=object if words else "Int64")
        made = made_unique(column, grid, rng, part, of)
        assert made.isna().tolist() == column.isna().tolist()
        found += made.dropna().tolist()
    assert len(set(found)) == len(found)


def test_values_that_are_different_already_stay() -> None:
    column = pd.Series([5, 90, 17, None], dtype="Int64")
    assert made_unique(column, grid_of(NUMBERS), np.random.default_rng(1)).equals(column)


def test_too_few_places_are_refused() -> None:
    column = pd.Series([1] * 51, dtype="Int64")
    with pytest.raises(InputError, match="fewer values"):
        made_unique(column, grid_of(NUMBERS), np.random.default_rng(1), 0, 2)
