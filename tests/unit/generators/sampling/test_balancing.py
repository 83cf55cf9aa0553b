"""Wished shares are met to the row, parity within its difference, and what cannot be had is said."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.sampling import filling
from generators.sampling.raking import Margin, apportioned, raked, with_parity
from generators.sampling.releasing import Releasing, released
from generators.sampling.wishing import wish_of
from schemas.contract import Scalar
from schemas.errors import InputError
from schemas.generation import Balance, Generation, Parity, Quota, Share
from schemas.table import conform
from tests.unit.generators.sampling.invented import Invented, constraint, contract


def shaped(**balance: object) -> Generation:
    return Generation(balance=Balance(**balance))  # type: ignore[arg-type]


def test_a_rare_event_makes_up_exactly_the_wished_share() -> None:
    pinned = contract(shaped(shares=(Share(column="fraud", value=1, share=0.2),)))
    table, report = released(Invented(pinned), pinned, 5_003, 1)
    assert len(table) == 5_003
    assert int((table["fraud"] == 1).sum()) == round(0.2 * 5_003)
    assert conform(table, pinned).violations == ()
    assert report is not None
    (share,) = report.shares
    assert (share.wished, round(share.after, 4)) == (0.2, 0.2001)
    assert share.before < 0.03
    assert report.drawn > report.rows == 5_003


def test_the_rest_of_the_row_is_the_generators_own() -> None:
    """Seed fixed; men among frauds are 75 % of 4,000: a deviation of 4 standard deviations is .027."""
    pinned = contract(shaped(shares=(Share(column="fraud", value=1, share=0.5),)))
    table, _ = released(Invented(pinned), pinned, 8_000, 2)
    frauds = table[table["fraud"] == 1]
    assert abs(float((frauds["sex"] == "m").mean()) - 0.75) < 0.03
    assert abs(float((table.loc[table["fraud"] == 0, "sex"] == "m").mean()) - 0.6) < 0.03


def test_quotas_are_equal_or_as_listed() -> None:
    equal = contract(shaped(quotas=(Quota(column="race"),)))
    table, _ = released(Invented(equal), equal, 1_000, 3)
    assert table["race"].value_counts().to_dict() == dict.fromkeys("abcde", 200)
    listed = contract(shaped(quotas=(Quota(column="race", shares=(("e", 0.25), ("d", 0.25))),)))
    table, _ = released(Invented(listed), listed, 1_000, 3)
    counts = table["race"].value_counts()
    assert (counts["e"], counts["d"]) == (250, 250)
    assert counts["a"] > 2 * counts["b"] > 0


def test_several_wishes_are_met_to_the_row_together() -> None:
    pinned = contract(
        shaped(
            shares=(Share(column="fraud", value=1, share=0.1), Share(column="sex", value="f", share=0.5)),
            quotas=(Quota(column="race", shares=(("c", 0.3),)),),
        )
    )
    table, _ = released(Invented(pinned), pinned, 3_001, 4)
    assert int((table["fraud"] == 1).sum()) == 300
    assert int((table["sex"] == "f").sum()) in (1_500, 1_501)
    assert int((table["race"] == "c").sum()) == 900


@dataclass(frozen=True, slots=True)
class Incomplete(Invented):
    """No man commits fraud here: a private fit may well have lost so small a group in its noise."""

    def sample(self, rows: int, seed: int, where: Mapping[str, tuple[Scalar, float]] | None = None) -> pd.DataFrame:
        table = Invented.sample(self, 3 * rows + 50, seed, where)
        return table[~((table["fraud"] == 1) & (table["sex"] == "m"))].head(rows).reset_index(drop=True)


@pytest.fixture
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is never drawn in four rounds is not drawn in two dozen either."""
    monkeypatch.setattr(filling, "ROUNDS", 4)


