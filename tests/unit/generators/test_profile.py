"""A profile holds shapes on public domains, and no value of a row."""

import numpy as np
import pandas as pd
import pytest

from generators.profile import take_profile
from schemas.contract import Categories, Column, Contract, Policy, Privacy, Range

CONTRACT = Contract(
    dataset="test",
    policy=Policy(privacy=Privacy(scope="test")),
    columns=(
        Column(name="amount", type="number", domain=Range(lower=0, upper=6_400, resolution=0.01)),
        Column(name="city", type="string", domain=Categories(values=("a", "b"), other=True)),
        Column(name="note", type="string"),
        Column(name="key", type="string", role="identifier"),
    ),
)


def test_shares_missing_and_quantiles() -> None:
    amount = np.append(np.arange(0.0, 6_400, 64), [np.nan] * 25)
    table = pd.DataFrame(
        {"amount": amount, "city": ["a"] * 100 + ["zzz"] * 25, "note": [f"secret {row}" for row in range(125)]}
    )
    profile = take_profile(table, CONTRACT)
    money, city, note = profile.columns
    assert profile.rows == 125
    assert money.missing == 0.2
    assert money.distinct == 100
    assert money.quantiles is not None
    assert np.allclose(money.quantiles, np.quantile(amount[:100], (0.05, 0.25, 0.5, 0.75, 0.95)), atol=101)
    assert city.shares == (0.8, 0.0, 0.2)
    assert note.distinct == 125
    assert note.shares is None
    assert note.quantiles is None
    assert b"secret" not in profile.to_bytes()
    assert b"zzz" not in profile.to_bytes()


def test_an_empty_table_has_a_profile() -> None:
    empty = pd.DataFrame(
        {"amount": pd.Series(dtype="float64"), "city": pd.Series(dtype=object), "note": pd.Series(dtype=object)}
    )
    profile = take_profile(empty, CONTRACT)
    assert profile.rows == 0
    assert profile.columns[0].quantiles is None
    assert type(profile).from_bytes(profile.to_bytes()) == profile


def test_dependence_skew_and_heaping_are_told_and_no_value() -> None:
    rng = np.random.default_rng(5)
    size = 3_000
    copy, noise = rng.integers(0, 2, size), rng.integers(0, 100, size)
    contract = Contract(
        dataset="test",
        policy=Policy(privacy=Privacy(scope="test"), target="target"),
        columns=(
            Column(name="copy", type="integer", domain=Categories(values=(0, 1))),
            Column(name="noise", type="integer", domain=Range(lower=0, upper=99, resolution=1)),
            Column(name="heaped", type="integer", domain=Range(lower=0, upper=500, resolution=1)),
            Column(name="skewed", type="integer", domain=Range(lower=0, upper=99, resolution=1)),
            Column(name="target", type="string", domain=Categories(values=("no", "yes"))),
        ),
    )
    table = pd.DataFrame(
        {
            "copy": copy,
            "noise": noise,
            "heaped": noise // 2 * 10,
            "skewed": np.minimum(99, rng.exponential(10, size)).astype(int),
            "target": np.where(copy, "yes", "no"),
        }
    )
    profile = take_profile(table, contract)
    told = {column.name: column for column in profile.columns}
    assert told["copy"].dependence == pytest.approx(1.0)
    assert (told["noise"].dependence or 0) < 0.06
    assert told["target"].dependence is None
    assert profile.strongest == told["copy"].dependence
    assert told["heaped"].heaping == 1.0
    assert (told["noise"].heaping or 0) < 0.05
    assert (told["skewed"].skew or 0) > 1.0 > abs(told["noise"].skew or 0)
    assert told["target"].type == "string"
    assert profile.missing == 0.0
    assert type(profile).from_bytes(profile.to_bytes()) == profile
