import pytest

from schemas.events import Event
from schemas.events.budget import SpendRefused
from schemas.events.releases import CheckFailed
from stream_app.core.planner import Planner
from tests.events import DAY, Selection, artefact, command, contract, dossier, drift, noise, profile, rejected, source
from tests.office import Office, apply, moved, outcomes, start, tick


def test_an_unchanged_distribution_is_sampled_again_for_nothing() -> None:
    office = Office()
    first = office.request
    office.certify()
    office.do(start(rows=50, where=[{"column": "late", "value": 1, "share": 0.2}]))
    again = office.request
    assert (again.mechanisms, again.earned, again.reuse) == (
        (),
        first.mechanisms,
        artefact(f"{first.release_id}.model"),
    )
    assert (again.rows, again.where[0].share, again.family) == (50, 0.2, "private")
    office.certify()
    office.do(start("2"))
    assert (office.request.reuse, office.request.earned) == (again.reuse, again.earned)


@pytest.mark.parametrize(
    "between",
    [
        [start("f", family="second")],
        [drift(5000)],
        [profile("february")],
        [apply(contract(version="2.0.0"))],
        [CheckFailed(event_id="c", dataset="flights", release_id="flights.other", metric="m", value=1, limit=2)],
    ],
    ids=["another family", "drift", "new snapshot", "new contract", "failed check"],
)
def test_anything_that_changed_means_a_fresh_fit(between: list[Event]) -> None:
    office = Office()
    office.certify()
    office.do(*between)
    if office.plan.run is None:
        office.do(start())
    assert (office.request.reuse, bool(office.request.mechanisms)) == (None, True)


FOLLOWING = Planner(Selection(follows=True))


def test_a_fit_after_drift_goes_on_from_the_release_in_use() -> None:
    office = Office(planner=FOLLOWING)
    first = office.request
    assert first.prior is None
    office.certify()
    office.do(drift(5000))
    assert (office.request.reuse, office.request.prior) == (None, artefact(f"{first.release_id}.model"))
    assert office.request.mechanisms == (noise(),)
    office.refuse()
    assert (office.request.attempt, office.request.prior) == (2, None)


@pytest.mark.parametrize("case", ["revoked", "new contract", "another family", "sampled again", "family without"])
def test_a_fit_goes_on_from_no_doubted_or_foreign_model(case: str) -> None:
    office = Office(planner=None if case == "family without" else FOLLOWING)
    first = office.request
    office.certify()
    between: dict[str, tuple[Event, ...]] = {
        "revoked": (moved(first, "revoked"), start()),
        "new contract": (apply(contract(version="2.0.0")), start()),
        "another family": (start(family="second"),),
        "sampled again": (start(),),
        "family without": (drift(5000),),
    }
    office.do(*between[case])
    assert office.request.prior is None
    assert (office.request.reuse is not None) == (case == "sampled again")


def test_a_model_of_a_revoked_release_is_never_sampled_again() -> None:
    office = Office()
    first = office.request
    office.certify()
    office.do(start())
    second = office.request
    office.certify()
    office.do(
        moved(second, "revoked"), moved(first, "certified").model_copy(update={"event_id": "restored"}), start("2")
    )
    assert office.request.reuse is None


def test_a_sample_that_the_gates_refuse_is_followed_by_a_fresh_fit() -> None:
    office = Office()
    office.certify()
    office.do(start())
    office.refuse()
    assert (office.request.attempt, office.request.reuse, office.request.mechanisms) == (2, None, (noise(),))


def test_the_ladder_is_climbed_with_a_spend_for_each_attempt_until_nothing_is_left() -> None:
    office = Office()
    office.refuse()
    office.refuse()
    facts = office.refuse()
    assert [(request.attempt, request.family) for request in office.requests()] == [
        (1, "private"),
        (2, "second"),
        (3, "third"),
    ]
    assert len({request.release_id for request in office.requests()}) == 3
    assert outcomes(facts) == ["rejected"]
    assert "the contract allows 3 attempts" in office.dismissals()[-1]


