"""What a contract says about releases in use, and the events about them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.contract import Contract
from schemas.errors import ContractError
from schemas.events.releases import CheckFailed, ReleaseChecked
from schemas.events.sources import WindowSealed
from schemas.monitoring import MonitoringPolicy
from schemas.odcs import read_contract, write_contract
from tests.events import contract, sha, source


def monitored(**fields: int) -> Contract:
    stated = contract()
    policy = stated.policy.model_copy(update={"monitoring": MonitoringPolicy(**fields)})
    return stated.model_copy(update={"policy": policy})


def test_the_default_changes_no_contract_and_no_digest() -> None:
    assert monitored() == contract()
    assert "monitoring" not in contract().document()["policy"]
    assert monitored(attack_days=7, check_rows=20_000).digest() == contract().digest()


@given(st.integers(1_000, 10**9), st.integers(1, 365))
def test_a_contract_file_reads_back_what_was_written(check_rows: int, attack_days: int) -> None:
    stated = monitored(check_rows=check_rows, attack_days=attack_days)
    assert read_contract(write_contract(stated)) == stated


@pytest.mark.parametrize("field", ["check_rows", "attack_days"])
@pytest.mark.parametrize("value", [0, -1, 10**12, 1.5, "often", None])
def test_what_makes_no_sense_is_refused_by_the_name_of_its_field(field: str, value: object) -> None:
    document = contract().document()
    document["policy"]["monitoring"] = {field: value}
    with pytest.raises(ContractError, match=f"monitoring.{field}"):
        Contract.from_document(document)


def test_a_window_ends_after_it_begins() -> None:
    fields = {"event_id": "w", "dataset": "flights", "window": source().document(), "rows": 10}
    assert WindowSealed.from_document(fields | {"first_row": 5, "last_row": 14}).reason == "check"
    with pytest.raises(ContractError):
        WindowSealed.from_document(fields | {"first_row": 14, "last_row": 5})


def test_a_failure_that_was_written_before_gates_were_told_apart_is_one_of_utility() -> None:
    old = {"event_id": "c", "dataset": "flights", "release_id": "r", "metric": "m", "value": 1.0, "limit": 2.0}
    event = CheckFailed.from_document(old)
    assert (event.gate, event.group, event.window) == ("utility", None, None)
    assert CheckFailed.from_bytes(event.to_bytes()) == event


def test_no_verdict_is_made_up() -> None:
    fields = {
        "event_id": "c", "dataset": "flights", "release_id": "r", "gate": "privacy", "cause": "suite",
        "source_sha256": sha("s"),
    }  # fmt: skip
    for verdict in ("PASS", "FAIL", "INSUFFICIENT", "INVALID", "UNREADABLE"):
        assert ReleaseChecked.from_document(fields | {"verdict": verdict}).verdict == verdict
    with pytest.raises(ContractError):
        ReleaseChecked.from_document(fields | {"verdict": "SKIPPED"})
