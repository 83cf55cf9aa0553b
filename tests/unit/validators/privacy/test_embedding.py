import numpy as np
import pandas as pd
import pytest

from tests.unit.validators.population import contract, evidence
from validators.distances.gower import nearest, points
from validators.privacy.embedding import embedding, neighbours, tree


def test_equal_rows_have_equal_points_wherever_they_stand() -> None:
    source = evidence((300, 200, 50, 100))
    space = embedding(source)
    whole = space.parts(source.train).sum(axis=0)
    some = np.random.default_rng(0).permutation(300)[:77]
    np.testing.assert_array_equal(space.parts(source.train.iloc[some]).sum(axis=0), whole[some])
    distance, place = neighbours(tree(whole), whole[some], 1)
    assert (distance[:, 0] == 0).all()
    np.testing.assert_array_equal(whole[place[:, 0]], whole[some])


def test_any_columns_can_be_left_out() -> None:
    source = evidence((300, 200, 50, 100))
    changed = source.train.assign(income=source.train["income"] * 3 + 1)
    space, kept = embedding(source), [0, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(space.parts(changed)[kept].sum(axis=0), space.parts(source.train)[kept].sum(axis=0))
    assert (space.parts(changed).sum(axis=0) != space.parts(source.train).sum(axis=0)).any()


def test_what_is_near_here_is_near_by_gower() -> None:
    """The nearest of 1,000 rows by the projection is, on average, far nearer by Gower than a row by chance."""
    source = evidence((1_000, 200, 50, 300))
    space = embedding(source)
    _, place = neighbours(tree(space.parts(source.train).sum(axis=0)), space.parts(source.synthetic).sum(axis=0), 1)
    asked, rows = points([source.synthetic, source.train], contract().modelled, fitted_on=1)
    found = [nearest(asked.take([k]), rows.take([place[k, 0]]))[0] for k in range(300)]
    chance = [nearest(asked.take([k]), rows.take([k]))[0] for k in range(300)]
    assert np.mean(found) < 0.5 * np.mean(chance)


def test_missing_infinite_and_unknown_cells_have_places() -> None:
    source = evidence((200, 200, 50, 200))
    odd = source.synthetic.copy()
    odd["income"] = np.resize([np.nan, np.inf, -np.inf, 1e308], len(odd))
    odd["plan"] = pd.Series([None, *(f"p{k}" for k in range(len(odd) - 1))], dtype=object)
    found = embedding(source).parts(odd).sum(axis=0)
    assert np.isfinite(found).all()
    assert found.shape == (200, 8)


def test_fewer_rows_than_neighbours_are_infinitely_far() -> None:
    distance, place = neighbours(tree(np.zeros((2, 8))), np.ones((1, 8)), 3)
    assert distance[0, 2] == np.inf
    assert place[0, 2] == 2
    assert distance[0, 0] == pytest.approx(np.sqrt(8))
