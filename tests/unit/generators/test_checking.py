"""Contracts that nothing can be generated from are refused before a row is read, each with what to change."""

import pandas as pd
import pytest

from generators.checking import check_contract
from generators.generation import fit, generate, opened
from schemas.contract import Categories, Column, Contract, PrivacyUnit, Range
from schemas.errors import ArtefactError, ContractError
from schemas.generation import Anonymity, Generation
from tests.unit.generators.sampling.invented import Invented, contract

TABLE = Invented(contract()).sample(300, 1)


def changed(column: str | None = None, privacy: dict[str, object] | None = None, **changes: object) -> Contract:
    base = contract()
    columns = tuple(each.model_copy(update=changes) if each.name == column else each for each in base.columns)
    policy = base.policy.model_copy(update={"privacy": base.policy.privacy.model_copy(update=privacy or {})})
    return base.model_copy(update={"columns": columns, "policy": policy})


@pytest.mark.parametrize(
    ("bad", "rows", "why"),
    [
        (changed("age", domain=None), 300, "neither bounds nor categories"),
        (changed(privacy={"epsilon": "0"}), 300, "above 0"),
        (changed(privacy={"epsilon": "0.0"}), 300, "above 0"),
        (changed(privacy={"delta": 0.005}), 200, "smaller delta"),
        (changed(privacy={"delta": 1e-5}), 100_000, "smaller delta"),
        (changed("fraud", domain=Categories(values=(1,), confirmed=True)), 300, "one value only"),
        (changed("fraud", domain=Range(lower=1, upper=1, resolution=1, confirmed=True)), 300, "one value only"),
        (contract(), 6, "6 rows are announced for 7"),
        (contract(Generation(anonymity=Anonymity())), 300, "quasi_identifiers"),
        (contract(Generation(anonymity=Anonymity()), unique=True, quasi_identifiers=("number",)), 300, "unique"),
        (changed("age", domain=Range(lower=0.2, upper=0.8, resolution=1, confirmed=True)), 300, "no value of its type"),
    ],
)
def test_a_bad_contract_is_refused_with_what_to_change(bad: Contract, rows: int, why: str) -> None:
    with pytest.raises(ContractError, match=why):
        check_contract(bad, rows)


def test_a_table_without_the_columns_is_refused_before_it_is_read() -> None:
    with pytest.raises(ContractError, match=r"lacks columns.*age, day"):
        generate(TABLE.drop(columns=["age", "day"]), contract(), "dp-marginals", 10, 1)
    by_card = changed(privacy={"unit": PrivacyUnit(kind="entity", column="card", max_rows=2)})
    with_card = by_card.model_copy(
        update={"columns": (*by_card.columns, Column(name="card", type="string", role="entity"))}
    )
    with pytest.raises(ContractError, match="card"):
        fit(TABLE, with_card, "dp-marginals", 1)


def test_good_contracts_pass_with_rows_announced_or_not() -> None:
    check_contract(contract(), None)
    check_contract(contract(), 300, [column.name for column in contract().modelled])
    check_contract(changed(privacy={"claim": "empirical", "epsilon": "0", "delta": 0.005}), 300)
    by_card = changed(privacy={"delta": 1e-5, "unit": PrivacyUnit(kind="entity", column="age", max_rows=50)})
    check_contract(by_card, 1_000_000)


def test_a_kept_model_is_opened_by_its_own_family() -> None:
    made = generate(TABLE, contract(), "dp-marginals", 40, 7)
    name, model = opened(made.model_bytes, contract())  # type: ignore[union-attr]
    assert name == "dp-marginals"
    pd.testing.assert_frame_equal(model.sample(40, 7), made.table)  # type: ignore[union-attr]
    with pytest.raises(ArtefactError):
        opened(b"nothing", contract())
