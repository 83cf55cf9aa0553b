import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Column, Range
from schemas.table import conform
from tests.unit.validators.population import contract, rows
from validators.encoding import MISSING, bin_edges, binned_codes, identity_codes, numbers, tree_matrix


def both() -> list[pd.DataFrame]:
    rng = np.random.default_rng(0)
    return [conform(rows(size, rng), contract()).table for size in (400, 300)]


def test_identity_codes_are_equal_for_equal_cells_and_only_for_them() -> None:
    tables = both()
    coded = identity_codes(tables, contract().modelled)
    joined, codes = pd.concat(tables), np.concatenate(coded.tables)
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
    coded = binned_codes([table], [Column(name="x", type="number")], fitted_on=1, bins=bins)
    codes, x = coded.tables[0][:, 0], table["x"].to_numpy()
    assert codes.max() < coded.sizes[0] <= 3 * bins + 2
    assert ((codes == MISSING) == np.isnan(x)).all()
    order = np.argsort(x[~np.isnan(x)])
    assert (np.diff(codes[~np.isnan(x)][order]) >= 0).all()


def test_a_heap_gets_a_bin_of_its_own() -> None:
    values = np.concatenate([np.zeros(920), np.arange(1, 81)])
    edges = bin_edges(values, 20)
    codes = np.searchsorted(edges, values)
    assert set(codes[values == 0]).isdisjoint(codes[values > 0])
    assert len(edges) > 15


def test_synthetic_values_do_not_move_the_edges() -> None:
    real, fake = both()
    column = [contract().column("income")]
    far = fake.assign(income=1e12)
    assert (binned_codes([real, fake], column, 1).tables[0] == binned_codes([real, far], column, 1).tables[0]).all()


def test_unseen_and_rare_categories_share_one_code() -> None:
    column = [Column(name="x", type="string")]
    real = pd.DataFrame({"x": pd.Series(list("aaabbc"), dtype=object)})
    fake = pd.DataFrame({"x": pd.Series(["a", "z", None, "c"], dtype=object)})
    coded = binned_codes([real, fake], column, fitted_on=1, bins=1)
    assert coded.tables[1][:, 0].tolist() == [1, 3, MISSING, 3]


def test_numbers_lie_on_the_public_lattice_on_both_sides() -> None:
    column = Column(name="x", type="number", domain=Range(lower=1, upper=9, resolution=2))
    assert numbers(pd.DataFrame({"x": [1.2, 2.1, 8.9, np.nan]}), column)[:3].tolist() == [1.0, 3.0, 9.0]


def test_the_tree_matrix_marks_categories_and_keeps_missing_cells() -> None:
    tables = both()
    matrix = tree_matrix(tables, contract().modelled, fitted_on=2)
    assert matrix.categorical == (False, False, True, True, False, True, True)
    for table, block in zip(tables, matrix.tables, strict=True):
        assert (np.isnan(block) == table.isna().to_numpy()).all()
