import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.bins import bin_edges
from schemas.contract import Column, Range
from schemas.table import conform
from tests.unit.validators.population import contract, rows
from validators.encoding import MISSING, binned, identities, numbers, trees


def both() -> list[pd.DataFrame]:
    rng = np.random.default_rng(0)
    return [conform(rows(size, rng), contract()).table for size in (400, 300)]


def test_identity_codes_are_equal_for_equal_cells_and_only_for_them() -> None:
    rng = np.random.default_rng(0)
    tables = [conform(rows(size, rng), contract()).table for size in (300, 400)]
    book = identities(tables[:1], contract().modelled)
    joined, codes = pd.concat(tables), np.concatenate([book.codes(tables[0]), book.codes(tables[1])])
    for j, name in enumerate(joined):
        cells = joined[name].astype(object)
        assert ((codes[:, j] == MISSING) == cells.isna().to_numpy()).all()
        pairs = pd.DataFrame({"cell": cells.astype(str), "code": codes[:, j]}).drop_duplicates()
        assert pairs["cell"].is_unique
        assert pairs["code"].is_unique


@settings(max_examples=50)
@given(st.lists(st.integers(-3, 40) | st.none(), min_size=1, max_size=200), st.integers(2, 12))
def test_bins_keep_order_and_cover_everything(values: list[int | None], bins: int) -> None:
    table = pd.DataFrame({"x": np.array(values, dtype=float)})
    book = binned([table], [Column(name="x", type="number")], bins)
    codes, x = book.codes(table)[:, 0], table["x"].to_numpy()
    assert codes.max() < book.sizes[0] <= 3 * bins + 2
    assert ((codes == MISSING) == np.isnan(x)).all()
    order = np.argsort(x[~np.isnan(x)])
    assert (np.diff(codes[~np.isnan(x)][order]) >= 0).all()


def test_a_heap_gets_a_bin_of_its_own() -> None:
    values = np.concatenate([np.zeros(920), np.arange(1, 81)])
    edges = bin_edges(values, 20)
    codes = np.searchsorted(edges, values)
    assert set(codes[values == 0]).isdisjoint(codes[values > 0])
    assert len(edges) > 15


def test_values_beyond_the_fitted_ones_fall_into_the_last_bin() -> None:
    real, fake = both()
    column = [contract().column("income")]
    book = binned([real], column)
    assert set(book.codes(fake.assign(income=1e12))[:, 0]) == {book.sizes[0] - 1}


def test_unseen_and_rare_categories_share_one_code() -> None:
    column = [Column(name="x", type="string")]
    real = pd.DataFrame({"x": pd.Series(list("aaabbc"), dtype=object)})
    fake = pd.DataFrame({"x": pd.Series(["a", "z", None, "c"], dtype=object)})
    assert binned([real], column, bins=1).codes(fake)[:, 0].tolist() == [1, 3, MISSING, 3]


def test_numbers_lie_on_the_public_lattice_on_both_sides() -> None:
    column = Column(name="x", type="number", domain=Range(lower=1, upper=9, resolution=2))
    assert numbers(pd.DataFrame({"x": [1.2, 2.1, 8.9, np.nan]}), column)[:3].tolist() == [1.0, 3.0, 9.0]


def test_the_tree_matrix_marks_categories_and_keeps_missing_cells() -> None:
    tables = both()
    matrix = trees(tables, contract().modelled)
    assert matrix.categorical == (False, False, True, True, False, True, True)
    for table in tables:
        assert (np.isnan(matrix.matrix(table)) == table.isna().to_numpy()).all()
