"""Rules keep a contract's rules and read no row."""

import numpy as np
import pandas as pd
import pytest

from generators.artefact import unpack
from generators.generation import Generated, generate
from generators.protocol import FitRequest, silent
from generators.registry import FAMILIES, available, family, installed
from generators.selection import choose
from generators.simulation.rules import RulesModel
from generators.simulation.wording import texts
from schemas.contract import Categories, Column, Constraint, Contract, Dependency, Policy, Privacy, Range
from schemas.errors import ContractError, InputError
from schemas.table import conform

pytestmark = pytest.mark.skipif(not installed("simulation"), reason="needs the extra simulation")


def contract(claim: str = "empirical") -> Contract:
    columns = (
        Column(name="email", type="string", required=True, unique=True),
        Column(name="full_name", type="string"),
        Column(name="contact", type="string", personal="phone number"),
        Column(name="city", type="string", required=True),
        Column(name="country", type="string", required=True),
        Column(name="born", type="date"),
        Column(name="age", type="integer", required=True),
        Column(name="low", type="integer", domain=Range(lower=0, upper=50, resolution=1)),
        Column(name="high", type="integer", required=True, domain=Range(lower=0, upper=50, resolution=1)),
        Column(name="grade", type="string", domain=Categories(values=("a", "b", "c"))),
        Column(name="member", type="boolean"),
        Column(name="code", type="integer", required=True, unique=True),
    )
    policy = Policy(
        privacy=Privacy(scope="t", claim=claim),  # type: ignore[arg-type]
        dependencies=(Dependency(determinants=("city",), dependent="country", table=(("Bonn", "DE"), ("Oslo", "NO"))),),
        constraints=(Constraint(left="low", operator="<=", right="high"),),
    )
    return Contract(dataset="people", columns=columns, policy=policy)


def model(**parameters: float) -> RulesModel:
    request = FitRequest(contract(), bytes(32), parameters=parameters)
    made = family("rules").fit(pd.DataFrame(index=range(80)), request, silent)
    assert isinstance(made, RulesModel)
    return made


def test_the_contracts_rules_are_kept_without_a_row_being_there() -> None:
    made = model().sample(400, 1)
    assert conform(made, contract()).violations == ()
    assert list(made.columns) == list(contract().names)
    assert made["email"].is_unique
    assert made["email"].str.contains("@").all()
    assert set(zip(made["city"], made["country"], strict=True)) == {("Bonn", "DE"), ("Oslo", "NO")}
    assert made["age"].between(0, 100).all()
    assert made["contact"].dropna().str.contains(r"\d{3}").all()


def test_values_are_spread_evenly_and_missing_where_allowed() -> None:
    """Chi-squared of 3 grades in 3,000 rows below 18.4: error rate 1e-4, one seed."""
    made = model(missing=0.2).sample(3_000, 2)
    assert 0.15 < made["grade"].isna().mean() < 0.25
    counts = made["grade"].value_counts()
    assert float(((counts - counts.mean()) ** 2 / counts.mean()).sum()) < 18.4
    assert made["age"].notna().all()
    assert model(missing=0).sample(200, 2).notna().all().all()


def test_the_same_seed_gives_the_same_rows_and_the_model_says_that_it_has_no_fidelity() -> None:
    made = model()
    pd.testing.assert_frame_equal(family("rules").load(made.to_bytes(), contract()).sample(50, 4), made.sample(50, 4))
    assert not made.sample(50, 5).equals(made.sample(50, 4))
    assert unpack(made.to_bytes()).header["fidelity"] == "none"
    assert FAMILIES["rules"].fidelity == "none"
    assert made.mechanisms == ()
    assert made.rows == 80


def test_locales_share_the_texts() -> None:
    german = model(**{"locale.ja_JP": 1.0}).sample(60, 1)
    assert german["full_name"].dropna().map(lambda text: any(ord(letter) > 0x3000 for letter in text)).all()
    with pytest.raises(InputError, match="no locale xx_XX"):
        model(**{"locale.xx_XX": 1.0})


def test_what_cannot_be_kept_is_told_before_a_release_is_begun() -> None:
    with pytest.raises(ContractError, match="knows no parameter"):
        model(sheep=1.0)
    with pytest.raises(ContractError, match="between 0 and 1"):
        model(missing=2.0)
    with pytest.raises(ContractError, match="nothing from the data"):
        family("rules").fit(pd.DataFrame(), FitRequest(contract("formal"), bytes(32)), silent)


def test_a_table_of_texts_alone_works_and_unique_texts_never_repeat() -> None:
    only = Contract(
        dataset="t",
        columns=(Column(name="word", type="string", required=True),),
        policy=Policy(privacy=Privacy(scope="t", claim="empirical")),
    )
    made = family("rules").fit(pd.DataFrame(index=range(3)), FitRequest(only, bytes(32)), silent)
    assert len(made.sample(20, 1)) == 20  # type: ignore[union-attr]
    column = Column(name="word", type="string", unique=True)
    found = texts(column, 3_000, {"en_US": 1.0}, np.random.default_rng(0))
    assert len(set(found)) == 3_000


@pytest.mark.parametrize("rows", [0, 3])
def test_a_contract_is_enough_where_the_table_has_fewer_rows_than_columns_or_none(rows: int) -> None:
    for frame in (pd.DataFrame(), pd.DataFrame(index=range(rows))):
        made = generate(frame, contract(), "rules", 200, 1)
        assert isinstance(made, Generated)
        assert len(made.table) == 200
        assert conform(made.table, contract()).violations == ()
    assert choose(contract(), 3, available(), requested="rules").family == "rules"


def test_families_that_learn_still_need_rows() -> None:
    with pytest.raises(ContractError, match="lacks columns"):
        generate(pd.DataFrame(), contract(), "trees", 200, 1)
    with pytest.raises(ContractError, match="rows are announced"):
        choose(contract(), 3, available(), requested="trees")
