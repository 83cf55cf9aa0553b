from stream_app.core.plan import Plan
from tests.events import DAY, command, contract, drift, noise
from tests.office import Office, moved, tick


def standing(ahead: int = 2, valid: int = 10, **policy: object) -> Office:
    """A release that was certified just now, and nothing in flight."""
    office = Office(contract(valid_days=valid, renew_days_ahead=ahead, **policy))  # type: ignore[arg-type]
    office.certify()
    return office


def expiring(plan: Plan) -> str:
    assert plan.standing is not None
    return plan.standing.release_id


def test_a_release_is_renewed_so_many_days_ahead_and_an_unchanged_distribution_costs_nothing() -> None:
    office = standing()
    first = expiring(office.plan)
    assert office.do(tick("1"), after_ms=8 * DAY - 1) == ()
    office.do(tick("2"), after_ms=1)
    request = office.request
    assert (request.trigger, request.origin) == (f"release {first} expires within 2 days", "expiry")
    assert (request.mechanisms, request.earned, request.reuse is None) == ((), (noise(),), False)
    office.certify()
    assert office.do(tick("3"), after_ms=2 * DAY) == (), "the renewed release has days left of its own"


def test_drift_since_the_release_means_that_renewing_is_paid_for() -> None:
    office = standing(minimum_severity=1.0)
    office.do(drift(5000, severity=0.1))
    office.do(tick("1"), after_ms=8 * DAY)
    assert (office.request.reuse, office.request.mechanisms) == (None, (noise(),))
    assert office.request.source == drift(5000).window


def test_a_renewal_that_brought_nothing_is_tried_once_more_when_the_release_has_expired() -> None:
    office = standing()
    office.do(tick("1"), after_ms=8 * DAY)
    office.do(command("cancel_run", run_id=office.request.run_id))
    assert office.do(tick("2"), after_ms=DAY) == ()
    office.do(tick("3"), after_ms=DAY)
    assert office.request.trigger.endswith("expired")
    office.do(command("cancel_run", run_id=office.request.run_id))
    assert office.do(tick("4"), after_ms=DAY) == ()


def test_a_renewal_in_flight_when_the_release_expires_makes_the_second_pointless() -> None:
    office = standing()
    office.do(tick("1"), after_ms=8 * DAY)
    request, old = office.request, office.requests()[0]
    office.do(tick("2"), after_ms=2 * DAY)
    assert office.plan.waiting is not None
    office.do(moved(request), moved(old, "superseded"))
    assert (office.plan.run, office.dismissals()[-1]) == (None, "a newer release stands in its place")


def test_a_pause_only_puts_a_renewal_off() -> None:
    office = standing()
    office.do(drift(5000, kind="schema", window=None))
    before = len(office.facts)
    office.do(tick("1"), after_ms=8 * DAY)
    assert len(office.facts) == before
    office.do(command("unfreeze", role="responder"), tick("2"))
    assert office.request.origin == "expiry"
