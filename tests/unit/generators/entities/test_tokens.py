"""Tokens keep references within a dataset and link nothing across datasets."""

import pandas as pd
import pytest

from generators.entities.tokens import TOKEN_LENGTH, dataset_key, tokenise, tokenised
from schemas.contract import Column, Contract, Policy, Privacy
from schemas.errors import ContractError
from schemas.relations import Reference

SECRET = bytes(range(32))
KEYS = pd.Series([f"person {number}" for number in range(2_000)] + [None], name="person")


def pinned(dataset: str) -> Contract:
    return Contract(
        dataset=dataset,
        columns=(
            Column(name="person", type="string", role="identifier"),
            Column(name="parent", type="string"),
            Column(name="age", type="integer"),
        ),
        policy=Policy(privacy=Privacy(scope="test")),
    )


def test_two_datasets_share_no_token_and_no_part_of_one() -> None:
    """All pieces of 8 hex digits at the same place differ but by chance: 2,000 of 2**32 give .001 matches a place."""
    one, other = (tokenise(KEYS, dataset_key(SECRET, name)) for name in ("flights", "cards"))
    assert not set(one.dropna()) & set(other.dropna())
    for start in range(0, TOKEN_LENGTH, 8):
        pieces = [{token[start : start + 8] for token in tokens.dropna()} for tokens in (one, other)]
        assert len(pieces[0] & pieces[1]) <= 1


def test_the_same_dataset_and_secret_give_the_same_tokens_and_another_secret_does_not() -> None:
    first, again = (tokenise(KEYS, dataset_key(SECRET, "flights")) for _ in range(2))
    pd.testing.assert_series_equal(first, again)
    other = tokenise(KEYS, dataset_key(SECRET[::-1], "flights"))
    assert not set(first.dropna()) & set(other.dropna())
    assert first.isna().sum() == 1
    assert dataset_key(SECRET, "a") != dataset_key(SECRET, "b") != SECRET


def test_identifiers_are_tokens_before_any_generator_sees_them() -> None:
    table = pd.DataFrame({"person": ["a", "b", None], "parent": [None, "a", "b"], "age": [1, 2, 3]})
    found = tokenised(table, pinned("flights"), SECRET, also=("parent",))
    assert found["age"].tolist() == [1, 2, 3]
    assert found["parent"].iloc[1] == found["person"].iloc[0] != "a"
    assert found["person"].isna().tolist() == [False, False, True]
    assert table["person"].tolist() == ["a", "b", None]


def test_references_to_a_token_get_the_same_token() -> None:
    base = pinned("flights")
    columns = tuple(
        column.model_copy(update={"role": "modelled"}) if column.name == "person" else column for column in base.columns
    )
    linked = base.model_copy(
        update={
            "columns": columns,
            "policy": base.policy.model_copy(update={"references": (Reference(column="parent", key="person"),)}),
        }
    )
    table = pd.DataFrame({"person": ["a", "b"], "parent": [None, "a"], "age": [1, 2]})
    found = tokenised(table, linked, SECRET, also=("person",))
    assert found["parent"].iloc[1] == found["person"].iloc[0]


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ContractError, match="16 bytes"):
        dataset_key(b"short", "flights")


def test_keys_that_differ_behind_a_zero_byte_get_different_tokens() -> None:
    assert tokenise(pd.Series(["a", "a\0b", "", "\0"]), dataset_key(SECRET, "flights")).nunique() == 4
