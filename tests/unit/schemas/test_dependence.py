"""Dependence statistics against scipy and scikit-learn, and their laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import pearsonr, spearmanr
from scipy.stats.contingency import association
from sklearn.metrics import mutual_info_score

from schemas.correlation import pearson, spearman
from schemas.dependence import (
    BLOCK,
    Layout,
    PairTables,
    all_pairs,
    chi_squared_effect,
    informational_correlation,
)

SIZES = (3, 5, 2, 4)
CODES = arrays(np.int32, st.tuples(st.integers(1, 40), st.just(4)), elements=st.integers(0, 1)) | arrays(
    np.int32, st.tuples(st.integers(1, 40), st.just(4)), elements=st.integers(0, 10)
).map(lambda codes: (codes % np.array(SIZES)).astype(np.int32))


def tables(codes: np.ndarray, sizes: tuple[int, ...] = SIZES) -> PairTables:
    return PairTables.of(codes, Layout(sizes, all_pairs(len(sizes))))


def drawn(rows: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 3, rows)
    return np.column_stack([first, (first + rng.integers(0, 3, rows)) % 5, rng.integers(0, 2, rows), first % 2 + 1])


def cells(found: PairTables, pair: int) -> np.ndarray:
    starts, (i, j) = found.layout.starts, found.layout.pairs[pair]
    flat = found.joint[starts[pair] : starts[pair + 1]]
    return flat.reshape(found.layout.sizes[i], found.layout.sizes[j])


@settings(max_examples=60, deadline=None)
@given(CODES)
def test_tables_are_what_a_loop_counts(codes: np.ndarray) -> None:
    found = tables(codes)
    for k, (i, j) in enumerate(found.layout.pairs):
        counted = np.zeros((SIZES[i], SIZES[j]))
        for row in codes:
            counted[row[i], row[j]] += 1
        np.testing.assert_array_equal(cells(found, k), counted)


def test_tables_of_blocks_add_up_to_the_table_of_all() -> None:
    codes = drawn(BLOCK + 777)
    whole, parts = tables(codes), [tables(codes[:1_000]), tables(codes[1_000:])]
    np.testing.assert_array_equal(whole.joint, parts[0].joint + parts[1].joint)
    np.testing.assert_array_equal(whole.single, parts[0].single + parts[1].single)


@settings(max_examples=60, deadline=None)
@given(CODES)
def test_merged_tables_are_those_of_merged_codes(codes: np.ndarray) -> None:
    maps = [np.array(each) for each in ([0, 1, 0], [1, 1, 0, 2, 0], [0, 0], [0, 1, 2, 3])]
    layout = Layout((2, 3, 1, 4), all_pairs(4))
    merged = tables(codes).merged(maps, layout)
    direct = PairTables.of(np.column_stack([each[codes[:, j]] for j, each in enumerate(maps)]), layout)
    np.testing.assert_array_equal(merged.joint, direct.joint)
    np.testing.assert_array_equal(merged.single, direct.single)


@settings(max_examples=60, deadline=None)
@given(CODES)
def test_mutual_information_is_scikit_learns(codes: np.ndarray) -> None:
    found = tables(codes).mutual_information(corrected=False)
    expected = [mutual_info_score(codes[:, i], codes[:, j]) for i, j in all_pairs(4)]
    np.testing.assert_allclose(found, np.maximum(0, expected), atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(CODES)
def test_cramers_v_is_scipys(codes: np.ndarray) -> None:
    found = tables(codes)
    for k, value in enumerate(found.cramers_v(corrected=False)):
        table = cells(found, k)
        table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
        expected = association(table.astype(int), method="cramer", correction=False) if min(table.shape) > 1 else 0.0
        assert value == pytest.approx(expected, abs=1e-7)


@settings(max_examples=60, deadline=None)
@given(CODES, st.permutations(range(5)))
def test_strength_does_not_depend_on_how_values_are_named(codes: np.ndarray, names: list[int]) -> None:
    renamed = codes.copy()
    renamed[:, 1] = np.array(names)[codes[:, 1]]
    before, after = tables(codes), tables(renamed)
    np.testing.assert_allclose(before.mutual_information(), after.mutual_information(), atol=1e-12)
    np.testing.assert_allclose(before.cramers_v(), after.cramers_v(), atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(CODES)
def test_residuals_stay_within_the_impurity(codes: np.ndarray) -> None:
    found = tables(codes)
    half = 0.5 * found.layout.sums(np.abs(found.residuals()))
    impurity = found.impurity()
    assert all(half[k] <= min(impurity[i], impurity[j]) + 1e-12 for k, (i, j) in enumerate(found.layout.pairs))


def test_corrections_remove_the_bias_of_few_rows() -> None:
    # 400 tables of 200 independent rows, seed 1: without correction both means are far from 0
    rng = np.random.default_rng(1)
    layout = Layout((6, 6), ((0, 1),))
    each = [PairTables.of(rng.integers(0, 6, (200, 2)), layout) for _ in range(400)]
    assert np.mean([found.mutual_information(False)[0] for found in each]) > 0.05
    assert np.mean([found.mutual_information()[0] for found in each]) < 0.012
    assert np.mean([found.cramers_v(False)[0] for found in each]) > 0.14
    assert np.mean([found.cramers_v()[0] for found in each]) < 0.05


def test_the_deviation_of_information_is_that_of_repetition() -> None:
    # 600 repetitions, seed 2: the standard deviation of repetitions has itself 3 % of error
    rng, layout = np.random.default_rng(2), Layout((3, 5), ((0, 1),))
    each = [PairTables.of(drawn(500, int(seed))[:, :2], layout) for seed in rng.integers(0, 2**31, 600)]
    stated = float(np.mean([found.information_deviation()[0] for found in each]))
    assert np.std([found.mutual_information()[0] for found in each]) == pytest.approx(stated, rel=0.15)


def test_informational_correlation_of_two_normals_is_their_correlation() -> None:
    for rho in (0.0, 0.3, 0.9):
        assert informational_correlation(np.array([-0.5 * np.log(1 - rho**2)]))[0] == pytest.approx(rho, abs=1e-12)


def holed(rows: int, seed: int, share: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = np.column_stack([rng.normal(size=rows), rng.integers(0, 7, rows), rng.normal(size=rows) * 1e12 + 1e15])
    values[:, 1] += np.round(values[:, 0])
    values[:, 2] += 3e12 * values[:, 0]
    values[rng.random(values.shape) < share] = np.nan
    return values


@pytest.mark.parametrize("share", [0.0, 0.2])
@pytest.mark.parametrize(("ours", "theirs"), [(pearson, pearsonr), (spearman, spearmanr)])
def test_correlations_are_scipys_on_the_rows_that_have_both(ours, theirs, share: float) -> None:
    values = holed(500, 3, share)
    found = ours(values)
    for i, j in all_pairs(3):
        both = ~np.isnan(values[:, [i, j]]).any(axis=1)
        assert found[i, j] == pytest.approx(theirs(values[both, i], values[both, j])[0], abs=1e-10)
        assert found[j, i] == pytest.approx(found[i, j], abs=1e-12)


def test_a_constant_or_empty_column_correlates_with_nothing() -> None:
    values = np.column_stack([np.arange(5.0), np.full(5, 7.0), np.full(5, np.nan)])
    for found in (pearson(values), spearman(values)):
        assert np.isnan(found[0, 1:]).all()
    for found in (pearson, spearman):
        assert found(np.zeros((0, 2))).shape == (2, 2)
        assert found(np.zeros((5, 0))).shape == (0, 0)


def test_huge_numbers_do_not_overflow() -> None:
    values = np.column_stack([[1e308, -1e308, 5e307, 0.0], [1.0, -1.0, 0.5, 0.0]])
    assert pearson(values)[0, 1] == pytest.approx(1.0)
    assert spearman(values)[0, 1] == pytest.approx(1.0)


def test_the_effect_of_a_difference_of_shares() -> None:
    assert chi_squared_effect([np.array([10.0, 20, 0]), np.array([100.0, 200, 0])]) == pytest.approx(0, abs=1e-7)
    assert chi_squared_effect([np.array([10.0, 0]), np.array([0.0, 3])]) == pytest.approx(1)
    assert chi_squared_effect([np.array([10.0, 0]), np.array([10.0, 0])]) == 0
    table = np.array([[12, 5, 9], [3, 14, 8]])
    assert chi_squared_effect(list(table.astype(float))) == pytest.approx(association(table, correction=False))
