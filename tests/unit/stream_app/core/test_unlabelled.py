"""A contract without its target is a contract, and names the target nowhere."""

import pytest

from schemas.contract import Constraint, Dependency
from schemas.drift import DriftPolicy
from schemas.errors import ContractError
from schemas.relations import Reference, Sequence
from stream_app.core.unlabelled import without_target
from tests.events import contract as only_late
from tests.unit.validators.population import contract


def test_nothing_rests_on_the_target_any_more() -> None:
    stated = contract(
        subgroups=("region", "churned"),
        quasi_identifiers=("age", "region"),
        sensitive=("churned", "income"),
        triples=(("age", "plan", "churned"), ("age", "plan", "region")),
        dependencies=(
            Dependency(determinants=("plan",), dependent="churned", table=()),
            Dependency(determinants=("plan",), dependent="region", table=()),
        ),
        constraints=(
            Constraint(left="age", operator=">=", right="churned"),
            Constraint(left="age", operator=">=", constant=18),
        ),
        references=(Reference(column="churned", table="others", key="id"), Reference(column="age", key="income")),
        sequence=Sequence(entity="churned", time="since"),
        drift=DriftPolicy(late_labels=True, block_rows=200),
        limits={"tstr_ratio": 0.5},
    )
    bare = without_target(stated)
    assert bare.policy.target is None
    assert bare.policy.sequence is None
    assert "churned" not in bare.policy.to_bytes().decode()
    assert [column.name for column in stated.modelled if column not in bare.modelled] == ["churned"]
    assert (bare.policy.subgroups, bare.policy.sensitive) == (("region",), ("income",))
    assert [len(getattr(bare.policy, name)) for name in ("triples", "dependencies", "constraints", "references")] == [
        1
    ] * 4
    assert bare.policy.drift == DriftPolicy(block_rows=200)
    assert bare.policy.limits == stated.policy.limits


def test_a_contract_without_a_target_stays_as_it_is() -> None:
    stated = contract(target=None)
    assert without_target(stated) is stated


def test_a_contract_of_a_target_alone_has_nothing_left() -> None:
    alone = only_late()
    alone = alone.model_copy(update={"policy": alone.policy.model_copy(update={"target": "late"})})
    with pytest.raises(ContractError):
        without_target(alone)
