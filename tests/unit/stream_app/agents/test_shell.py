"""The edge of every station: what a message is taken for, before anyone acts on it."""

import pytest

from schemas.errors import ContractError
from schemas.events.sources import DriftDetected
from stream_app.agents.shell import NAMED, Received, _headers, rewritable
from tests.events import sha


def drift(**changes: object) -> DriftDetected:
    fields = {
        "event_id": sha("drift")[:32], "dataset": "flights", "kind": "external", "columns": ("late",), "effect": 0.1,
        "effect_unit": "share", "statistic": 1.0, "threshold": 1.0, "row": 10, "since_row": 5, "detector": "outside",
    }  # fmt: skip
    return DriftDetected.from_document(fields | {"columns": ["late"]} | changes)


def test_an_event_that_can_be_repeated_passes() -> None:
    assert rewritable(drift()) == drift()


@pytest.mark.parametrize("changes", [{"row": 2**53 + 1}, {"effect_unit": "\ud800"}], ids=["integer", "surrogate"])
def test_an_event_that_no_fact_could_repeat_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ContractError):
        rewritable(drift(**changes))


def test_headers_are_those_that_librdkafka_would_give() -> None:
    assert _headers([("ce_id", b"1"), ("empty", None)]) == (("ce_id", b"1"), ("empty", b""))
    assert _headers([("ce_id\0x", b"1")]) == (("ce_id", b"1"),)
    assert _headers([("ce_id", b"1"), ("\udcff", b"2")]) == ()
    assert _headers(None) == ()


@pytest.mark.parametrize("key", ["", "Köln", "a b", "x" * 101, "\ufffd", "flights\n", "-x"])
def test_a_key_that_is_no_name_is_not_repeated_in_a_dead_letter(key: str) -> None:
    assert not NAMED.fullmatch(key)


def test_the_time_of_a_message_does_not_depend_on_how_it_came() -> None:
    """Faust divides milliseconds by a thousand; a fold must see the very same number again."""
    for at in range(1_795_335_319_000, 1_795_335_322_000):
        assert round((at / 1000.0) * 1000) == at
    assert Received("t", 0, 0, 1, "flights", b"", ()).at == 1
