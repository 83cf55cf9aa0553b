"""What a contract may say of columns, references, sequences and usage, and what it is refused for."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Column, Contract, Policy, Privacy
from schemas.drift import DriftPolicy
from schemas.errors import ContractError
from schemas.metrics import BY_NAME, DEFAULT_LIMITS, DIRECTIONS
from schemas.model import Model
from schemas.relations import Reference, Sequence
from schemas.usage import Usage

COLUMNS = (
    Column(name="a", type="integer"),
    Column(name="b", type="string"),
    Column(name="t", type="date"),
    Column(name="hidden", type="string", role="ignored"),
)
NEW = ("quasi_identifiers", "sensitive", "references", "sequence", "usage")


def contract(**policy: Any) -> Contract:
    document = {"privacy": Privacy(scope="s").document()} | {
        name: value.document() if isinstance(value, Model) else value for name, value in policy.items()
    }
    return Contract.from_document(
        {"dataset": "d", "columns": [column.document() for column in COLUMNS], "policy": document}
    )


def test_a_contract_without_the_new_fields_has_the_document_that_it_always_had() -> None:
    plain = contract()
    assert not set(NEW) & set(plain.document()["policy"])
    assert Contract.from_bytes(plain.to_bytes()) == plain
    stated = contract(quasi_identifiers=["a"], sensitive=["b"])
    assert stated.digest() != plain.digest()
    assert Contract.from_bytes(stated.to_bytes()) == stated


@pytest.mark.parametrize(
    ("policy", "fault"),
    [
        ({"quasi_identifiers": ["hidden"]}, "quasi_identifiers names a column that is not modelled"),
        ({"sensitive": ["nowhere"]}, "sensitive names a column that is not modelled"),
        ({"quasi_identifiers": ["a", "a"]}, "quasi_identifiers names a column twice"),
        ({"quasi_identifiers": ["a"], "sensitive": ["a"]}, "both a quasi-identifier and sensitive"),
        ({"references": [{"column": "hidden", "table": "p", "key": "k"}]}, "a reference names a column"),
        ({"references": [{"column": "a", "key": "k"}]}, "a reference names a column"),
        ({"references": [{"column": "a", "key": "a"}]}, "refers to itself"),
        ({"references": [{"column": "a", "table": "p", "key": "k"}] * 2}, "a reference is stated twice"),
        ({"sequence": {"entity": "a", "time": "hidden"}}, "a sequence names a column"),
        ({"sequence": {"entity": "a", "time": "a"}}, "two columns"),
        ({"sequence": {"entity": "a", "time": "b"}}, "the time of a sequence"),
        ({"usage": {"purpose": " "}}, "usage.purpose"),
        ({"usage": {"intended_uses": ["one\ntwo"]}}, "usage.intended_uses.0"),
        ({"usage": {"consumers": [" x"]}}, "usage.consumers.0"),
        ({"usage": {"retention_days": 0}}, "usage.retention_days"),
        ({"usage": {"jurisdictions": ["Germany"]}}, "usage.jurisdictions.0"),
        ({"usage": {"classification": "secret"}}, "usage.classification"),
        ({"usage": {"owner": "me"}}, "usage: Extra inputs"),
    ],
)
def test_what_cannot_be_meant_is_refused(policy: dict[str, Any], fault: str) -> None:
    with pytest.raises(ContractError, match=fault.replace(".", r"\.")):
        contract(**policy)


@pytest.mark.parametrize(
    "policy",
    [
        {"quasi_identifiers": ["hidden", "hidden"]},
        {"sensitive": ["hidden", "hidden", "hidden"]},
        {"generation": {"free_text": [{"column": "hidden", "handling": "drop"}] * 2}},
        {
            "generation": {
                "balance": {"shares": [{"column": "nowhere", "value": 1, "share": 0.2}]},
                "free_text": [{"column": "nowhere", "handling": "drop"}],
            }
        },
    ],
)
def test_a_column_is_named_once_in_what_a_contract_is_refused_for(policy: dict[str, Any]) -> None:
    with pytest.raises(ContractError) as refused:
        contract(**policy)
    assert str(refused.value).count("hidden") + str(refused.value).count("nowhere") == 1


def test_at_most_five_columns_are_named_in_what_a_contract_is_refused_for() -> None:
    with pytest.raises(ContractError, match=r"not modelled: n0, n1, n2, n3, n4$"):
        contract(quasi_identifiers=[name for name in ("n0", "n1", "n2", "n3", "n4", "n5") for _ in range(2)])


def test_references_and_sequences_speak_of_the_release() -> None:
    found = contract(
        references=[{"column": "a", "table": "parents", "key": "any"}, {"column": "b", "key": "a"}],
        sequence={"entity": "b", "time": "t"},
    ).policy
    assert found.references == (Reference(column="a", table="parents", key="any"), Reference(column="b", key="a"))
    assert found.sequence == Sequence(entity="b", time="t")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(BY_NAME)), st.floats(-2, 2))
def test_a_high_risk_contract_may_only_tighten(metric: str, change: float) -> None:
    limit = DEFAULT_LIMITS[metric] + change
    looser = change > 0 if DIRECTIONS[metric] == "at_most" else change < 0
    looser = looser and limit != DEFAULT_LIMITS[metric]
    assert contract(limits={metric: limit}).policy.loosened == ((metric,) if looser else ())
    if looser:
        with pytest.raises(ContractError, match=metric):
            contract(limits={metric: limit}, usage=Usage(risk="high"))
    else:
        assert contract(limits={metric: limit}, usage=Usage(risk="high")).policy.limit(metric) == limit


HOSTILE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["a", "b", "t", "EU"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["column", "key", "table", "entity", "time", "purpose", "risk", "consumers", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(NEW), HOSTILE, max_size=3))
def test_hostile_values_are_read_or_refused_and_never_crash(policy: dict[str, Any]) -> None:
    with contextlib.suppress(ContractError):
        read = contract(**policy)
        assert Contract.from_bytes(read.to_bytes()) == read


def test_a_private_test_costs_a_tenth_of_epsilon_or_what_is_stated() -> None:
    assert Privacy(scope="pool", timing="private", epsilon="0.5").trigger_cost == "0.05"
    assert Privacy(scope="pool", timing="private", epsilon="0.000000001").trigger_cost == "0.000000001"
    stated = Privacy(scope="pool", timing="private", trigger_epsilon="0.25")
    assert (stated.trigger_cost, stated.document()["trigger_epsilon"]) == ("0.25", "0.25")
    assert "trigger_epsilon" not in Privacy(scope="pool").document()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"claim": "empirical"}, "needs a formal claim"),
        ({"unit": {"kind": "entity", "column": "person", "max_rows": 3}}, "not offered for entities"),
        ({"trigger_epsilon": "0"}, "above 0"),
        ({"epsilon": "0"}, "above 0"),
        ({"timing": "raw", "trigger_epsilon": "0.1"}, "needs timing private"),
    ],
)
def test_a_private_timing_that_could_not_keep_its_promise_is_refused(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ContractError, match=fault):
        Privacy.from_document({"scope": "pool", "timing": "private"} | changes)


def test_the_fields_of_a_private_test_leave_older_drift_policies_their_document() -> None:
    assert not {"window_seconds", "window_rows", "tolerance"} & set(DriftPolicy(block_rows=500).document())
    policy = DriftPolicy(window_seconds=3600, window_rows=2000, tolerance=0.05)
    assert DriftPolicy.from_document(policy.document()) == policy


@pytest.mark.parametrize(
    ("policy", "fault"),
    [
        ({}, "needs a target"),
        ({"target": "age", "privacy": {"scope": "pool", "timing": "private"}}, "under timing private"),
    ],
)
def test_late_labels_that_nothing_could_be_made_of_are_refused(policy: dict[str, Any], fault: str) -> None:
    stated = {"privacy": {"scope": "pool"}, "drift": {"late_labels": True}}
    with pytest.raises(ContractError, match=fault):
        Policy.from_document(stated | policy)
    assert Policy.from_document(stated | {"target": "age"}).drift.late_labels


def test_labels_in_time_leave_older_drift_policies_their_document() -> None:
    assert "late_labels" not in DriftPolicy(block_rows=500).document()
