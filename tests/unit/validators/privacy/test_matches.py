import numpy as np
import pandas as pd

from schemas.contract import Column
from validators.privacy.matches import matches
from validators.privacy.pool import Pool

COLUMNS = (Column(name="a", type="integer"), Column(name="b", type="string"), Column(name="c", type="number"))


def frame(*cells: tuple[int, str | None, float]) -> pd.DataFrame:
    a, b, c = zip(*cells, strict=True)
    return pd.DataFrame(
        {"a": pd.array(a, dtype="Int64"), "b": pd.Series(b, dtype=object), "c": np.array(c, dtype=float)}
    )


def pool(table: pd.DataFrame, unit: list[int] | None = None) -> Pool:
    numbers = np.arange(len(table)) if unit is None else np.array(unit)
    return Pool(table, numbers, np.zeros(numbers.max() + 1, dtype=bool))


REAL = frame((1, "x", 0.5), (2, "y", 1.5), (3, None, np.nan), (4, "z", 2.5), (4, "z", 2.5))


def test_exact_matches_need_every_column_and_a_key_of_ones_own() -> None:
    fake = frame((1, "x", 0.5), (3, None, np.nan), (4, "z", 2.5), (2, "y", 9.5))
    found = matches(pool(REAL), fake, COLUMNS, np.random.default_rng(0))
    assert found.own.tolist() == [True, True, True, False, False]
    assert found.exact.tolist() == [True, False, True, False, False]
    assert found.near.tolist() == [True, True, True, False, False]


def test_two_changed_columns_are_no_match() -> None:
    found = matches(pool(REAL), frame((2, "q", 9.5), (9, "x", 9.5)), COLUMNS, np.random.default_rng(0))
    assert not found.near.any()


def test_columns_that_tell_rows_apart_are_not_left_out() -> None:
    table = frame(*[(k, "x", 0.0) for k in range(200)])
    found = matches(pool(table), frame((999, "x", 0.0)), COLUMNS, np.random.default_rng(0))
    assert found.kept_unique["a"] == 0.0
    assert found.kept_unique["b"] == 1.0
    assert not found.near.any()


def test_a_units_repeated_row_counts_once_and_a_shared_one_not_at_all() -> None:
    found = matches(pool(REAL, [0, 1, 2, 3, 3]), REAL, COLUMNS, np.random.default_rng(0))
    assert found.exact.sum() == 4
    shared = matches(pool(REAL, [0, 1, 2, 3, 0]), REAL, COLUMNS, np.random.default_rng(0))
    assert not shared.own[3:].any()
