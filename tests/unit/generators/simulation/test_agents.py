"""Agents keep references and times valid, resemble their aggregates, and commit fraud only on request."""

import numpy as np
import pandas as pd
import pytest

from generators.protocol import FitRequest, silent
from generators.registry import FAMILIES, family, installed
from generators.simulation.agents import AgentsModel
from generators.simulation.parts import parts_of
from schemas.contract import Categories, Column, Constraint, Contract, Domain, Policy, Privacy, PrivacyUnit, Range
from schemas.errors import ArtefactError, ContractError, InputError, InsufficientEvidence
from schemas.relations import Reference, Sequence
from schemas.table import conform

pytestmark = pytest.mark.skipif(not installed("simulation"), reason="needs the extra simulation")
FIRST, DAY = 1_522_540_800, 86_400
TERMINALS = Reference(column="terminal", table="terminals", key="id")
SHOPS = Reference(column="shop", table="shops", key="id")


def contract(
    customers: Domain | None = None,
    references: tuple[Reference, ...] = (TERMINALS, SHOPS),
    fraud: bool = True,
    constraints: tuple[Constraint, ...] = (),
    claim: str = "empirical",
    unit: PrivacyUnit | None = None,
) -> Contract:
    columns = (
        Column(name="id", type="string", role="identifier"),
        Column(name="customer", type="string", required=True, domain=customers),
        Column(name="terminal", type="integer", required=True, domain=Range(lower=0, upper=499, resolution=1)),
        Column(name="shop", type="string", required=True),
        Column(
            name="paid_at",
            type="timestamp",
            required=True,
            domain=Range(lower=FIRST, upper=FIRST + 40 * DAY, resolution=1),
        ),
        Column(name="amount", type="number", required=True, domain=Range(lower=0, upper=2_000, resolution=0.01)),
        Column(name="channel", type="string", domain=Categories(values=("web", "till"))),
        Column(name="points", type="integer", domain=Range(lower=0, upper=999, resolution=1)),
        *(
            (
                Column(name="fraud", type="boolean", required=True, domain=Categories(values=(False, True))),
                Column(name="scenario", type="integer", required=True, domain=Categories(values=(0, 1, 2, 3))),
            )
            if fraud
            else ()
        ),
    )
    policy = Policy(
        privacy=Privacy(scope="t", claim=claim, unit=unit or PrivacyUnit()),  # type: ignore[arg-type]
        target="fraud" if fraud else None,
        sequence=Sequence(entity="customer", time="paid_at"),
        references=references,
        constraints=constraints,
    )
    return Contract(dataset="payments", columns=columns, policy=policy)