@pytest.mark.usefixtures("few_rounds")
def test_a_group_that_is_never_drawn_leaves_its_rows_to_others_of_the_wished_share() -> None:
    parity = Parity(subgroup="sex", outcome="fraud", favourable=0, difference=0.02)
    pinned = contract(shaped(shares=(Share(column="fraud", value=1, share=0.2),), parity=(parity,)))
    table, report = released(Incomplete(pinned), pinned, 250, 3)
    assert int((table["fraud"] == 1).sum()) == 50
    assert set(table.loc[table["fraud"] == 1, "sex"]) == {"f"}
    assert report is not None
    assert report.parity[0].after > 0.02  # what could not be had is told


@pytest.mark.usefixtures("few_rounds")
def test_a_wished_pair_of_shares_that_is_never_drawn_is_refused_by_name() -> None:
    both = (Share(column="fraud", value=1, share=0.2), Share(column="sex", value="m", share=1.0))
    pinned = contract(shaped(shares=both))
    with pytest.raises(InputError, match="none of a wished group of fraud and sex: it is too rare"):
        released(Incomplete(pinned), pinned, 60, 3)


def test_rare_values_are_raised_and_frequent_ones_kept() -> None:
    pinned = contract(shaped(rare=(("race", 0.1),)))
    table, _ = released(Invented(pinned), pinned, 2_000, 5)
    shares = table["race"].value_counts(normalize=True)
    assert all(shares[value] >= 0.1 for value in "abcde")
    assert shares["a"] > 0.45


@pytest.mark.parametrize("difference", [0.0, 0.05])
def test_parity_is_told_before_and_reached_after(difference: float) -> None:
    item = Parity(subgroup="sex", outcome="member", favourable=True, difference=difference)
    pinned = contract(shaped(parity=(item,)))
    table, report = released(Invented(pinned), pinned, 4_000, 6)
    rates = table.groupby("sex")["member"].mean().astype(float)
    assert report is not None
    (told,) = report.parity
    assert 0.25 < told.before < 0.35
    assert told.after == pytest.approx(float(np.ptp(rates)))
    assert told.after <= max(difference, 0.001)
    assert abs(float(table["member"].mean()) - 0.48) < 0.04


def test_a_run_asks_before_the_contract() -> None:
    pinned = contract(shaped(shares=(Share(column="fraud", value=1, share=0.2),)))
    table, _ = released(Invented(pinned), pinned, 1_000, 7, {"fraud": (1, 0.4)})
    assert int((table["fraud"] == 1).sum()) == 400


def test_constraints_hold_in_balanced_rows() -> None:
    pinned = contract(shaped(quotas=(Quota(column="race"),)), constraints=(constraint(),))
    table, _ = released(Invented(pinned), pinned, 1_000, 8)
    assert conform(table, pinned).violations == ()


def test_the_same_seed_gives_the_same_rows_and_another_does_not() -> None:
    pinned = contract(shaped(quotas=(Quota(column="race"),)))
    first, again, other = (released(Invented(pinned), pinned, 500, seed)[0] for seed in (9, 9, 10))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_balance_is_exact_over_all_parts() -> None:
    pinned = contract(
        shaped(shares=(Share(column="fraud", value=1, share=0.07),), quotas=(Quota(column="race"),)), unique=True
    )
    releasing = Releasing(Invented(pinned), pinned, 1_003, 11, part=150)
    parts = list(releasing.parts())
    table = pd.concat(parts, ignore_index=True)
    assert len(parts) == 7
    assert len(table) == 1_003
    assert int((table["fraud"] == 1).sum()) == 70
    assert sorted(table["race"].value_counts()) == [200, 200, 201, 201, 201]
    assert table["number"].is_unique
    report = releasing.report()
    assert report is not None
    assert report.rows == 1_003
    assert report.shares[0].after == pytest.approx(0.2, abs=0.01)


def test_a_group_that_nobody_draws_is_refused_by_name() -> None:
    pinned = contract(shaped(shares=(Share(column="fraud", value=1, share=0.2),)))

    class Honest(Invented):
        def sample(self, rows, seed, where=None):  # type: ignore[no-untyped-def]
            if where:
                raise InputError("cannot")
            return Invented(self.contract).sample(rows, seed).assign(fraud=pd.array([0] * rows, dtype="Int64"))

    with pytest.raises(InputError, match=r"none of a wished group of fraud.*too rare"):
        released(Honest(pinned), pinned, 100, 1)


