"""HMA keeps the references between tables valid, at every scale."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from generators.protocol import FitFailed, FitRequest, silent
from generators.registry import installed
from generators.sdv.hma import fit_tables, load_tables
from generators.sdv.links import related
from generators.sdv.tables import TablesModel
from schemas.contract import Categories, Column, Constraint, Contract, Policy, Privacy, Range
from schemas.errors import ArtefactError, ContractError, InputError
from schemas.relations import Reference
from schemas.table import conform

pytestmark = pytest.mark.skipif(not installed("sdv"), reason="needs the extra sdv")


def contract(name: str, *columns: Column, references: tuple[Reference, ...] = (), fee: bool = False) -> Contract:
    constraints = (Constraint(left="fee", operator="<=", right="amount"),) if fee else ()
    policy = Policy(privacy=Privacy(scope="t", claim="empirical"), references=references, constraints=constraints)
    return Contract(dataset=name, columns=columns, policy=policy)


IDS = Range(lower=1, upper=999, resolution=1)
MONEY = Range(lower=0, upper=500, resolution=0.01)
TOWNS = Categories(values=("x", "y", "z"))
CONTRACTS: Mapping[str, Contract] = {
    "orders": contract(
        "orders",
        Column(name="person", type="integer", required=True, domain=IDS),
        Column(name="shop", type="string"),
        Column(name="amount", type="number", required=True, domain=MONEY),
        Column(name="fee", type="number", domain=MONEY),
        references=(
            Reference(column="person", table="people", key="id"),
            Reference(column="shop", table="shops", key="code"),
        ),
        fee=True,
    ),
    "people": contract(
        "people",
        Column(name="id", type="integer", required=True, unique=True, domain=IDS),
        Column(name="age", type="integer", domain=Range(lower=18, upper=90, resolution=1)),
    ),
    "shops": contract(
        "shops",
        Column(name="code", type="string", required=True, unique=True),
        Column(name="town", type="string", required=True, domain=TOWNS),
    ),
}


def tables() -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(1)
    amount = np.round(rng.gamma(2, 30, 60), 2)
    shop = rng.integers(0, 5, 60)
    frames = {
        "people": pd.DataFrame({"id": np.arange(1, 16), "age": rng.integers(18, 80, 15)}),
        "shops": pd.DataFrame({"code": [f"real{i}" for i in range(5)], "town": list("xyzxy")}),
        "orders": pd.DataFrame(
            {
                "person": rng.integers(1, 16, 60),
                "shop": [None if late else f"real{one}" for late, one in zip(rng.random(60) < 0.2, shop, strict=True)],
                "amount": amount,
                "fee": np.round(amount * 0.1, 2),
            }
        ),
    }
    return {name: conform(frame, CONTRACTS[name]).table for name, frame in frames.items()}


@pytest.fixture(scope="module")
def model() -> TablesModel:
    made = fit_tables(tables(), CONTRACTS, FitRequest(CONTRACTS["people"], bytes(32)), silent)
    assert not isinstance(made, FitFailed)
    return made


@pytest.mark.parametrize("scale", [0.4, 1, 3])
def test_every_reference_names_a_key_that_is_there(model: TablesModel, scale: float) -> None:
    made = model.sample(scale, 3)
    assert {name: conform(table, CONTRACTS[name]).violations for name, table in made.items()} == dict.fromkeys(made, ())
    assert made["orders"]["person"].isin(made["people"]["id"]).all()
    assert made["orders"]["shop"].dropna().isin(made["shops"]["code"]).all()
    assert len(made["people"]) == round(scale * 15)
    assert not made["shops"]["code"].str.startswith("real").any()
    assert list(made["orders"].columns) == ["person", "shop", "amount", "fee"]


def test_the_model_comes_back_from_its_bytes_and_holds_no_key(model: TablesModel) -> None:
    body = model.to_bytes()
    loaded = load_tables(body, CONTRACTS)
    for name, table in model.sample(1, 8).items():
        pd.testing.assert_frame_equal(loaded.sample(1, 8)[name], table)
    assert b"real" not in body
    assert model.mechanisms == ()
    with pytest.raises(ArtefactError):
        load_tables(body[:-1] + b"\0", CONTRACTS)
    with pytest.raises(ArtefactError):
        load_tables(body, {name: CONTRACTS[name] for name in ("people", "shops")})


def test_repeated_keys_circles_and_missing_contracts_are_told() -> None:
    request = FitRequest(CONTRACTS["people"], bytes(32))
    twice = tables()
    twice["people"]["id"] = 7
    with pytest.raises(InputError, match="id of people"):
        fit_tables(twice, CONTRACTS, request, silent)
    with pytest.raises(ContractError, match="one contract for each table"):
        fit_tables({"people": twice["people"]}, CONTRACTS, request, silent)
    circular = {
        name: contract(
            name,
            Column(name="id", type="integer"),
            Column(name="other", type="integer"),
            Column(name="x", type="integer"),
            references=(Reference(column="other", table=other, key="id"),),
        )
        for name, other in (("a", "b"), ("b", "a"))
    }
    with pytest.raises(ContractError, match="circle"):
        related(circular, "hma")
