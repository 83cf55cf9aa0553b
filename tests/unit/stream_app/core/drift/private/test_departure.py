import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InputError
from stream_app.core.drift.private.departure import SENSITIVITY, STEPS, Departure, marked, single
from tests.unit.stream_app.core.drift.private_tests import BINS, LAYOUT, ORDERED, RELEASED, counted, rows


def departure(released: np.ndarray = RELEASED, least: int = 500, tolerance: float = 0.02) -> Departure:
    return Departure(LAYOUT, ORDERED, released, least, tolerance, 0.01)


code_rows = st.tuples(*(st.integers(0, column.size - 1) for column in BINS))


@given(row=code_rows)
def test_every_test_function_is_an_indicator_of_one_row(row: tuple[int, ...]) -> None:
    found = marked(counted(np.asarray(row, dtype=np.uint8)[:, None]), LAYOUT, ORDERED)
    assert set(np.unique(found)) <= {0.0, 1.0}
    assert len(found) == len(single(LAYOUT, ORDERED))


@settings(max_examples=40, deadline=None)
@given(
    row=code_rows,
    number=st.integers(0, 3000),
    shift=st.sampled_from([0.0, 0.3, 2.0]),
    seed=st.integers(0, 5),
    least=st.sampled_from([1, 37, 500, 100_000]),
    released=st.integers(1, 400),
    tolerance=st.sampled_from([0.0, 0.02, 0.5]),
)
def test_one_row_more_moves_the_statistic_by_no_more_than_its_sensitivity(
    row: tuple[int, ...], number: int, shift: float, seed: int, least: int, released: int, tolerance: float
) -> None:
    measured = departure(counted(rows(released, seed)), least, tolerance)
    window = counted(rows(number, seed, shift)) if number else np.zeros(LAYOUT.cells, dtype=np.int64)
    more = window + counted(np.asarray(row, dtype=np.uint8)[:, None])
    assert abs(measured.of(more) - measured.of(window)) <= SENSITIVITY


def test_the_sensitivity_is_reached_nearly_so_that_a_smaller_one_would_be_wrong() -> None:
    """A table of one kind of row, and a window of another: each row counts whole, and lasts."""
    only = np.zeros((3, 5000), dtype=np.uint8)
    measured = departure(counted(only), 500, 0.0)
    other = counted(np.full((3, 1), 2, dtype=np.uint8))
    moved = measured.of(4001 * other) - measured.of(4000 * other)
    assert moved >= 0.9 * STEPS / measured.moved


def test_a_subgroup_that_moves_alone_is_seen_in_its_own_cells() -> None:
    """The delays of group y swap sides, and those of x make up for it: no column changes by itself."""
    codes = rows(20_000, 4)
    delay = np.sort(codes[0])
    codes[0] = np.concatenate([delay[:10_000], delay[10_000:]])
    codes[2] = np.where(np.arange(20_000) < 10_000, 2, 3)
    found = marked(counted(codes), LAYOUT, ORDERED) - 20_000 * departure().shares
    groups = int(np.prod([LAYOUT.subgroups[0].number, LAYOUT.inner[-1]])) * 2
    assert np.abs(found[-groups:]).max() > 4000


def test_rows_like_the_release_depart_by_less_than_nothing_and_others_by_thousands() -> None:
    measured = departure()
    assert max(measured.of(counted(rows(size, 10 + size))) for size in (100, 2000, 100_000)) < 0
    assert measured.of(counted(rows(20_000, 3, 0.5))) > 1000 * STEPS


def test_a_change_of_dependence_alone_departs() -> None:
    """Both columns keep their shares, and no longer go together in any other way than before: they now do."""
    codes = rows(20_000, 4)
    for place in (0, 1):
        codes[place] = np.sort(codes[place])
    assert departure().of(counted(codes)) > 1000 * STEPS


@pytest.mark.parametrize(
    "released", [np.zeros(LAYOUT.cells, dtype=np.int64), RELEASED[:-1], -RELEASED], ids=["empty", "short", "negative"]
)
def test_a_released_table_that_is_none_is_refused(released: np.ndarray) -> None:
    with pytest.raises(InputError):
        departure(released)


@pytest.mark.parametrize("counts", [RELEASED[1:], RELEASED - 10**6], ids=["short", "negative"])
def test_counts_that_are_none_are_refused(counts: np.ndarray) -> None:
    with pytest.raises(InputError):
        departure().of(counts)