def test_a_late_rejection_of_an_earlier_attempt_is_ignored() -> None:
    office = Office()
    first = dossier(office.request)
    office.refuse()
    assert office.do(rejected(first).model_copy(update={"event_id": "late"})) == ()
    assert (office.request.attempt, len(office.requests())) == (2, 2)


def test_nothing_left_to_try_ends_the_run() -> None:
    office = Office(contract(max_attempts=10))
    for _ in range(3):
        office.refuse()
    assert office.plan.run is None
    assert "nothing is left to try" in office.dismissals()[-1]


def test_insufficient_evidence_ends_the_run_because_another_draw_could_only_pass_by_chance() -> None:
    office = Office()
    office.do(rejected(dossier(office.request), verdict="INSUFFICIENT"))
    assert office.plan.run is None
    assert len(office.requests()) == 1
    assert "more rows are needed" in office.dismissals()[-1]


def test_a_leaking_control_is_followed_by_the_default_family() -> None:
    office = Office()
    office.certify()
    office.do(start(family="leaking"))
    assert office.request.family == "leaking"
    office.refuse()
    assert (office.request.family, office.request.attempt) == ("private", 2)


def test_a_family_that_does_not_exist_is_dismissed_with_the_reason() -> None:
    office = Office()
    office.certify()
    office.do(start(family="nonsense"))
    assert (office.plan.run, office.dismissals()) == (None, ["no such family"])


def test_a_refused_spend_ends_the_run_and_lets_the_next_one_start() -> None:
    office = Office()
    refused = SpendRefused.model_validate(
        {
            "event_id": "r",
            "scope": "pool",
            "sequence": 3,
            "decides": "x",
            "dataset": "flights",
            "epsilon_before": "4",
            "epsilon_after": "5",
            "cap_epsilon": "4",
            "delta": 1e-5,
            "request": office.request,
            "reason": "over the cap",
        }
    )
    office.do(start())
    facts = office.do(refused)
    assert outcomes(facts) == ["failed"]
    assert "over the cap" in office.dismissals()[-1]
    assert office.request.trigger == "run requested"
    assert office.do(refused.model_copy(update={"event_id": "late"})) == ()


def test_a_cancelled_run_ignores_what_still_comes_of_it() -> None:
    office = Office()
    request = office.request
    facts = office.do(command("cancel_run", run_id=request.run_id))
    assert outcomes(facts) == ["cancelled"]
    assert office.do(rejected(dossier(request))) == ()
    office.do(command("cancel_run", run_id=request.run_id, nonce="2"))
    assert "no such run" in office.dismissals()[-1]


def test_withdrawn_access_cancels_the_run_in_flight_and_what_waits() -> None:
    office = Office()
    office.do(drift(2000))
    facts = office.do(command("withdraw_access", role="owner"))
    assert (outcomes(facts), office.plan.run, office.plan.waiting) == (["cancelled"], None, None)
    office.do(command("grant_access", role="owner"), start())
    assert office.request.attempt == 1


def test_a_frozen_dataset_starts_no_further_attempt() -> None:
    office = Office()
    office.do(command("freeze", role="responder"))
    assert outcomes(office.refuse()) == ["rejected"]
    office.do(command("unfreeze", role="responder"), start())
    assert office.plan.run is not None
    office.do(command("freeze", role="responder", release_id="flights.a.1"))
    assert not office.plan.frozen


def test_a_release_that_a_person_rejects_or_revokes_ends_its_run() -> None:
    for state in ("rejected", "revoked"):
        office = Office()
        office.certify("awaiting_approval")
        assert office.plan.run is not None
        assert outcomes(office.certify(state)) == ["rejected"]


