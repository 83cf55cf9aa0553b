from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.accounting import epsilon_of
from schemas.certificate import Statement
from schemas.events import Event
from schemas.events.budget import RunEnded
from schemas.events.commands import CommandRefused
from schemas.events.plans import Ticked
from schemas.events.releases import CheckFailed, IncidentClosed, IncidentOpened, ReleaseMoved, Status
from schemas.events.runs import CandidateRejected
from schemas.model import epsilon_text
from stream_app.core.fingerprint import fingerprint
from stream_app.core.register import Register
from stream_app.core.registry import initial, step
from stream_app.core.transparency import root, root_of
from stream_app.core.unsigned import CheckpointAdvanced, KeysCondemned, StatementDrawn, StatusDrawn
from tests.events import DAY, Log, artefact, cleared, command, contract, dossier, noise, report, request


class Desk:
    """A register with its log; ``do`` appends an event and remembers the facts."""

    def __init__(self) -> None:
        self.log, self.register, self.facts = Log(), initial("flights"), list[Event]()

    def do(self, *events: Event, after_ms: int = 1000) -> tuple[Event, ...]:
        told: tuple[Event, ...] = ()
        for event in events:
            self.register, told = step(self.register, self.log.append(event, after_ms))
            self.facts += told
        return told

    def states(self) -> dict[str, str]:
        return {release.release_id[8:]: release.state for release in self.register.releases}

    def current(self) -> str | None:
        current = self.register.current
        return None if current is None else current.release_id[8:]

    def statements(self) -> list[Statement]:
        return [fact.statement for fact in self.facts if isinstance(fact, StatementDrawn)]

    def statuses(self) -> list[Status]:
        return [fact.status for fact in self.facts if isinstance(fact, StatusDrawn)]


def candidate(name: str, attempt: int = 1, **changes: Any) -> Event:
    return cleared(dossier(request(f"flights.{name}", attempt, **changes)))


def on(kind: str, name: str, role: str = "responder", **fields: Any) -> Event:
    return command(kind, release_id=f"flights.{name}", role=role, **fields)


def revoke(name: str) -> Event:
    return on("revoke", name, reason="privacy")


def tick(name: str = "t") -> Ticked:
    return Ticked(event_id=name, target="flights")


def told(facts: tuple[Event, ...], kind: type[Event]) -> list[Any]:
    return [fact for fact in facts if isinstance(fact, kind)]


def test_a_cleared_candidate_is_certified_with_what_was_recorded() -> None:
    desk = Desk()
    facts = desk.do(candidate("a"))
    predicate = desk.statements()[0].predicate
    assert predicate.privacy.epsilon == epsilon_text(epsilon_of((noise(),), 1e-5))
    assert predicate.privacy.mechanisms == (noise(),)
    assert predicate.expires_at - predicate.certified_at == 90 * DAY
    assert any("outside the guarantee" in text for text in predicate.limitations)
    assert desk.statements()[0].subject[0].digests.sha256 == artefact("flights.a.1.data").sha256
    checkpoint = told(facts, CheckpointAdvanced)[0]
    assert checkpoint.root == root([bytes.fromhex(desk.statements()[0].digest())]).hex()
    assert (desk.current(), desk.statuses()[-1].version, told(facts, ReleaseMoved)[-1].state) == ("a.1", 1, "certified")


def test_the_newer_release_supersedes_and_a_repeat_makes_no_second_certificate() -> None:
    desk = Desk()
    desk.do(candidate("a"), candidate("b"), candidate("a"), cleared(dossier(request("flights.b")), "another-id"))
    assert desk.states() == {"a.1": "superseded", "b.1": "certified"}
    assert (
        len(desk.statements()) == len({each.predicate.release_id for each in desk.statements()}) + 1
    )  # the repeat's own facts
    leaves = dict.fromkeys(each.digest() for each in desk.statements())
    assert root_of(desk.register.frontier) == root([bytes.fromhex(leaf) for leaf in leaves])


