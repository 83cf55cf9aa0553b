import pytest

from schemas.events.releases import CheckFailed, IncidentOpened
from schemas.events.sources import DriftDetected
from tests.events import command, contract, drift, profile
from tests.office import Office, apply, outcomes, start


def changed(row: int = 5000, *columns: str) -> DriftDetected:
    return drift(row, kind="schema", window=None, columns=columns or ("late",), event_id=f"schema-{row}-{len(columns)}")


def unfreeze(nonce: str = "") -> object:
    return command("unfreeze", role="responder", nonce=nonce)


def quiet(**policy: object) -> Office:
    office = Office(contract(**policy))  # type: ignore[arg-type]
    office.certify()
    return office


def failed(metric: str, release_id: str, **changes: object) -> CheckFailed:
    fields = {"event_id": f"{metric}-{release_id}", "dataset": "flights", "release_id": release_id}
    return CheckFailed.model_validate(fields | {"metric": metric, "value": 0.5, "limit": 0.85} | changes)


def test_changed_columns_open_one_incident_that_says_what_to_do() -> None:
    office = quiet()
    facts = office.do(changed(5000, "early", "late"))
    (opened,) = [fact for fact in facts if isinstance(fact, IncidentOpened)]
    assert (opened.dataset, opened.severity) == ("flights", "high")
    for text in ("early, late", "releases that stand stay valid", "apply a version of the contract", "unfreeze"):
        assert text in opened.summary
    assert opened.incident_id in office.dismissals()[-1]
    assert not any(isinstance(fact, IncidentOpened) for fact in office.do(changed(6000, "other")))
    assert f"paused already for changed columns: see incident {opened.incident_id}" in office.dismissals()[-1]


@pytest.mark.parametrize(
    "event",
    [drift(9000), start(), profile("february"), failed("tstr_ratio", "flights.x")],
    ids=["drift", "a person", "snapshot", "check"],
)
def test_no_run_starts_while_columns_are_not_understood(event: object) -> None:
    office = quiet()
    office.do(changed(), event)  # type: ignore[arg-type]
    assert office.plan.run is None
    assert "the dataset is paused, because its columns changed (late)" in office.dismissals()[-1]


def test_the_run_in_flight_may_end_well_but_gets_no_further_attempt() -> None:
    office = Office()
    office.do(changed())
    assert outcomes(office.certify()) == ["certified"]
    refused = Office()
    refused.do(changed())
    assert outcomes(refused.refuse()) == ["rejected"]
    assert "no further attempt, because the dataset is paused" in refused.dismissals()[-1]


def test_a_new_version_of_the_contract_ends_the_pause_and_a_rejected_one_does_not() -> None:
    office = quiet()
    office.do(changed(), apply(contract(version="1.0.0", title="changed")))
    assert office.plan.paused is not None
    office.do(apply(contract(version="1.1.0")), profile("january", digest="2" * 64))
    assert (office.plan.paused, office.request.contract.version) == (None, "1.1.0")
    office.certify()
    office.do(changed(6000))
    assert office.plan.paused is not None, "what was decided under another contract does not hold here"


def test_who_unfreezes_decides_to_go_on_with_these_columns_and_no_others() -> None:
    office = quiet()
    office.do(changed(), unfreeze(), changed(6000))  # type: ignore[arg-type]
    assert (office.plan.paused, "decided to go on" in office.dismissals()[-1]) == (None, True)
    office.do(start())
    assert office.request.reuse is None, "rows with other columns are no unchanged distribution"
    office.certify()
    office.do(changed(7000, "late", "early"))
    assert office.plan.paused is not None


def test_a_freeze_and_a_pause_end_one_after_the_other() -> None:
    office = quiet()
    office.do(command("freeze", role="responder"), changed(), unfreeze("1"))  # type: ignore[arg-type]
    assert (office.plan.frozen, office.plan.paused is None) == (False, False)
    assert "the pause for changed columns holds" in office.dismissals()[-1]
    office.do(unfreeze("2"))  # type: ignore[arg-type]
    assert office.plan.paused is None


@pytest.mark.parametrize("policy", [{"timing": "schedule"}, {"on_drift": False}], ids=["schedule", "not on drift"])
def test_changed_columns_pause_even_where_drift_starts_nothing(policy: dict[str, object]) -> None:
    office = quiet(**policy)
    office.do(changed())
    assert office.plan.paused is not None


def test_changed_columns_of_a_dataset_without_a_contract_are_dismissed() -> None:
    office = Office(started=False)
    office.do(changed())
    assert (office.plan.paused, "no contract" in office.dismissals()[-1]) == (None, True)


def test_a_subgroups_failed_check_goes_first_and_survives_what_comes_after() -> None:
    office = quiet()
    release_id = office.requests()[0].release_id
    office.do(start(family="second"))
    office.do(failed("subgroup_gap", release_id), failed("tstr_ratio", release_id))
    assert "a subgroup goes first" in office.dismissals()[-1]
    assert office.plan.waiting is not None
    assert office.plan.waiting.text.startswith("check failed: subgroup_gap")


def test_failed_checks_wait_for_a_cool_down_as_drift_does() -> None:
    office = quiet(cool_down_seconds=3600)
    office.do(failed("tstr_ratio", office.requests()[0].release_id))
    assert (office.plan.run, office.plan.waiting is None) == (None, False)
