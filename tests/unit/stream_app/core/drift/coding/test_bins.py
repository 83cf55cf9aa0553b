"""Which values of a category are counted by themselves: the frequent, and of equals whichever a hash chooses."""

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column, Contract, Policy, Privacy
from stream_app.core.drift.coding.bins import learn_bins

VALUES = np.array([f"v{place:03d}" for place in range(200)], dtype=object)


def contract(*subgroups: str) -> Contract:
    return Contract(
        dataset="d",
        columns=(Column(name="zip", type="string"),),
        policy=Policy(privacy=Privacy(scope="s"), subgroups=subgroups),
    )


def column(rows: int, seed: int, values: int = 200) -> pd.DataFrame:
    return pd.DataFrame({"zip": VALUES[np.random.default_rng((6, seed)).integers(0, values, rows)]})


def test_the_rest_is_as_frequent_in_other_rows_as_in_those_that_were_learnt_from() -> None:
    """Seeds 0 to 19: 200 values of equal chances, of which 63 are kept; the share of the others in 20,000 rows has a
    standard error of 0.0033, and so has the mean difference of 20 pairs of 0.001; kept by their counts alone, the
    others would look rarer by 0.02. Five standard errors.
    """
    differences = []
    for seed in range(20):
        before = column(20_000, seed)
        rest = learn_bins(before, contract())[0].rest
        assert len(rest) == 200 - 63
        differences.append(float(column(20_000, 100 + seed)["zip"].isin(rest).mean() - before["zip"].isin(rest).mean()))
    assert float(np.mean(differences)) == pytest.approx(0, abs=0.005)


def test_values_that_are_clearly_frequent_are_kept() -> None:
    often = pd.DataFrame({"zip": ["often"] * 2_000 + ["rather"] * 1_000})
    found = learn_bins(pd.concat([column(20_000, 1), often], ignore_index=True), contract())[0]
    assert found.values[:2] == ("often", "rather")
    assert len(found.values) == 63
    assert len({*found.values, *found.rest}) == 202


def test_a_subgroup_column_keeps_its_groups() -> None:
    """Of a hundred values as of any other column 63 are kept; where they are groups, all."""
    frame = column(20_000, 2, values=100)
    assert len(learn_bins(frame, contract())[0].values) == 63
    assert len(learn_bins(frame, contract("zip"))[0].values) == 100
    assert len(learn_bins(column(20_000, 2), contract("zip"))[0].values) == 128