@pytest.mark.parametrize(
    "broken",
    [
        dossier(utility=None),
        dossier(privacy=report("privacy", "FAIL")),
        dossier(schema_report=report("privacy")),
        dossier(training=None),
        dossier(utility=report("utility", "INSUFFICIENT")),
        dossier(request(contract_digest="0" * 64)),
        dossier(request(dataset="trains")),
        dossier(request(mechanisms=()), training=dossier().training),
        dossier(request(of=contract(confirmed=False))),
        dossier(request(mechanisms=(noise(0.5),)), training=dossier().training),
        dossier(request(mechanisms=(), reuse=artefact("old.model"), earned=(noise(),)), training=dossier().training),
        dossier(request(family="other"), training=dossier().training),
    ],
    ids=[
        "no utility report",
        "privacy failed",
        "another gate's report",
        "untrained",
        "insufficient",
        "wrong contract digest",
        "another dataset",
        "formal without grant",
        "unconfirmed domains",
        "more than granted",
        "another model",
        "another family",
    ],
)
def test_a_candidate_with_a_broken_dossier_is_refused_with_an_incident(broken: Any) -> None:
    desk = Desk()
    event = cleared(broken).model_copy(update={"dataset": "flights"})
    facts = desk.do(event)
    assert desk.statements() == []
    assert desk.current() is None
    assert told(facts, IncidentOpened)[0].severity == "high"
    heard = told(facts, CandidateRejected if broken.training is None else ReleaseMoved)
    assert len(heard) == 1


def test_an_external_tier_sees_verdicts_only_and_an_empirical_claim_no_epsilon() -> None:
    desk = Desk()
    pinned = contract(tier="partners", claim="empirical", timing="schedule")
    desk.do(candidate("a", of=pinned, mechanisms=()))
    predicate = desk.statements()[0].predicate
    assert all((gate.value, gate.interval, gate.limit) == (None, None, None) for gate in predicate.gates)
    assert (predicate.privacy.epsilon, predicate.privacy.scope_epsilon, predicate.privacy.delta) == (None, None, None)
    assert any("No formal privacy guarantee" in text for text in predicate.limitations)


@pytest.mark.parametrize(
    ("timing", "text", "limited"),
    [
        ("private", "private test (sparse vector) of epsilon 0.1 for all its looks", False),
        ("raw", "outside the guarantee", True),
        ("schedule", "fixed in advance", False),
    ],
)
def test_the_certificate_says_what_decided_the_time_and_what_that_cost(timing: str, text: str, limited: bool) -> None:
    desk = Desk()
    desk.do(candidate("a", of=contract(timing=timing)))
    predicate = desk.statements()[0].predicate
    assert text in predicate.privacy.timing
    assert any("raw stream" in limitation for limitation in predicate.limitations) == limited


@pytest.mark.parametrize(("found", "stated"), [(0.00213, 0.003), (0.02, 0.02), (0.0961, 0.1), (1.0, 1.0), (0.0, 0.0)])
def test_every_tier_reads_how_small_a_leak_the_gates_see_rounded_up(found: float, stated: float) -> None:
    desk, privacy = Desk(), report("privacy")
    seen = privacy.findings[0].model_copy(update={"metric": "leak_detectable_share", "value": found})
    pinned = contract(tier="partners", timing="schedule")
    desk.do(cleared(dossier(request("flights.a", contract=pinned, contract_digest=pinned.digest()),
                            privacy=privacy.model_copy(update={"findings": (*privacy.findings, seen)}))))  # fmt: skip
    assert desk.statements()[0].predicate.smallest_leak_seen == stated


def test_a_model_sampled_again_carries_what_it_earned() -> None:
    desk = Desk()
    facts = desk.do(candidate("a", mechanisms=(), reuse=artefact("old.model"), earned=(noise(2.0),)))
    assert desk.statements()[0].predicate.privacy.epsilon == epsilon_text(epsilon_of((noise(2.0),), 1e-5))
    assert told(facts, ReleaseMoved)[-1].training.mechanisms == (noise(2.0),)


def test_every_role_of_the_tier_signs_with_a_key_of_its_own() -> None:
    desk = Desk()
    desk.do(candidate("a", of=contract(approvals=("privacy_officer", "legal"))))
    assert desk.states() == {"a.1": "awaiting_approval"}
    assert told(desk.do(on("approve", "a.1", "owner")), CommandRefused)
    desk.do(on("approve", "a.1", "privacy_officer", keyid="k1"))
    assert told(desk.do(on("approve", "a.1", "privacy_officer", keyid="k2")), CommandRefused)
    assert "one key" in told(desk.do(on("approve", "a.1", "legal", keyid="k1")), CommandRefused)[0].reason
    assert desk.statements() == []
    desk.do(on("approve", "a.1", "legal", keyid="k3"))
    assert desk.statements()[0].predicate.approvals == ("privacy_officer:k1", "legal:k3")


def test_a_person_may_reject_what_waits() -> None:
    desk = Desk()
    desk.do(
        candidate("a", of=contract(approvals=("legal",))), on("reject", "a.1", "legal"), on("approve", "a.1", "legal")
    )
    assert (desk.states(), desk.statements()) == ({"a.1": "rejected"}, [])


