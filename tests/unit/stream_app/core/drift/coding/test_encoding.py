"""Codes by grid and dictionary are those of the plain binary search and the plain look-up, in numpy and compiled."""

import importlib.util
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream_app.core.drift.coding.bins import ColumnBins
from stream_app.core.drift.coding.cells import Columns, Numbers, Words, columns_of
from stream_app.core.drift.coding.encoding import REMEMBERED, TABLES, Encoder, Path
from tests.unit.stream_app.core.drift.odd_frames import BINS, frames, old_codes

INSTALLED = importlib.util.find_spec("numba") is not None
PATHS: tuple[Path, ...] = ("numpy", "numba") if INSTALLED else ("numpy",)
FLOATS = st.floats() | st.integers(-5, 5).map(float) | st.sampled_from([1e308, -1e308, 5e-324, 2.0**53, -0.0])


def encoded(columns: Columns, bins: tuple[ColumnBins, ...]) -> "np.ndarray[Any, Any]":
    """The codes, after asking every path for them."""
    found = [Encoder(bins, path).codes(columns) for path in PATHS]
    assert all((one == found[0]).all() for one in found)
    assert found[0].shape == (len(bins), columns.rows)
    assert found[0].dtype == np.uint8
    assert found[0].flags.c_contiguous
    return found[0]


def searched(numbers: "np.ndarray[Any, Any]", bins: ColumnBins) -> "np.ndarray[Any, Any]":
    codes = np.searchsorted(np.asarray(bins.edges), numbers, side="right") + 2
    if bins.lower is not None and bins.upper is not None:
        codes[(numbers < bins.lower) | (numbers > bins.upper)] = 1
    return np.where(np.isfinite(numbers), codes, 0)


@settings(max_examples=100, deadline=None)
@given(st.lists(FLOATS.filter(lambda edge: edge == edge), max_size=120), st.lists(FLOATS, max_size=40), st.booleans())
@example([-np.inf, -1e308, 1e308, np.inf], [-np.inf, -1e308, 0.0, 1e308, np.inf, np.nan], False)
@example([5e-324, 1e-323], [0.0, 5e-324, 1e-323, 1.0, -1.0], False)
@example([7.0], [7.0, np.nextafter(7.0, 0), 8.0], True)
@example([], [0.0, np.nan, np.inf], True)
def test_any_numbers_fall_into_the_bins_of_a_binary_search(
    edges: list[float], numbers: list[float], bounded: bool
) -> None:
    distinct = tuple(np.unique(np.asarray(edges, dtype="float64")).tolist())
    ends = (-1.0, 3.0) if bounded else (None, None)
    bins = ColumnBins("x", "number", "numeric", distinct, lower=ends[0], upper=ends[1])
    # At, and beside, every edge is where a grid would go wrong.
    near = np.asarray([*numbers, *distinct], dtype="float64")
    with np.errstate(over="ignore"):
        near = np.concatenate((near, np.nextafter(near, np.inf), np.nextafter(near, -np.inf)))
    codes = encoded(Columns(len(near), {"x": Numbers(near)}), (bins,))
    assert codes[0].tolist() == searched(near, bins).tolist()


@pytest.mark.parametrize("population", ["normal", "cauchy", "lognormal", "counts", "late", "constant"])
def test_many_numbers_of_usual_shapes(population: str) -> None:
    source = np.random.default_rng(5)
    drawn = {
        "normal": source.normal(size=4_000),
        "cauchy": source.standard_cauchy(4_000),
        "lognormal": np.exp(3 * source.normal(size=4_000)),
        "counts": source.poisson(100, 4_000).astype(float),
        "late": 1.7e9 + source.integers(0, 10**7, 4_000),
        "constant": np.full(4_000, 0.1),
    }[population]
    edges = np.unique(np.concatenate((np.quantile(drawn, np.linspace(0, 1, 100)), [drawn.min() - 9, drawn.max() * 2])))
    bins = ColumnBins("x", "number", "numeric", tuple(edges.tolist()))
    stream = np.concatenate((drawn, np.nextafter(drawn, np.inf), -drawn, [np.nan, np.inf]))
    assert (encoded(Columns(len(stream), {"x": Numbers(stream)}), (bins,))[0] == searched(stream, bins)).all()


