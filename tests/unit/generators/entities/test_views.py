"""One entity's rows across tables are one unit: gathered, split and bounded together."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.entities.units import split
from generators.entities.views import Direct, EntityView, Through
from schemas.contract import Split
from schemas.errors import ContractError

SECRET, SHARES = b"s" * 32, Split()
LINKS = {
    "customers": Direct("customer"),
    "cards": Direct("customer"),
    "payments": Through("card", "cards", "card"),
    "disputes": Through("payment", "payments", "payment"),
}


def tables(customers: int, seed: int = 0) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    cards, payments, disputes = 2 * customers, 10 * customers, customers
    return {
        "customers": pd.DataFrame(
            {"customer": [f"c{n}" for n in range(customers)], "age": rng.integers(18, 90, customers)}
        ),
        "cards": pd.DataFrame(
            {"card": np.arange(cards), "customer": [f"c{n}" for n in rng.integers(0, customers, cards)]}
        ),
        "payments": pd.DataFrame(
            {
                "payment": np.arange(payments),
                "card": pd.array(rng.integers(0, cards, payments), dtype="Int64"),
                "amount": rng.integers(1, 50, payments),
            }
        ),
        "disputes": pd.DataFrame({"payment": rng.integers(0, payments, disputes), "won": rng.random(disputes) < 0.5}),
    }


def test_rows_are_gathered_through_references() -> None:
    given_tables = tables(20)
    given_tables["payments"].loc[0, "card"] = pd.NA
    view = EntityView.of(given_tables, LINKS)
    one = view.rows_of("c3")
    cards = given_tables["cards"].query("customer == 'c3'")
    assert one["cards"]["card"].tolist() == cards["card"].tolist()
    assert (
        one["payments"]["payment"].tolist() == given_tables["payments"].query("card in @cards.card")["payment"].tolist()
    )
    assert set(one["disputes"]["payment"]) <= set(one["payments"]["payment"])
    assert len(view.entities) == 20
    renamed = {name: table.replace({"customer": {"c1": "c0\0"}}) for name, table in given_tables.items()}
    assert len(EntityView.of(renamed, LINKS).entities) == 20
    assert pd.isna(view.owners["payments"].iloc[0])


def test_an_entity_falls_alike_in_all_tables_and_as_it_does_alone() -> None:
    given_tables = tables(300)
    parts = EntityView.of(given_tables, LINKS).split(SECRET, SHARES)
    assert sum(len(part.tables["payments"]) for part in parts) == len(given_tables["payments"])
    alone = split(given_tables["customers"]["customer"], SECRET, SHARES)
    for share, part in enumerate(parts):
        expected = set(given_tables["customers"]["customer"][alone == share])
        assert set(part.tables["customers"]["customer"]) == expected
        assert all(set(owner) <= expected for owner in part.owners.values())


@settings(max_examples=30, deadline=None, derandomize=True)
@given(customers=st.integers(1, 15), seed=st.integers(0, 99), most=st.integers(1, 20), each=st.integers(0, 5))
def test_contributions_are_bounded_across_tables(customers: int, seed: int, most: int, each: int) -> None:
    view = EntityView.of(tables(customers, seed), LINKS).bounded(SECRET, most, {"payments": each})
    together = pd.concat([owner.astype(object) for owner in view.owners.values()])
    assert together.notna().all()
    assert together.value_counts().max() <= most if len(together) else True
    assert view.owners["payments"].value_counts().max() <= each if len(view.owners["payments"]) else True
    whole = view.without_orphans(LINKS)
    assert set(whole.tables["payments"]["card"]) <= set(whole.tables["cards"]["card"])
    assert set(whole.tables["disputes"]["payment"]) <= set(whole.tables["payments"]["payment"])


def test_another_entity_changes_nobody_else_s_rows() -> None:
    """Neighbouring tables differ by one entity: what is kept of all others is the same, whatever their order."""
    most = 4
    full = tables(30)
    with_all = EntityView.of(full, LINKS).bounded(SECRET, most)
    gone = full | {
        "customers": full["customers"].query("customer != 'c5'"),
        "cards": full["cards"].sample(frac=1, random_state=1),
    }
    without = EntityView.of(gone, LINKS)
    kept = {name: owner != "c5" for name, owner in without.owners.items()}
    without = EntityView(
        {
            name: table.reset_index(drop=True)[kept[name].to_numpy()].reset_index(drop=True)
            for name, table in without.tables.items()
        },
        {name: owner[kept[name]].reset_index(drop=True) for name, owner in without.owners.items()},
    ).bounded(SECRET, most)
    for entity in set(with_all.entities) - {"c5"}:
        one, other = with_all.rows_of(entity), without.rows_of(entity)
        for name in LINKS:
            first, second = (each.sort_values(list(each)).reset_index(drop=True) for each in (one[name], other[name]))
            pd.testing.assert_frame_equal(first, second)
    assert sum(len(table) for table in with_all.rows_of("c5").values()) <= most


@pytest.mark.parametrize(
    ("links", "why"),
    [
        ({**LINKS, "cards": Through("card", "payments", "payment")}, "circle"),
        ({**LINKS, "payments": Through("card", "nothing", "card")}, "not there"),
        ({**LINKS, "payments": Through("nothing", "cards", "card")}, "lacks the column"),
        ({**LINKS, "payments": Through("card", "cards", "nothing")}, "lacks the key"),
        ({**LINKS, "payments": Through("card", "cards", "customer")}, "not unique"),
        ({"customers": Direct("customer")}, "every table"),
    ],
)
def test_links_that_lead_nowhere_are_refused(links: dict[str, Direct | Through], why: str) -> None:
    with pytest.raises(ContractError, match=why):
        EntityView.of(tables(5), links)


def test_bounds_that_make_no_sense_are_refused() -> None:
    view = EntityView.of(tables(5), LINKS)
    for most, each in ((0, {}), (1, {"nothing": 1}), (1, {"cards": -1})):
        with pytest.raises(ContractError):
            view.bounded(SECRET, most, each)