def test_revoking_the_current_release_restores_the_newest_good_older_one() -> None:
    desk = Desk()
    desk.do(candidate("a"), candidate("b"), candidate("c"), candidate("d"), revoke("c.1"))
    facts = desk.do(revoke("d.1"))
    assert desk.states() == {"a.1": "superseded", "b.1": "certified", "c.1": "revoked", "d.1": "revoked"}
    assert told(facts, KeysCondemned)[0].artefact_ids == ("flights.d.1.data", "flights.d.1.model")
    assert told(facts, IncidentOpened)[0].restored == "flights.b.1"
    assert {fact.release_id: fact.state for fact in told(facts, ReleaseMoved)} == {
        "flights.d.1": "revoked",
        "flights.b.1": "certified",
    }
    assert facts[0] == told(facts, KeysCondemned)[0], "keys go before anything is told"


def test_a_revocation_holds_for_a_release_that_comes_later() -> None:
    desk = Desk()
    desk.do(revoke("a.1"))
    facts = desk.do(candidate("a"))
    assert (desk.states(), desk.statements(), desk.current()) == ({"a.1": "revoked"}, [], None)
    assert len(told(facts, KeysCondemned)) == 1
    assert told(facts, ReleaseMoved)[0].state == "revoked"


def test_revoke_wins_over_a_pending_approval_and_over_a_rollback() -> None:
    desk = Desk()
    desk.do(
        candidate("a"), candidate("b", of=contract(approvals=("legal",))), revoke("b.1"), on("approve", "b.1", "legal")
    )
    desk.do(revoke("a.1"), on("roll_back", "a.1"), on("unfreeze", "a.1"), on("retire", "a.1", "operator"))
    assert (desk.states(), desk.current()) == ({"a.1": "revoked", "b.1": "revoked"}, None)


def test_an_ordered_rollback_names_an_older_good_release_in_a_newer_status() -> None:
    desk = Desk()
    desk.do(candidate("a"), candidate("b"), on("roll_back", "a.1"))
    assert desk.states() == {"a.1": "certified", "b.1": "certified"}
    assert [status.current for status in desk.statuses()] == ["flights.a.1", "flights.b.1", "flights.a.1"]
    assert [status.version for status in desk.statuses()] == [1, 2, 3]
    assert told(desk.do(on("roll_back", "a.1", nonce="2")), CommandRefused)
    desk.do(revoke("a.1"))
    assert desk.current() is None, "the release that was rolled back from does not return by itself"
    desk.do(on("roll_back", "b.1"))
    assert desk.current() == "b.1"


def test_a_frozen_release_steps_aside_until_it_is_unfrozen() -> None:
    desk = Desk()
    desk.do(candidate("a"), candidate("b"), on("freeze", "b.1"))
    assert (desk.current(), desk.states()) == ("a.1", {"a.1": "certified", "b.1": "frozen"})
    desk.do(on("unfreeze", "b.1"))
    assert (desk.current(), desk.states()) == ("b.1", {"a.1": "superseded", "b.1": "certified"})


def test_a_release_frozen_before_it_came_waits_and_its_approvals_count() -> None:
    desk = Desk()
    desk.do(on("freeze", "a.1"), candidate("a", of=contract(approvals=("legal",))), on("approve", "a.1", "legal"))
    assert desk.states() == {"a.1": "frozen"}
    desk.do(on("unfreeze", "a.1"))
    assert desk.states() == {"a.1": "certified"}


def test_a_frozen_dataset_certifies_nothing_until_it_is_unfrozen() -> None:
    desk = Desk()
    desk.do(candidate("a"), command("freeze", role="responder"), candidate("b"), candidate("c"))
    assert (desk.current(), desk.statuses()[-1].frozen) == ("a.1", True)
    desk.do(command("unfreeze", role="responder"))
    assert desk.states() == {"a.1": "superseded", "b.1": "superseded", "c.1": "certified"}


def test_expiry_comes_by_a_tick_and_every_tick_is_a_heartbeat() -> None:
    desk = Desk()
    desk.do(candidate("a"))
    status = told(desk.do(tick("1")), StatusDrawn)[0].status
    assert (status.version, status.current, status.as_of) == (2, "flights.a.1", desk.log.at)
    facts = desk.do(tick("2"), after_ms=90 * DAY)
    assert (desk.states(), desk.current(), told(facts, ReleaseMoved)[0].state) == ({"a.1": "expired"}, None, "expired")


