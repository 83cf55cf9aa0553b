from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from validators.distances.packing import grouped, packing


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.lists(st.sampled_from([0, 1, 2, 3, 255, 2**31 - 2]), max_size=9))
def test_one_bit_remains_for_each_unequal_code(seed: int, most: list[int]) -> None:
    rng = np.random.default_rng(seed)
    theirs, mine = (
        np.column_stack([np.zeros((30, 0), dtype=np.int32), *(rng.integers(0, top + 1, 30) for top in most)]).astype(
            np.int32
        )
        for _ in range(2)
    )
    packed = packing(theirs)
    apart = packed.words(mine) ^ packed.words(theirs)
    low, high = packed.low[:, None], packed.high[:, None]
    counted = np.bitwise_count((((apart & low) + low) | apart) & high).sum(axis=0)
    assert counted.tolist() == (mine != theirs).sum(axis=1).tolist()


def test_a_code_that_no_target_has_equals_none_of_theirs() -> None:
    packed = packing(np.array([[0, 3], [1, 1]], dtype=np.int32))
    known, unknown = packed.words(np.array([[1, 3]], dtype=np.int32)), packed.words(np.array([[5, 9]], dtype=np.int32))
    assert len(packed.low) == 1
    apart = known ^ unknown
    assert np.bitwise_count((((apart & packed.low) + packed.low) | apart) & packed.high).sum() == 2


def test_groups_are_runs_of_equal_words() -> None:
    words = np.array([[3, 1, 3, 1, 2], [0, 9, 0, 8, 0]], dtype=np.uint64)
    keys, order, starts = grouped(words)
    runs = [set(order[a:b].tolist()) for a, b in pairwise(starts)]
    assert sorted(map(sorted, runs)) == [[0, 2], [1], [3], [4]]
    assert [words[:, next(iter(run))].tolist() for run in runs] == keys.T.tolist()
