import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from validators.keys import row_keys

CODES = st.integers(0, 6).flatmap(
    lambda width: st.lists(
        arrays(np.int32, st.tuples(st.integers(0, 12), st.just(width)), elements=st.sampled_from([0, 1, 2**31 - 1])),
        min_size=1,
        max_size=3,
    )
)


@given(CODES)
def test_keys_are_equal_for_equal_rows_and_only_for_them(tables: list[np.ndarray]) -> None:
    # six columns of size 2^31 overflow 64 bits three times over
    keys = row_keys(tables)
    assert [len(each) for each in keys] == [len(table) for table in tables]
    rows = [tuple(row) for table in tables for row in table.tolist()]
    flat = np.concatenate(keys).tolist()
    assert len(set(flat)) == len(set(rows)) == len(set(zip(flat, rows, strict=True)))
