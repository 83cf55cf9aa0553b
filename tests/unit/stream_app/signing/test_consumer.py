"""The consumer's trust machine, refused by the name of the defect, told in the right order."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import Envelope
from schemas.errors import SignatureError
from stream_app.signing.consumer import View, changes_since, current, openable, take_certificate, take_root, take_status
from stream_app.signing.trust import sign_root, successor
from tests.unit.stream_app.signing.deployments import DAY, NOW, Deployment, key_of, state

DEPLOYMENT = Deployment()
ONE = DEPLOYMENT.certificate("flights-1", b"one", certified_at=NOW)
TWO = DEPLOYMENT.certificate("flights-2", b"two", certified_at=NOW + 1)
EMPTY = View("flights", DEPLOYMENT.trust)


def _fed(view: View, *envelopes: tuple[str, Envelope] | Envelope) -> tuple[View, list[tuple[str, str | None]]]:
    told: list[tuple[str, str | None]] = []
    for item in envelopes:
        view, changes = take_certificate(view, *item) if isinstance(item, tuple) else take_status(view, item)
        told += [(change.kind, change.release_id) for change in changes]
    return view, told


def _released() -> View:
    return _fed(EMPTY, ("flights-1", ONE), DEPLOYMENT.status(1, state(ONE), current="flights-1"))[0]


def test_a_release_is_told_once_status_and_certificate_are_here_in_either_order() -> None:
    status = DEPLOYMENT.status(1, state(ONE), current="flights-1")
    for order in ((("flights-1", ONE), status), (status, ("flights-1", ONE))):
        view, told = _fed(EMPTY, *order)
        assert ("released", "flights-1") in told
        assert current(view, NOW).statement.predicate.release_id == "flights-1"
        assert _fed(view, *order)[1] == []


def test_the_whole_story_is_told() -> None:
    view, told = _fed(
        EMPTY,
        ("flights-1", ONE),
        DEPLOYMENT.status(1, state(ONE), current="flights-1"),
        ("flights-2", TWO),
        DEPLOYMENT.status(2, state(ONE, "superseded"), state(TWO), current="flights-2"),
        DEPLOYMENT.status(3, state(ONE, "superseded"), state(TWO), current="flights-2"),
        DEPLOYMENT.status(4, state(ONE), state(TWO, "frozen"), current="flights-1"),
        DEPLOYMENT.status(5, state(ONE, "superseded"), state(TWO), current="flights-2"),
        DEPLOYMENT.status(6, state(ONE), state(TWO, "revoked", reason="privacy"), current="flights-1"),
        DEPLOYMENT.status(7, state(ONE), state(TWO, "revoked"), current="flights-1", frozen=True),
        DEPLOYMENT.status(8, state(ONE), state(TWO, "revoked"), current="flights-1"),
    )
    assert told == [
        ("released", "flights-1"),
        ("released", "flights-2"),
        ("heartbeat", "flights-2"),
        ("frozen", "flights-2"),
        ("restored", "flights-1"),
        ("unfrozen", "flights-2"),
        ("restored", "flights-2"),
        ("revoked", "flights-2"),
        ("restored", "flights-1"),
        ("frozen", None),
        ("unfrozen", None),
    ]
    assert view.revoked == {"flights-2"}


def test_an_ordered_rollback_is_followed() -> None:
    view, told = _fed(
        EMPTY,
        ("flights-1", ONE),
        ("flights-2", TWO),
        DEPLOYMENT.status(1, state(ONE, "superseded"), state(TWO), current="flights-2"),
        DEPLOYMENT.status(2, state(ONE), state(TWO), current="flights-1"),
    )
    assert told[-1] == ("restored", "flights-1")
    assert current(view, NOW).statement.predicate.release_id == "flights-1"
    assert openable(view, "flights-2", NOW)


def test_rolled_back_status() -> None:
    view, _ = _fed(_released(), DEPLOYMENT.status(5, state(ONE, "revoked"), current=None))
    with pytest.raises(SignatureError, match="rolled back"):
        take_status(view, DEPLOYMENT.status(4, state(ONE), current="flights-1"))


def test_two_statuses_of_one_version() -> None:
    with pytest.raises(SignatureError, match="two different"):
        take_status(_released(), DEPLOYMENT.status(1, state(ONE), current=None))


def test_revoked_release_given_back_by_a_newer_status() -> None:
    view, _ = _fed(_released(), DEPLOYMENT.status(2, state(ONE, "revoked")))
    with pytest.raises(SignatureError, match="gives back"):
        take_status(view, DEPLOYMENT.status(3, state(ONE), current="flights-1"))


def test_revoked_release_stays_revoked_when_a_status_leaves_it_out() -> None:
    view, _ = _fed(_released(), DEPLOYMENT.status(2, state(ONE, "revoked")), DEPLOYMENT.status(3))
    with pytest.raises(SignatureError, match="was revoked"):
        openable(view, "flights-1", NOW)


def test_status_of_another_dataset() -> None:
    with pytest.raises(SignatureError, match="another dataset"):
        take_status(EMPTY, DEPLOYMENT.status(1, dataset="trains"))


def test_certificate_of_another_dataset() -> None:
    with pytest.raises(SignatureError, match="another dataset"):
        take_certificate(EMPTY, "flights-1", DEPLOYMENT.certificate(dataset="trains"))


def test_certificate_sent_as_another_release() -> None:
    with pytest.raises(SignatureError, match="another release"):
        take_certificate(EMPTY, "flights-2", ONE)


def test_mixed_certificates() -> None:
    other = DEPLOYMENT.certificate("flights-1", b"other data")
    with pytest.raises(SignatureError, match="not the one that the status names"):
        take_certificate(_released(), "flights-1", other)
    view, told = _fed(EMPTY, ("flights-1", other), DEPLOYMENT.status(1, state(ONE), current="flights-1"))
    assert told == [("heartbeat", "flights-1")]
    with pytest.raises(SignatureError, match="has not arrived"):
        openable(view, "flights-1", NOW)
    view, told = _fed(view, ("flights-1", ONE))
    assert told == [("released", "flights-1")]
    assert openable(view, "flights-1", NOW).envelope == ONE


def test_status_that_names_no_certificate() -> None:
    view, _ = _fed(
        EMPTY, ("flights-1", ONE), DEPLOYMENT.status(1, state(ONE, certificate_sha256=None), current="flights-1")
    )
    with pytest.raises(SignatureError, match="has not arrived"):
        openable(view, "flights-1", NOW)


def test_the_status_may_name_the_certificates_file_instead_of_its_statement() -> None:
    named = state(ONE, certificate_sha256=hashlib.sha256(ONE.to_bytes()).hexdigest())
    view, _ = _fed(EMPTY, ("flights-1", ONE), DEPLOYMENT.status(1, named, current="flights-1"))
    assert openable(view, "flights-1", NOW).envelope == ONE


@pytest.mark.parametrize("signer", ["stranger", "owner", "root"])
def test_other_key(signer: str) -> None:
    with pytest.raises(SignatureError, match="no signature"):
        take_status(EMPTY, DEPLOYMENT.status(1, key=key_of(signer)))
    with pytest.raises(SignatureError, match="no signature"):
        take_certificate(EMPTY, "flights-1", DEPLOYMENT.certificate(key=key_of(signer)))


def test_withheld_status() -> None:
    view = _released()
    openable(view, "flights-1", NOW + DAY + 1000, grace_ms=1000)
    with pytest.raises(SignatureError, match="out of date"):
        openable(view, "flights-1", NOW + DAY + 1001, grace_ms=1000)


def test_no_status_at_all() -> None:
    with pytest.raises(SignatureError, match="no status"):
        current(_fed(EMPTY, ("flights-1", ONE))[0], NOW)


def test_no_current_release() -> None:
    with pytest.raises(SignatureError, match="no release"):
        current(_fed(EMPTY, DEPLOYMENT.status(1))[0], NOW)


@pytest.mark.parametrize("bad", ["awaiting_approval", "frozen", "rejected", "retired", "expired", "revoked"])
def test_release_in_a_state_that_may_not_be_opened(bad: str) -> None:
    view, _ = _fed(EMPTY, ("flights-1", ONE), DEPLOYMENT.status(1, state(ONE, bad), current="flights-1"))
    with pytest.raises(SignatureError, match="flights-1"):
        openable(view, "flights-1", NOW)


def test_frozen_dataset() -> None:
    view, _ = _fed(_released(), DEPLOYMENT.status(2, state(ONE), current="flights-1", frozen=True))
    with pytest.raises(SignatureError, match="frozen"):
        openable(view, "flights-1", NOW)


def test_release_that_the_status_does_not_list() -> None:
    with pytest.raises(SignatureError, match="not in the newest status"):
        openable(_fed(_released(), ("flights-2", TWO))[0], "flights-2", NOW)


def test_expired_certificate_and_expired_by_the_register() -> None:
    late = {"fresh_until": NOW + 90 * DAY}
    view, _ = _fed(EMPTY, ("flights-1", ONE), DEPLOYMENT.status(1, state(ONE), current="flights-1", **late))
    assert openable(view, "flights-1", NOW + 30 * DAY - 1)
    with pytest.raises(SignatureError, match="has expired"):
        openable(view, "flights-1", NOW + 30 * DAY)
    view, _ = _fed(
        EMPTY, ("flights-1", ONE), DEPLOYMENT.status(1, state(ONE, expires_at=NOW + 1), current="flights-1", **late)
    )
    with pytest.raises(SignatureError, match="has expired"):
        openable(view, "flights-1", NOW + 1)


def test_expired_root() -> None:
    at = DEPLOYMENT.trust.expires_at
    certificate = DEPLOYMENT.certificate(expires_at=at + DAY)
    status = DEPLOYMENT.status(1, state(certificate), current="flights-1", fresh_until=at + DAY)
    view, _ = _fed(EMPTY, ("flights-1", certificate), status)
    assert openable(view, "flights-1", at - 1)
    with pytest.raises(SignatureError, match="trust root"):
        openable(view, "flights-1", at)


def test_a_stolen_status_key_cannot_lock_the_mark_for_ever() -> None:
    view, _ = _fed(_released(), DEPLOYMENT.status(2**40))
    fresh = key_of("service 2")
    old = DEPLOYMENT.keys["service"].keyid
    root = sign_root(
        successor(DEPLOYMENT.trust, expires_at=NOW + 200 * DAY, holders={"service": [fresh.public]}, remove=[old]),
        DEPLOYMENT.keys["root"],
    )
    rotated = take_root(view, root)
    assert rotated.mark is None
    assert take_status(rotated, DEPLOYMENT.status(3, key=fresh))[0].mark is not None
    with pytest.raises(SignatureError, match="no signature"):
        take_status(rotated, DEPLOYMENT.status(2**41))


def test_a_root_that_keeps_the_key_keeps_the_mark() -> None:
    root = sign_root(successor(DEPLOYMENT.trust, expires_at=NOW + 200 * DAY), DEPLOYMENT.keys["root"])
    view = take_root(_released(), root)
    assert view.trust.version == 2
    assert view.mark == _released().mark


def test_what_a_late_subscriber_is_told() -> None:
    before = replace(EMPTY, revoked=frozenset({"flights-0"}))
    after, _ = _fed(
        before,
        ("flights-1", ONE),
        ("flights-2", TWO),
        DEPLOYMENT.status(1, state(TWO), current="flights-2"),
        DEPLOYMENT.status(2, state(ONE), state(TWO, "revoked"), current="flights-1"),
    )
    assert [(change.kind, change.release_id) for change in changes_since(before, after)] == [
        ("revoked", "flights-2"),
        ("released", "flights-1"),
    ]
    assert changes_since(after, after) == ()


STATUSES = tuple(
    DEPLOYMENT.status(
        version,
        state(ONE, "revoked" if version >= 3 else "certified"),
        state(TWO),
        current="flights-2" if version > 1 else "flights-1",
    )
    for version in range(1, 6)
)


@given(st.lists(st.integers(0, 6), max_size=30))
def test_in_any_order_and_repetition_the_mark_only_grows_and_a_revocation_stands(order: list[int]) -> None:
    view, seen = EMPTY, 0
    for step in order:
        before = view.mark.version if view.mark is not None else 0
        try:
            view = (
                take_certificate(view, f"flights-{step - 4}", (ONE, TWO)[step - 5])
                if step > 4
                else take_status(view, STATUSES[step])
            )[0]
        except SignatureError:
            assert step <= 4
            assert step + 1 < before
        seen = max(seen, step + 1 if step <= 4 else 0)
        assert (view.mark.version if view.mark is not None else 0) == seen
        assert ("flights-1" in view.revoked) == (seen >= 3)
        if seen >= 3:
            with pytest.raises(SignatureError):
                openable(view, "flights-1", NOW)
