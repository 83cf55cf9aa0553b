"""Events of other people's detectors: valid, of kind external, and never under a name of ours."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import ContractError, InputError, PerennialError
from stream_app.adapters.outside_drift import from_outside, read_outside
from stream_app.agents import watch
from stream_app.core.drift.private import private_trigger
from tests.events import source

EVENT: dict[str, Any] = {
    "dataset": "flights",
    "kind": "external",
    "columns": ["late"],
    "effect": 0.3,
    "effect_unit": "population stability index",
    "statistic": 0.3,
    "threshold": 0.2,
    "row": 9_000,
    "since_row": 8_000,
    "detector": "their-monitor",
}


def test_the_id_derives_from_what_the_event_says() -> None:
    first = read_outside(json.dumps(EVENT).encode())
    assert read_outside(json.dumps(EVENT | {"event_id": "mine"}).encode()) == first
    assert from_outside(EVENT | {"row": 9_001}).event_id != first.event_id


def test_a_window_may_come_along() -> None:
    assert from_outside(EVENT | {"window": source("theirs").document()}).window == source("theirs")


@pytest.mark.parametrize("name", [watch.DETECTOR, private_trigger.DETECTOR, " Perennial ", "perennial-next", "", " "])
def test_a_name_of_ours_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="name of its own"):
        from_outside(EVENT | {"detector": name})


@pytest.mark.parametrize("kind", ["marginal", "schema", "withheld", "concept"])
def test_only_our_own_detectors_tell_of_other_kinds(kind: str) -> None:
    with pytest.raises(InputError, match="external"):
        from_outside(EVENT | {"kind": kind})


def test_a_grant_is_refused() -> None:
    with pytest.raises(InputError, match="grant"):
        from_outside(EVENT | {"grant": "flights.abc"})


@pytest.mark.parametrize("rows", [(-1, -1), (5, 6), (5, -1)])
def test_rows_that_cannot_be_are_refused(rows: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="since_row"):
        from_outside(EVENT | {"row": rows[0], "since_row": rows[1]})


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b'{"kind": "external"}', b'{"a": 1, "a": 2}', b"\xff"])
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(ContractError):
        read_outside(body)


@pytest.mark.parametrize("field", list(EVENT))
@pytest.mark.parametrize("value", [None, [], {}, "\ud800", 10**30, True, -1.5])
def test_no_field_gives_a_traceback(field: str, value: Any) -> None:
    try:
        event = read_outside(json.dumps(EVENT | {field: value}).encode())
    except PerennialError:
        return
    assert event.to_bytes()


def test_the_example_of_the_documentation_is_such_an_event() -> None:
    page = Path(__file__).parents[4] / "deploy" / "docs" / "outside-detectors.md"
    (example,) = re.findall(r"```json\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    event = read_outside(example.encode())
    assert event.effect == json.loads(example)["effect"]
