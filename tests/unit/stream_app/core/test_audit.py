import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.canonical import canonical
from schemas.errors import InputError
from schemas.events import Event
from schemas.events.budget import LedgerEntry, RunEnded, SpendReserved
from stream_app.core.audit import Audit, audit_ledger, refold, without_repeats
from stream_app.core.entry import Entry
from stream_app.core.ledgerfile import (
    LEDGER,
    LOG,
    StoredEvent,
    audit_file,
    parse_ledger_lines,
    read_ledger_file,
    write_ledger_file,
)
from tests.events import command, contract, noise, request
from tests.unit.stream_app.core.test_ledger import asked, declared


def history() -> tuple[list[Entry], list[LedgerEntry]]:
    """Two scopes with grants, refusals, a settlement and a change of the cap, in one partition."""
    other = contract("ships", scope="sea")
    sea = asked("ships.a").model_copy(
        update={"scope": "sea", "request": request("ships.a", of=other, mechanisms=(noise(0.5),))}
    )
    events: list[Event] = [
        declared("2"),
        asked(),
        asked(attempt=2),
        declared("1", "ships", scope="sea", event_id="cap-sea"),
        sea,
        asked("flights.b"),
        command("set_cap", scope="pool", epsilon="9", delta=1e-5),
        asked("flights.b", 2),
        RunEnded(event_id="end", scope="pool", dataset="flights", run_id="flights.a", outcome="certified"),
        asked("flights.c"),
    ]
    log = [Entry(event, event.key, 1000 + number, number) for number, event in enumerate(events)]
    return log, [line for lines in refold(log).values() for line in lines]


LOG_ENTRIES, LINES = history()


def stored() -> list[StoredEvent]:
    log = [StoredEvent(LOG, 0, entry.offset, entry.at, entry.event) for entry in LOG_ENTRIES]
    return log + [StoredEvent(LEDGER, 0, offset, 5000 + offset, line) for offset, line in enumerate(LINES)]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    write_ledger_file(path, stored())
    return path.read_bytes().splitlines()


def audited(lines: Sequence[bytes]) -> Audit:
    return audit_file(parse_ledger_lines(lines))


def named(audit: Audit) -> set[int | None]:
    return {fault.line for fault in audit.faults}


def test_an_honest_ledger_agrees_with_its_log() -> None:
    audit = audit_ledger(LOG_ENTRIES, LINES)
    assert audit.ok
    pool = next(scope for scope in audit.scopes if scope.scope == "pool")
    reserved = [line for line in LINES if isinstance(line, SpendReserved) and line.scope == "pool"]
    assert (pool.grants, pool.cap_epsilon, pool.epsilon) == (len(reserved), "9", reserved[-1].epsilon_after)


def test_a_file_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    head = write_ledger_file(tmp_path / "l.jsonl", stored())
    file = read_ledger_file(tmp_path / "l.jsonl")
    assert [line.stored for line in file.lines] == stored()
    assert (file.head, audit_file(file).ok) == (head, True)
    with pytest.raises(InputError):
        read_ledger_file(tmp_path / "absent.jsonl")


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [found for name, item in value.items() for found in paths(item, (*at, name))]
    if isinstance(value, list) and value:
        return [found for place, item in enumerate(value) for found in paths(item, (*at, place))]
    return [at]


def altered(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return "something"
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return ("1" if value[:1] != "1" else "2") + value[1:]
    return [1]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_one_altered_field_in_a_file_names_its_line(texts: list[bytes], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(texts) - 1))
    document = json.loads(texts[place])
    path = data.draw(st.sampled_from(paths(document)))
    holder = document
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = altered(holder[path[-1]])
    lines = [*texts[:place], canonical(document), *texts[place + 1 :]]
    assert named(audited(lines)) == {place + 1}, path


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(LOG_ENTRIES) + len(LINES) - 1), st.integers(0, len(LOG_ENTRIES) + len(LINES) - 1))
def test_lines_swapped_doubled_or_gone_are_found(texts: list[bytes], first: int, second: int) -> None:
    doubled = [*texts[:first], texts[first], *texts[first:]]
    assert named(audited(doubled)) & {first + 1, first + 2}
    gone = audited([*texts[:first], *texts[first + 1 :]])
    if first < len(texts) - 1:
        assert [(fault.record, fault.line) for fault in gone.faults] == [(f"number {first + 1}", None)]
    swapped = copy.copy(texts)
    swapped[first], swapped[second] = swapped[second], swapped[first]
    assert audited(swapped).ok == (first == second)
    assert first == second or named(audited(swapped)) & {first + 1, second + 1}


def test_a_ledger_line_cut_off_the_end_is_missed_by_the_refold(texts: list[bytes]) -> None:
    audit = audited(texts[:-1])
    assert [(fault.where, fault.record) for fault in audit.faults] == [(LEDGER, LINES[-1].event_id)]


def test_rubbish_in_a_line_is_named(texts: list[bytes]) -> None:
    assert named(audited([*texts[:3], b"{not json", *texts[4:]])) == {4}


NUMBERS = st.integers(0, len(LINES) - 1)


@settings(max_examples=100, deadline=None)
@given(
    NUMBERS,
    st.sampled_from(
        [
            "epsilon_after",
            "epsilon_before",
            "cap_epsilon",
            "delta",
            "sequence",
            "decides",
            "previous",
            "dataset",
            "event_id",
            "scope",
            "mechanisms",
        ]
    ),
)
def test_on_the_topics_themselves_one_altered_line_is_named(place: int, field: str) -> None:
    values: dict[str, Any] = {"delta": 1e-3, "sequence": 77, "mechanisms": (noise(0.1),), "previous": "f" * 64}
    changed = LINES[place].model_copy(update={field: values.get(field, "7")})
    lines = [*LINES[:place], changed, *LINES[place + 1 :]]
    faults = audit_ledger(LOG_ENTRIES, lines).faults
    assert [fault.line for fault in faults] == [place + 1]


@settings(deadline=None)
@given(NUMBERS)
def test_on_the_topics_themselves_a_line_gone_or_doubled_is_named(place: int) -> None:
    gone = audit_ledger(LOG_ENTRIES, [*LINES[:place], *LINES[place + 1 :]])
    assert [fault.record for fault in gone.faults] == [LINES[place].event_id]
    doubled = [*LINES[:place], LINES[place], *LINES[place:]]
    assert [fault.line for fault in audit_ledger(LOG_ENTRIES, doubled).faults] == [place + 2]
    assert without_repeats(doubled) == LINES


def test_an_altered_log_is_told_from_an_altered_ledger() -> None:
    cheaper = asked(mechanisms=(noise(0.1),)).model_copy(update={"event_id": LOG_ENTRIES[1].event.event_id})
    tampered = [LOG_ENTRIES[0], Entry(cheaper, "pool", 1001, 1), *LOG_ENTRIES[2:]]
    faults = audit_ledger(tampered, LINES).faults
    assert [(fault.where, fault.record) for fault in faults] == [(LOG, LOG_ENTRIES[1].event.event_id)]
    removed = audit_ledger([*LOG_ENTRIES[:2], *LOG_ENTRIES[3:]], LINES).faults
    assert [(fault.where, fault.record) for fault in removed] == [(LOG, LOG_ENTRIES[2].event.event_id)]
    added = Entry(asked("flights.x", mechanisms=(noise(0.1),)), "pool", 1001, 1)
    slipped_in = audit_ledger([LOG_ENTRIES[0], added, *LOG_ENTRIES[1:]], LINES).faults
    assert [(fault.where, fault.record) for fault in slipped_in] == [(LOG, added.event.event_id)]