def test_expiry_samples_again_once_where_nothing_changed() -> None:
    office = Office(contract(valid_days=1))
    office.certify()
    assert office.do(tick("1")) == ()
    office.do(tick("2"), after_ms=DAY)
    assert (office.request.trigger.endswith("expired"), office.request.mechanisms) == (True, ())
    assert office.do(tick("3")) == ()
    frozen = Office(contract(valid_days=1))
    frozen.certify()
    frozen.do(command("freeze", role="responder"), tick("1"), after_ms=DAY)
    assert frozen.dismissals() == []
    frozen.do(command("unfreeze", role="responder"), tick("2"))
    assert frozen.plan.run is not None
    idle = Office(contract(valid_days=1, on_expiry=False))
    idle.certify()
    assert idle.do(tick(), after_ms=DAY) == ()


def test_a_failed_check_regenerates_while_the_release_is_in_use() -> None:
    office = Office()
    release_id = office.request.release_id
    office.certify()
    failed = CheckFailed(
        event_id="c1", dataset="flights", release_id=release_id, metric="tstr_ratio", value=0.5, limit=0.85
    )
    office.do(failed)
    assert (office.request.trigger.startswith("check failed: tstr_ratio"), office.request.reuse) == (True, None)
    office.certify()
    office.do(moved(office.requests()[0], "superseded"), failed.model_copy(update={"event_id": "c2"}))
    assert "no longer in use" in office.dismissals()[-1]


def attacked(release_id: str, event_id: str = "attack") -> CheckFailed:
    return CheckFailed(
        event_id=event_id, dataset="flights", release_id=release_id, metric="copied_rows", value=0, limit=0.01,
        gate="privacy", look=2,
    )  # fmt: skip


@pytest.mark.parametrize("frozen_first", [False, True], ids=["check first", "freeze first"])
def test_a_release_that_gave_way_to_an_attack_is_made_anew_though_it_is_frozen(frozen_first: bool) -> None:
    office = Office()
    first = office.request
    office.certify()
    events = [attacked(first.release_id), moved(first, "frozen")]
    office.do(*(events[::-1] if frozen_first else events))
    assert (office.request.trigger.startswith("check failed: copied_rows"), office.request.reuse) == (True, None)
    office.do(attacked(first.release_id, "again"))
    assert "in flight already" in office.dismissals()[-1]
    office.refuse()
    assert office.request.attempt == 2


@pytest.mark.parametrize("timing", ["raw", "schedule", "private"])
def test_a_model_that_gave_way_to_an_attack_is_never_sampled_again(timing: str) -> None:
    office = Office(contract(timing=timing))
    first = office.request
    office.certify()
    office.do(attacked(first.release_id), moved(first, "frozen"))
    office.do(moved(first, "certified").model_copy(update={"event_id": "unfrozen"}), start())
    assert (office.request.reuse, bool(office.request.mechanisms)) == (None, True)


@pytest.mark.parametrize("timing", ["schedule", "private"])
def test_where_rows_may_not_decide_the_time_a_failed_check_starts_nothing(timing: str) -> None:
    office = Office(contract(timing=timing))
    first = office.request
    office.certify()
    before = office.plan.latest
    degraded = attacked(first.release_id, "utility").model_copy(update={"gate": "utility", "window": source("w", 900)})
    office.do(attacked(first.release_id), degraded)
    assert (office.plan.run, office.plan.latest) == (None, before)
    assert all("timing does not allow" in reason for reason in office.dismissals()[-2:])


def test_a_release_that_degraded_is_made_anew_from_the_rows_that_showed_it() -> None:
    office = Office()
    first = office.request
    office.certify()
    degraded = attacked(first.release_id).model_copy(update={"gate": "utility", "window": source("live", 900)})
    office.do(degraded)
    assert office.request.source == source("live", 900)


def test_rows_that_came_after_the_release_are_not_displaced_by_an_older_window() -> None:
    office = Office()
    first = office.request
    office.certify()
    office.do(profile("february"))
    degraded = attacked(first.release_id).model_copy(update={"gate": "utility", "window": source("live", 900)})
    office.do(degraded)
    assert office.plan.latest == source("february")
