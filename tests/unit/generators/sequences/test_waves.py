"""Waves: nothing looks back on its own wave or a later one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from generators.sequences.waves import waves


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(0, 60), chains=st.integers(1, 3))
def test_each_row_comes_after_the_rows_it_looks_back_on(seed: int, rows: int, chains: int) -> None:
    rng = np.random.default_rng(seed)
    numbers = [rng.integers(0, 8, rows) for _ in range(chains)]
    found = waves(numbers)
    assert sorted(np.concatenate([*found, np.zeros(0, dtype=np.int64)]).tolist()) == list(range(rows))
    level = np.empty(rows, dtype=np.int64)
    for number, wave in enumerate(found):
        level[wave] = number
    for chain in numbers:
        for key in range(8):
            assert (np.diff(level[chain == key]) > 0).all()
