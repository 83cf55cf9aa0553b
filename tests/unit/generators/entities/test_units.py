"""Units keep their fate wherever they appear, and no entity weighs more than it may."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.entities.bounding import bound
from generators.entities.tokens import tokenise
from generators.entities.units import Rows, fates, last_kept, row_keys, split
from schemas.contract import Split
from schemas.errors import ContractError

SECRET = b"0" * 32
SHARES = Split()


def rows(count: int, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "plane": [f"p{value}" for value in rng.integers(0, 40, count)],
            "hour": pd.array(rng.integers(0, 24, count), dtype="Int64"),
            "delay": rng.integers(0, 50, count) / 2,
        }
    )


def test_split_follows_its_shares() -> None:
    fate = split(np.arange(20_000), SECRET, SHARES)
    shares = np.bincount(fate, minlength=4) / fate.size
    # binomial deviations at seed 0: five of them is one false alarm in a million
    assert np.abs(shares - [0.5, 0.2, 0.1, 0.2]).max() < 5 * np.sqrt(0.25 / fate.size)
    assert fate.dtype == np.int8


@pytest.mark.parametrize(
    "shares",
    [
        SHARES,
        Split(train=0.97, holdout=0.01, second_holdout=0.01, reference=0.01),
        # As near to everything, or beyond it, as a contract may say.
        Split(train=1 + 9e-10, holdout=1e-12, second_holdout=1e-12, reference=1e-12),
        Split(train=1e-15, holdout=0.5, second_holdout=0.25, reference=0.25),
    ],
)
def test_all_that_is_not_of_the_train_share_is_held_out(shares: Split) -> None:
    keys = np.random.default_rng(1).integers(0, 2**64, 1_000, dtype=np.uint64)
    keys[:2] = 0, 2**64 - 1
    assert ((keys > last_kept(shares)) == (fates(keys, shares) > 0)).all()


@settings(deadline=None)
@given(
    keys=st.lists(st.one_of(st.none(), st.text(max_size=4)), min_size=1, max_size=30),
    order=st.randoms(use_true_random=False),
)
def test_a_unit_keeps_its_fate_in_any_order_and_company(keys: list[str | None], order: object) -> None:
    fate = dict(zip(keys, split(pd.Series(keys, dtype=object), SECRET, SHARES), strict=True))
    shuffled = [*keys, "another"]
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    again = dict(zip(shuffled, split(pd.Series(shuffled, dtype=object), SECRET, SHARES), strict=True))
    assert all(again[key] == fate[key] for key in keys)


def test_whole_numbers_fall_alike_in_any_dtype_and_another_secret_splits_otherwise() -> None:
    numbers = np.arange(1_000)
    fate = split(numbers, SECRET, SHARES)
    for same in (
        pd.Series(numbers, dtype="Int64"),
        pd.Series(numbers, dtype="float64"),
        pd.Series(list(numbers), dtype=object),
    ):
        assert (split(same, SECRET, SHARES) == fate).all()
    assert (split(numbers, b"1" * 32, SHARES) != fate).any()


def test_rows_get_the_same_keys_in_batches_as_in_one_piece() -> None:
    table = rows(3_000)
    seen: dict[int, int] = {}
    batches = [
        row_keys(table.iloc[start : start + 700].reset_index(drop=True), SECRET, seen) for start in range(0, 3_000, 700)
    ]
    assert (np.concatenate(batches) == row_keys(table, SECRET)).all()


def test_units_are_told_apart_behind_a_zero_byte() -> None:
    keys = [f"{number}{ending}" for number in range(200) for ending in ("", "\0", "\0b")]
    fates = split(pd.Series(keys), b"k" * 32, Split())
    assert fates.tolist() == [int(split(pd.Series([key]), b"k" * 32, Split())[0]) for key in keys]
    assert len(set(row_keys(pd.DataFrame({"x": pd.Series(keys, dtype=object)}), b"k" * 32).tolist())) == len(keys)


def test_duplicate_rows_are_units_of_their_own() -> None:
    same = pd.concat([rows(1)] * 400, ignore_index=True)
    assert np.unique(row_keys(same, SECRET)).size == 400
    assert np.unique(split(Rows(same), SECRET, SHARES)).size == 4


def test_bound_keeps_at_most_that_many_rows_of_each_and_their_order() -> None:
    table = rows(2_000).reset_index()
    kept = bound(table, "plane", 7, SECRET)
    assert kept.groupby("plane").size().eq(7).all()
    assert kept["index"].is_monotonic_increasing
    assert bound(table, "plane", 10_000, SECRET).equals(table)


def test_what_is_kept_of_an_entity_does_not_depend_on_the_others() -> None:
    table = rows(2_000)
    alone = bound(table[table["plane"] == "p3"].reset_index(drop=True), "plane", 5, SECRET)
    among = bound(table.sample(frac=1, random_state=1).reset_index(drop=True), "plane", 5, SECRET)
    among = among[among["plane"] == "p3"]
    assert sorted(map(tuple, alone.astype(object).to_numpy())) == sorted(map(tuple, among.astype(object).to_numpy()))


def test_rows_without_an_entity_are_left_out_and_a_missing_column_is_named() -> None:
    table = rows(50)
    table.loc[:9, "plane"] = None
    assert len(bound(table, "plane", 100, SECRET)) == 40
    with pytest.raises(ContractError, match="nothing"):
        bound(table, "nothing", 1, SECRET)


def test_tokens_are_stable_secret_and_keep_missing() -> None:
    values = pd.Series(["N1", "N2", None, "N1"])
    tokens = tokenise(values, SECRET)
    assert tokens[0] == tokens[3] != tokens[1]
    assert tokens[2] is None
    assert set("".join(tokens.dropna())) <= set("0123456789abcdef")
    assert tokens.str.len().dropna().eq(32).all()
    assert tokenise(values, b"1" * 32)[0] != tokens[0]
