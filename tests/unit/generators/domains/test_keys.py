"""Synthetic keys are distinct, typed and within their domain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.domains.keys import synthetic_keys
from generators.domains.parts import without
from schemas.contract import Categories, Column, Constraint, Contract, Policy, Privacy, Range
from schemas.errors import ContractError, InputError


@given(count=st.integers(0, 60), seed=st.integers(0, 2**32))
def test_keys_of_a_range_are_distinct_and_within_it(count: int, seed: int) -> None:
    column = Column(name="id", type="integer", domain=Range(lower=10, upper=69, resolution=1))
    keys = synthetic_keys(column, count, np.random.default_rng(seed))
    assert len(set(keys)) == count == len(keys)
    assert all(10 <= key <= 69 for key in keys)
    assert str(keys.dtype) == "Int64"


def test_other_is_no_key_and_too_few_values_are_told() -> None:
    column = Column(name="id", type="string", domain=Categories(values=("a", "b"), other=True))
    assert set(synthetic_keys(column, 2, np.random.default_rng(0))) == {"a", "b"}
    with pytest.raises(InputError, match="3 keys"):
        synthetic_keys(column, 3, np.random.default_rng(0))


def test_without_a_domain_keys_are_counted_up() -> None:
    rng = np.random.default_rng(0)
    assert list(synthetic_keys(Column(name="id", type="integer"), 2, rng)) == [1, 2]
    assert list(synthetic_keys(Column(name="id", type="string"), 2, rng)) == ["k0000001", "k0000002"]
    with pytest.raises(ContractError, match="keys are numbers or text"):
        synthetic_keys(Column(name="id", type="boolean"), 2, rng)


def test_a_contract_is_not_torn_from_a_constraint() -> None:
    contract = Contract(
        dataset="d",
        columns=(Column(name="a", type="integer"), Column(name="b", type="integer")),
        policy=Policy(
            privacy=Privacy(scope="s", claim="empirical"), constraints=(Constraint(left="a", operator="<", right="b"),)
        ),
    )
    with pytest.raises(ContractError, match="no constraint may name it"):
        without(contract, {"a"}, "par")