def payments(customers: int = 60, days: int = 20, seed: int = 0) -> pd.DataFrame:
    """Mean amounts from 5 to 105, up to four rows a day, noon busiest, big payments on the web."""
    rng = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        mean, rate = rng.uniform(5, 105), rng.uniform(0.2, 4)
        near = rng.integers(0, 200, 12)
        for _ in range(int(rng.poisson(rate * days))):
            amount = round(abs(float(rng.normal(mean, mean / 2))), 2)
            seconds = rng.integers(0, days) * DAY + np.clip(rng.normal(43_200, 15_000), 0, DAY - 1)
            terminal = int(rng.choice(near))
            rows.append((f"real{customer}", terminal, f"shop{terminal % 9}", FIRST + int(seconds), amount))
    frame = pd.DataFrame(rows, columns=["customer", "terminal", "shop", "paid_at", "amount"])
    frame["paid_at"] = pd.to_datetime(frame["paid_at"], unit="s")
    frame["channel"] = np.where(frame["amount"] > 60, "web", "till")
    frame["points"] = (frame["amount"] // 10).astype(int)
    frame["fraud"] = frame["amount"] > 180
    frame["scenario"] = frame["fraud"].astype(int)
    return conform(frame, contract()).table


def fitted(pinned: Contract | None = None, **parameters: float) -> AgentsModel:
    made = family("agents").fit(payments(), FitRequest(pinned or contract(), bytes(32), parameters=parameters), silent)
    assert isinstance(made, AgentsModel)
    return made


def test_the_registry_says_what_agents_needs() -> None:
    assert set(FAMILIES["agents"].needs) == {"sequence", "references"}


@pytest.mark.parametrize("rows", [0, 1, 37, 2_000])
def test_samples_keep_types_domains_and_the_order_of_time(rows: int) -> None:
    made = fitted().sample(rows, 3)
    assert len(made) == rows
    assert conform(made, contract()).violations == ()
    assert list(made.columns) == [column.name for column in contract().modelled]
    assert {name: str(kind) for name, kind in conform(made, contract()).table.dtypes.items()} == {
        name: str(kind) for name, kind in made.dtypes.items()
    }
    assert made["paid_at"].is_monotonic_increasing


def test_references_are_valid_and_nobody_real_is_named() -> None:
    made = fitted().sample(2_000, 3)
    assert not made["customer"].str.startswith("real").any()
    assert made["terminal"].between(0, 499).all()
    assert (made.groupby("terminal")["shop"].nunique() == 1).all()  # a terminal belongs to one merchant
    assert 2 < made.groupby("customer").size().mean() < 200


def test_sizes_hours_and_amounts_resemble_the_source() -> None:
    """Moments of 60 customers against as many simulated ones, one seed: wide enough for five standard errors."""
    real, model = payments(), fitted()
    made = model.sample(len(real), 5)
    assert 40 <= made["customer"].nunique() <= 80
    assert made["amount"].mean() == pytest.approx(real["amount"].mean(), rel=0.25)
    assert made["paid_at"].dt.hour.mean() == pytest.approx(real["paid_at"].dt.hour.mean(), abs=0.6)
    web = made["channel"] == "web"
    assert made.loc[web, "amount"].mean() > 2 * made.loc[~web, "amount"].mean()
    assert ((made["scenario"] > 0) == made["fraud"]).all()


def test_the_same_seed_gives_the_same_rows_and_the_bytes_hold_no_row() -> None:
    model = fitted(handbook=1)
    body = model.to_bytes()
    loaded = family("agents").load(body, contract())
    pd.testing.assert_frame_equal(loaded.sample(300, 7), model.sample(300, 7))
    assert not model.sample(300, 8).equals(model.sample(300, 7))
    assert fitted(handbook=1).to_bytes() == body
    assert b"real" not in body
    assert b"shop3" not in body
    assert model.mechanisms == ()
    for damaged in (body[:-1], body[:40], b"", body[:200] + bytes([body[200] ^ 1]) + body[201:]):
        with pytest.raises(ArtefactError):
            family("agents").load(damaged, contract())
    with pytest.raises(ArtefactError):
        family("agents").load(body, contract(fraud=False))


def test_fraud_is_injected_on_request_and_labelled_by_scenario() -> None:
    rates = {"large_amounts": 0.01, "compromised_terminals": 0.01, "compromised_customers": 0.02}
    made = fitted(**rates).sample(4_000, 2)
    counts = made["scenario"].value_counts()
    assert set(counts.index) == {0, 1, 2, 3}
    assert ((made["scenario"] > 0) == made["fraud"]).all()
    assert (made.loc[made["scenario"] == 1, "amount"] > 220).all()
    stolen, honest = made[made["scenario"] == 3], made[made["scenario"] == 0]
    assert stolen["amount"].mean() > 2 * honest["amount"].mean()
    by_terminal = made[made["scenario"] == 2].groupby("terminal")["paid_at"]
    assert (by_terminal.max() - by_terminal.min() <= pd.Timedelta(days=28)).all()
    none = fitted(large_amounts=0.0).sample(500, 2)
    assert none["fraud"].mean() < 0.1


def test_all_payments_of_a_compromised_terminal_are_fraud() -> None:
    made = fitted(compromised_terminals=1.0).sample(500, 2)
    assert made["fraud"].all()
    assert set(made["scenario"]) == {2}


def test_shares_and_constraints_are_kept() -> None:
    made = fitted(handbook=1).sample(400, 1, {"fraud": (True, 0.2)})
    assert made["fraud"].mean() == 0.2
    held = contract(constraints=(Constraint(left="amount", operator="<=", constant=90.0),))
    assert conform(fitted(held).sample(300, 1), held).violations == ()
    with pytest.raises(InputError, match="customer"):
        fitted().sample(10, 1, {"customer": ("k0000001", 0.5)})


def test_keys_stay_within_their_domain_and_customers_then_pay_more_often() -> None:
    keyed = contract(Categories(values=tuple(f"n{number}" for number in range(8))))
    frame = payments()
    frame["customer"] = [f"n{number % 8}" for number in range(len(frame))]
    model = family("agents").fit(frame, FitRequest(keyed, bytes(32)), silent)
    assert not hasattr(model, "outcome")
    made = model.sample(3_000, 1)  # type: ignore[union-attr]
    assert conform(made, keyed).violations == ()
    assert made["customer"].nunique() <= 8


def test_an_entity_unit_bounds_what_is_summed_up() -> None:
    bound = contract(unit=PrivacyUnit(kind="entity", column="customer", max_rows=2))
    model = fitted(bound)
    assert model.aggregates.scatter.sum() <= 2 * 60


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sequence": None}, "needs a sequence"),
        ({"references": ()}, "needs a reference"),
        ({"sequence": Sequence(entity="customer", time="points")}, "dates or timestamps"),
    ],
)
def test_what_agents_needs_is_said(changes: dict[str, object], said: str) -> None:
    pinned = contract()
    pinned = pinned.model_copy(update={"policy": pinned.policy.model_copy(update=changes)})
    with pytest.raises(ContractError, match=said):
        family("agents").fit(payments(), FitRequest(pinned, bytes(32)), silent)


def test_bad_requests_are_refused() -> None:
    with pytest.raises(ContractError, match="label injected fraud"):
        family("agents").fit(
            payments(), FitRequest(contract(fraud=False), bytes(32), parameters={"handbook": 1}), silent
        )
    for parameters in ({"sheep": 1.0}, {"large_amounts": 2.0}, {"factor": 0.0}, {"customer_days": 0.0}):
        with pytest.raises(ContractError):
            fitted(**parameters)
    with pytest.raises(ContractError, match="no formal guarantee"):
        fitted(contract(claim="formal"))
    with pytest.raises(InsufficientEvidence, match="customers"):
        family("agents").fit(payments(3), FitRequest(contract(), bytes(32)), silent)


def test_parts_are_found_by_the_contract() -> None:
    parts = parts_of(contract())
    assert (parts.customer, parts.terminal, parts.merchant) == ("customer", "terminal", "shop")
    assert (parts.time, parts.amount, parts.fraud, parts.scenario) == ("paid_at", "amount", "fraud", "scenario")
    alone = parts_of(contract(references=(TERMINALS,), fraud=False))
    assert (alone.merchant, alone.fraud, alone.scenario) == (None, None, None)