@settings(max_examples=30, deadline=None)
@given(frames())
def test_frames_of_odd_cells_get_the_codes_of_the_long_way(frame: pd.DataFrame) -> None:
    assert encoded(columns_of(frame, BINS), BINS).tolist() == old_codes(frame, BINS).tolist()


def test_a_lacking_column_is_missing_and_an_unwanted_one_is_no_matter() -> None:
    columns = columns_of(pd.DataFrame({"other": [1, 2]}), BINS)
    assert columns.cells == {}
    assert not encoded(columns, BINS).any()


def test_words_have_the_codes_of_their_bins_the_rest_and_new() -> None:
    bins = (ColumnBins("w", "string", "categorical", values=("a", "b"), rest=("c", "d")),)
    cells = Words(np.asarray([0, 1, 2, 3, 4, -1, 5], dtype="int32"), ("d", "c", "b", "a", "z", ""))
    assert encoded(Columns(7, {"w": cells}), bins).tolist() == [[4, 4, 3, 2, 1, 0, 1]]


def test_words_parsed_before_change_no_code() -> None:
    """More texts than are remembered, over several blocks, have the codes that an encoder gives which is new."""
    bins = (ColumnBins("n", "number", "numeric", edges=tuple(map(float, range(0, 6_000, 50)))),)
    kept = Encoder(bins, "numpy")
    for start in (0, 0, 1_500, 3_000, 100):
        words = tuple(map(str, range(start, start + REMEMBERED - 300)))
        columns = Columns(len(words), {"n": Words(np.arange(len(words), dtype="int32"), words)})
        assert (kept.codes(columns) == Encoder(bins, "numpy").codes(columns)).all()
        assert (kept.codes(columns)[0] == searched(np.arange(start, start + len(words)), bins[0])).all()
        assert 0 < len(kept._columns[0].parsed) <= REMEMBERED


def test_a_column_of_another_length_is_refused_before_any_loop_runs() -> None:
    with pytest.raises(ValueError, match="3 rows"):
        Columns(3, {"x": Numbers(np.zeros(2))})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("index", [3, 2**31 - 1, -4, -(2**31)])
def test_an_index_beyond_the_words_reads_no_foreign_memory(path: Path, index: int) -> None:
    columns = Columns(1, {"w": Words(np.asarray([index], dtype="int32"), ("a", "b"))})
    with pytest.raises(IndexError):
        Encoder((ColumnBins("w", "string", "categorical", values=("a",)),), path).codes(columns)


def test_strided_and_read_only_arrays() -> None:
    numbers = np.arange(20.0)[::2]
    numbers.flags.writeable = False
    bins = (ColumnBins("x", "number", "numeric", edges=(3.0, 7.0)),)
    assert encoded(Columns(10, {"x": Numbers(numbers)}), bins).tolist() == [[2, 2, 3, 3, 4, 4, 4, 4, 4, 4]]


def test_words_in_another_order_have_their_own_codes_however_many_orders_there_were() -> None:
    bins = (ColumnBins("c", "string", "categorical", values=("a", "b", "c"), rest=("d",)),)
    encoder = Encoder(bins)
    words = ["a", "b", "c", "d", "unheard"]
    codes = {"a": 2, "b": 3, "c": 4, "d": 5, "unheard": 1}
    for number in range(3 * TABLES):
        own = tuple(np.random.default_rng(number % (2 * TABLES)).permutation(words).tolist())
        cells = Words(np.array([0, 1, 2, 3, 4, -1], dtype=np.int32), own)
        assert encoder.codes(Columns(6, {"c": cells})).tolist() == [[*(codes[word] for word in own), 0]]