def test_a_broker_clock_that_steps_back_brings_nothing_back() -> None:
    desk = Desk()
    desk.do(candidate("a"))
    desk.do(tick("1"), after_ms=91 * DAY)
    desk.do(tick("2"), after_ms=-91 * DAY)
    assert desk.states() == {"a.1": "expired"}
    assert desk.statuses()[-1].as_of >= desk.statuses()[-2].as_of


def test_candidates_of_an_ended_run_or_without_access_come_too_late() -> None:
    desk = Desk()
    desk.do(
        RunEnded(event_id="e", scope="pool", dataset="flights", run_id="flights.a", outcome="cancelled"), candidate("a")
    )
    desk.do(candidate("b", of=contract(approvals=("legal",))), command("withdraw_access", role="owner"), candidate("c"))
    desk.do(on("approve", "b.1", "legal"), command("grant_access", role="owner"), candidate("d"))
    assert desk.states() == {"a.1": "rejected", "b.1": "rejected", "c.1": "rejected", "d.1": "certified"}


def test_a_run_gets_one_certified_release() -> None:
    desk = Desk()
    desk.do(candidate("a"), candidate("a", 2), revoke("a.1"), candidate("a", 3))
    assert desk.states() == {"a.1": "revoked", "a.2": "rejected", "a.3": "rejected"}


def test_of_two_attempts_of_a_run_that_wait_only_one_is_certified() -> None:
    desk, pinned = Desk(), contract(approvals=("legal",))
    desk.do(
        candidate("a", of=pinned),
        candidate("a", 2, of=pinned),
        on("approve", "a.2", "legal"),
        on("approve", "a.1", "legal"),
    )
    assert desk.states() == {"a.1": "rejected", "a.2": "certified"}


def test_a_failed_check_opens_one_incident_until_it_is_reviewed() -> None:
    desk = Desk()
    desk.do(candidate("a"))
    checks = [
        CheckFailed(event_id=f"c{n}", dataset="flights", release_id="flights.a.1", metric=metric, value=0.5, limit=0.85)
        for n, metric in enumerate(("tstr_ratio", "coverage", "tstr_ratio"))
    ]
    opened = told(desk.do(checks[0]), IncidentOpened)[0]
    assert not desk.do(checks[1])
    closed = told(
        desk.do(command("close_review", incident_id=opened.incident_id, role="responder", comment="seen")),
        IncidentClosed,
    )
    assert (closed[0].keyid, closed[0].note) == ("responder", "seen")
    assert told(desk.do(checks[2]), IncidentOpened)
    assert told(desk.do(command("close_review", incident_id="nothing", role="responder")), CommandRefused)


def attacked(name: str, event_id: str = "attack", **changes: Any) -> CheckFailed:
    fields: dict[str, Any] = {"gate": "privacy", "look": 2, "metric": "copied_rows", "value": 1e-9, "limit": 0.0025}
    return CheckFailed(event_id=event_id, dataset="flights", release_id=f"flights.{name}", **(fields | changes))


def test_a_release_that_gives_way_to_an_attack_is_frozen_until_a_person_decides() -> None:
    desk = Desk()
    desk.do(candidate("a"), candidate("b"))
    facts = desk.do(attacked("b.1"))
    assert (desk.states(), desk.current()) == ({"a.1": "certified", "b.1": "frozen"}, "a.1")
    incident = told(facts, IncidentOpened)[0]
    assert (incident.severity, incident.release_id, incident.restored) == ("high", "flights.b.1", "flights.a.1")
    shown = desk.statuses()[-1].releases[1].reason
    assert (shown, "0.0025" in incident.summary) == ("an attack succeeded: copied_rows", True)
    assert not told(desk.do(attacked("b.1", "again", metric="linkability")), IncidentOpened)
    desk.do(on("approve", "b.1", "legal"), on("approve", "b.1", "privacy_officer"), tick("1"))
    assert desk.states()["b.1"] == "frozen"
    desk.do(on("unfreeze", "b.1"))
    assert desk.current() == "b.1"


def test_an_attack_names_the_releases_of_the_same_model_that_stand_in() -> None:
    desk = Desk()
    desk.do(candidate("a"))
    model = artefact("flights.a.1.model")
    desk.do(candidate("b", mechanisms=(), reuse=model, earned=(noise(),)))
    assert "flights.a.1" in told(desk.do(attacked("b.1")), IncidentOpened)[0].summary.partition("same model")[2]


