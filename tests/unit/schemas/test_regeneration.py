import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.contract import Contract
from schemas.errors import ContractError
from schemas.odcs import read_contract, write_contract
from schemas.regeneration import Regeneration
from tests.events import contract

OLD = {
    "on_drift",
    "on_expiry",
    "debounce_rows",
    "debounce_seconds",
    "max_attempts",
    "ladder",
    "allow_control_families",
}


def test_a_contract_that_says_nothing_new_keeps_its_document_and_so_its_digest() -> None:
    assert set(Regeneration().document()) == OLD
    assert set(Regeneration(rows=5).document()) == OLD | {"rows"}


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "persistence_rows": st.integers(0, 10**9),
        "minimum_severity": st.floats(0, 1),
        "cool_down_seconds": st.integers(0, 31_536_000),
        "renew_days_ahead": st.integers(0, 89),
        "budget_reserve": st.floats(0, 1, exclude_max=True),
        "subgroups_first": st.booleans(),
        "subgroup_debounce_rows": st.integers(0, 100),
    },
)


@given(FIELDS)
def test_a_contract_is_read_back_as_it_was_written(fields: dict[str, object]) -> None:
    pinned = contract(**fields)  # type: ignore[arg-type]
    assert read_contract(write_contract(pinned)) == pinned
    assert Contract.from_bytes(pinned.to_bytes()).digest() == pinned.digest()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("persistence_rows", -1),
        ("minimum_severity", 1.1),
        ("minimum_severity", float("nan")),
        ("cool_down_seconds", -1),
        ("cool_down_seconds", 10**9),
        ("renew_days_ahead", -1),
        ("budget_reserve", 1.0),
        ("budget_reserve", "half"),
        ("subgroups_first", "perhaps"),
    ],
)
def test_a_value_out_of_range_is_refused_by_the_name_of_its_field(field: str, value: object) -> None:
    with pytest.raises(ContractError, match=field):
        Regeneration.from_document({field: value})


def test_subgroups_cannot_be_slower_than_the_others() -> None:
    with pytest.raises(ContractError, match="subgroups would come last"):
        Regeneration.from_document({"debounce_rows": 100, "subgroup_debounce_rows": 101})


def test_a_release_cannot_be_renewed_the_moment_it_is_certified() -> None:
    document = contract(valid_days=7, renew_days_ahead=6).document()
    document["policy"]["regeneration"]["renew_days_ahead"] = 7
    with pytest.raises(ContractError, match="every release would be renewed at once"):
        Contract.from_document(document)
