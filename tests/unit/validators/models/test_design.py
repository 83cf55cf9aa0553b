import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Column
from tests.unit.validators.population import evidence
from validators.models.design import design, design_matrix, standardised

NUMBER = Column(name="x", type="number")


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats() | st.none(), min_size=1, max_size=30))
def test_any_numbers_become_finite_ones(cells: list[float | None]) -> None:
    table = pd.DataFrame({"x": pd.array(cells, dtype="Float64")})
    matrix = design([table], (NUMBER,)).matrix(table)
    assert np.isfinite(matrix).all()
    assert matrix.shape == (len(cells), 2)


def test_numbers_are_clipped_and_standardised() -> None:
    values = np.random.default_rng(0).normal(50, 10, 5_000)
    table = pd.DataFrame({"x": values})
    low, high = np.quantile(values, [0.01, 0.99], method="nearest")
    clipped = np.clip(values, low, high)
    expected = (clipped - clipped.mean()) / clipped.std()
    np.testing.assert_allclose(standardised(NUMBER, [table]).block(table)[:, 0], expected, atol=1e-9)


def test_categories_are_one_hot_with_places_for_missing_and_others() -> None:
    real = pd.DataFrame({"x": pd.array(["a", "a", "b", None], dtype="string")})
    coder = design([real], (Column(name="x", type="string"),))
    new = pd.DataFrame({"x": pd.array(["b", None, "zebra"], dtype="string")})
    matrix = coder.matrix(new)
    assert matrix.sum(axis=1).tolist() == [1, 1, 1]
    assert len(np.unique(matrix.argmax(axis=1))) == 3


def test_a_constant_or_missing_column_says_nothing() -> None:
    for cells in ([3.0, 3.0], [None, None]):
        table = pd.DataFrame({"x": pd.array(cells, dtype="Float64")})
        assert design([table], (NUMBER,)).matrix(table)[:, 0] == pytest.approx(0)


def test_rows_are_coded_once() -> None:
    source = evidence((200, 200, 10, 200))
    columns = source.contract.modelled
    assert design_matrix(source, source.synthetic, columns) is design_matrix(source, source.synthetic, columns)