@pytest.mark.parametrize("before", [revoke("a.1"), on("retire", "a.1"), None], ids=["revoked", "retired", "unknown"])
def test_an_attack_on_a_release_that_is_not_in_use_changes_nothing(before: Event | None) -> None:
    desk = Desk()
    desk.do(*([] if before is None else [candidate("a"), before]))
    assert desk.do(attacked("a.1")) == ()


def test_a_revocation_wins_over_the_freeze_of_an_attack_in_either_order() -> None:
    for order in ([attacked("a.1"), revoke("a.1")], [revoke("a.1"), attacked("a.1")]):
        desk = Desk()
        desk.do(candidate("a"), *order, on("unfreeze", "a.1"), on("approve", "a.1", "legal"))
        assert (desk.states(), desk.current()) == ({"a.1": "revoked"}, None)


def test_an_attack_on_a_release_that_a_person_froze_opens_its_incident() -> None:
    desk = Desk()
    desk.do(candidate("a"), on("freeze", "a.1"))
    assert told(desk.do(attacked("a.1")), IncidentOpened)[0].severity == "high"
    assert desk.states() == {"a.1": "frozen"}


def test_an_incident_that_another_station_opened_is_closed_by_a_review_here() -> None:
    desk = Desk()
    opened = IncidentOpened(event_id="o", dataset="flights", incident_id="of-the-planner", severity="high", summary="s")
    assert not told(desk.do(opened, opened.model_copy(update={"event_id": "again"})), IncidentOpened)
    review = command("close_review", incident_id="of-the-planner", role="responder")
    assert told(desk.do(review), IncidentClosed)[0].incident_id == "of-the-planner"
    again = command("close_review", incident_id="of-the-planner", role="responder", nonce="2")
    assert told(desk.do(again), CommandRefused)


def test_a_command_for_another_dataset_changes_nothing() -> None:
    desk = Desk()
    desk.do(candidate("a"))
    assert desk.do(on("revoke", "a.1", reason="privacy", dataset="trains")) == ()
    assert desk.current() == "a.1"


NAMES = st.sampled_from(["a", "b", "c"])
RELEASES = st.builds(lambda name, attempt: f"{name}.{attempt}", NAMES, st.integers(1, 2))
CANDIDATES = st.builds(
    lambda name, attempt, approvals: candidate(name, attempt, of=contract(approvals=approvals)),
    NAMES,
    st.integers(1, 2),
    st.sampled_from([(), ("legal",), ("legal", "privacy_officer")]),
)
ORDERS = st.builds(
    lambda kind, name, role, nonce: on(kind, name, role, nonce=nonce),
    st.sampled_from(["approve", "reject", "freeze", "unfreeze", "roll_back", "retire"]),
    RELEASES,
    st.sampled_from(["legal", "privacy_officer"]),
    st.sampled_from(["1", "2"]),
)
WHOLE = st.builds(
    lambda kind, nonce: command(kind, nonce=nonce),
    st.sampled_from(["freeze", "unfreeze", "withdraw_access", "grant_access"]),
    st.sampled_from(["1", "2"]),
)
HISTORY = st.lists(
    st.tuples(
        st.one_of(
            CANDIDATES,
            CANDIDATES,
            ORDERS,
            WHOLE,
            st.builds(revoke, RELEASES),
            st.builds(attacked, RELEASES, st.sampled_from(["x", "y"])),
            st.builds(tick, st.sampled_from("123")),
        ),
        st.sampled_from([1, 1000, 50 * DAY, -DAY]),
    ),
    max_size=30,
)


@settings(max_examples=80, deadline=None)
@given(HISTORY)
def test_no_order_brings_a_revoked_release_back_or_makes_two_certificates(history: list[tuple[Event, int]]) -> None:
    desk, revoked, version = Desk(), set[str](), -1
    for event, after_ms in history:
        facts = desk.do(event, after_ms=after_ms)
        revoked |= {release.release_id for release in desk.register.releases if release.state == "revoked"}
        assert all(release.state == "revoked" for release in desk.register.releases if release.release_id in revoked)
        for status in (
            fact.status for fact in facts if isinstance(fact, StatusDrawn) and fact.status.version > version
        ):
            assert status.current not in revoked
            version = status.version
        state = desk.register.current
        assert state is None or state.state == "certified"
    names = {statement.digest(): statement.predicate.release_id for statement in desk.statements()}
    assert len(names) == len(set(names.values())) == desk.register.certified
    again: Register = initial("flights")
    for entry in desk.log.entries:
        again, _ = step(again, entry)
    assert fingerprint(again) == fingerprint(desk.register)
    for entry in desk.log.entries:
        assert step(again, entry)[0] is again
