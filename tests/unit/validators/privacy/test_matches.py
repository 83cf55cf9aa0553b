import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Column
from validators.privacy.matches import LONE, keyed, matches
from validators.privacy.pool import Pool

COLUMNS = (Column(name="a", type="integer"), Column(name="b", type="string"), Column(name="c", type="number"))
REAL_CELLS = ((1, "x", 0.5), (2, "y", 1.5), (3, None, np.nan), (4, "z", 2.5), (4, "z", 2.5))


def frame(*cells: tuple[int, str | None, float]) -> pd.DataFrame:
    a, b, c = zip(*cells, strict=True)
    return pd.DataFrame(
        {"a": pd.array(a, dtype="Int64"), "b": pd.Series(b, dtype=object), "c": np.array(c, dtype=float)}
    )


def pool(table: pd.DataFrame, unit: list[int] | None = None) -> Pool:
    numbers = np.arange(len(table)) if unit is None else np.array(unit)
    return Pool(table, numbers, np.zeros(numbers.max() + 1, dtype=bool))


REAL = frame(*REAL_CELLS)


def found(real: Pool, fake: pd.DataFrame) -> list[int]:
    return matches(keyed(real, COLUMNS, np.random.default_rng(0)), fake).changed.tolist()


def test_matches_are_whole_or_but_for_one_column_or_two_and_need_a_key_of_ones_own() -> None:
    fake = frame((1, "x", 0.5), (3, None, np.nan), (4, "z", 2.5), (2, "q", 9.5))
    assert found(pool(REAL), fake) == [0, 2, 0, LONE, LONE]
    assert found(pool(REAL), frame((2, "y", 9.5))) == [LONE, 1, LONE, LONE, LONE]


def test_three_changed_columns_are_no_match() -> None:
    assert found(pool(REAL), frame((9, "q", 9.5))) == [LONE] * 5


def test_columns_that_tell_rows_apart_are_not_left_out() -> None:
    table = frame(*[(k, "x", 0.0) for k in range(200)])
    keys = keyed(pool(table), COLUMNS, np.random.default_rng(0))
    assert keys.kept_unique == {"a": 0.0, "b": 1.0, "c": 1.0}
    assert {way.columns for way in keys.ways} == {(), (1,), (2,), (1, 2)}
    assert (matches(keys, frame((999, "x", 0.0))).changed == LONE).all()
    assert matches(keys, frame((7, "y", 1.0))).changed[7] == 2


def test_a_units_repeated_row_counts_once_and_a_shared_one_not_at_all() -> None:
    assert np.count_nonzero(np.array(found(pool(REAL, [0, 1, 2, 3, 3]), REAL)) == 0) == 4
    assert found(pool(REAL, [0, 1, 2, 3, 0]), REAL)[3:] == [LONE, LONE]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_matches_are_those_of_comparing_every_pair(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = [(int(rng.integers(60)), "xyz"[rng.integers(3)], float(rng.integers(40))) for _ in range(40)]
    others = [(int(rng.integers(80)), "xyzw"[rng.integers(4)], float(rng.integers(50))) for _ in range(30)] + cells[:3]
    keys = keyed(pool(frame(*cells)), COLUMNS, np.random.default_rng(1))
    expected = [LONE] * len(cells)
    for row, cell in enumerate(cells):
        for way in sorted(keys.ways, key=lambda way: -len(way.columns)):
            kept = [j for j in range(3) if j not in way.columns]
            alone = sum(all(cell[j] == each[j] for j in kept) for each in cells) == 1
            if alone and any(all(cell[j] == other[j] for j in kept) for other in others):
                expected[row] = len(way.columns)
    assert matches(keys, frame(*others)).changed.tolist() == expected
