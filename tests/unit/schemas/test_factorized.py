"""Distinct values, also of texts that differ only behind a zero byte."""

import numpy as np
import pandas as pd
import pytest

from schemas.factorized import factorized


@pytest.mark.parametrize("kind", ["object", "string"])
def test_texts_are_told_apart_behind_a_zero_byte(kind: str) -> None:
    cells = pd.Series(["", "\0", "a", "a\0b", "", None], dtype=kind)
    codes, values = factorized(cells.to_numpy() if kind == "object" else cells)
    assert codes.tolist() == [0, 1, 2, 3, 0, -1]
    assert values == ["", "\0", "a", "a\0b"]


def test_other_columns_are_as_pandas_has_them() -> None:
    for cells in (pd.Series([3.0, np.nan, 3.0]), pd.Series([2, None, 2], dtype="Int64"), pd.Series(["x", None, "x"])):
        codes, values = factorized(cells)
        assert codes.tolist() == [0, -1, 0]
        assert values == [cells[0]]
    assert factorized(pd.Series([], dtype=object))[1] == []