@pytest.mark.parametrize(
    "balance",
    [
        {"shares": (Share(column="race", value="zzz", share=0.1),)},
        {"quotas": (Quota(column="age"),)},
        {"rare": (("age", 0.01),)},
        {"rare": (("race", 0.3),)},
        {"parity": (Parity(subgroup="age", outcome="fraud", favourable=1),)},
    ],
)
def test_wishes_that_no_domain_allows_are_refused(balance: dict[str, object]) -> None:
    pinned = contract(shaped(**balance))
    with pytest.raises(InputError):
        released(Invented(pinned), pinned, 100, 1)


def test_too_many_combinations_are_refused() -> None:
    quotas = tuple(Quota(column="age", shares=((age, 0.001),)) for age in (1,))
    pinned = contract(shaped(quotas=quotas, parity=(Parity(subgroup="sex", outcome="fraud", favourable=1),)))
    assert wish_of(pinned, None) is not None
    many = Quota(column="age", shares=tuple((age, 0.01) for age in range(99)))
    days = Quota(column="spent", shares=tuple((cent / 4, 0.001) for cent in range(200)))
    races = (Quota(column="race"), Quota(column="sex"))
    with pytest.raises(InputError, match="combines too many"):
        wish_of(contract(shaped(quotas=(many, days, *races))), None)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    counts=st.lists(st.integers(0, 50), min_size=6, max_size=6).filter(lambda counts: sum(counts) > 0),
    share=st.floats(0.05, 0.95),
    rows=st.integers(1, 500),
)
def test_raked_shares_have_the_margin_and_whole_rows_add_up(counts: list[int], share: float, rows: int) -> None:
    first = np.arange(6) < 3
    joint = raked(np.array(counts), [[Margin(first, share), Margin(~first, 1 - share)]])
    assert joint.sum() == pytest.approx(1)
    assert joint[first].sum() == pytest.approx(share, abs=1e-6)
    whole = apportioned(joint, rows)
    assert int(whole.sum()) == rows
    assert np.abs(whole - joint * rows).max() <= 1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    groups=st.lists(st.tuples(st.floats(0, 1), st.floats(0.01, 1)), min_size=2, max_size=6),
    difference=st.floats(0, 0.5),
)
def test_parity_moves_rates_no_further_than_asked_and_keeps_the_whole(
    groups: list[tuple[float, float]], difference: float
) -> None:
    rates, weights = (np.array(values) for values in zip(*groups, strict=True))
    moved = with_parity(rates, weights, difference)
    assert np.ptp(moved) <= difference + 1e-6 or np.allclose(moved, rates)
    assert (weights * moved).sum() == pytest.approx((weights * rates).sum(), rel=1e-6, abs=1e-6)


def test_a_cell_that_was_never_drawn_gets_no_row_unless_a_share_needs_it() -> None:
    pinned = contract(
        shaped(
            shares=(Share(column="fraud", value=1, share=0.3),),
            parity=(Parity(subgroup="sex", outcome="member", favourable=True),),
        )
    )
    wish = wish_of(pinned, None)
    assert wish is not None
    drawn = np.zeros(wish.cells.count, dtype=np.int64)
    shape = wish.cells.shape
    for place, count in (((0, 0, 0), 2), ((1, 0, 0), 900), ((1, 0, 1), 1_500), ((1, 1, 0), 900), ((0, 1, 1), 5)):
        drawn[np.ravel_multi_index(place, shape)] = count
    for rows in (100, 1_000, 1_000_000):
        counts = wish.counts(drawn, rows)
        assert counts.sum() == rows
        assert not counts[drawn == 0].any()
        assert counts.reshape(shape)[0].sum() == round(0.3 * rows)
