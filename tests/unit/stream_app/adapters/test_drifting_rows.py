"""A packed topic shows changed columns as blocks and row JSON do, and goes on with what the contract has."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Column, Contract, Policy, Privacy
from schemas.events.sources import RecordsObserved
from stream_app.adapters.arrow_blocks import decode_block
from stream_app.adapters.drifting_rows import FEWEST, LONGEST_NAME, MANY, MOST_NAMES, DriftingRows, told
from stream_app.adapters.json_rows import REPEATED, UNKNOWN, Misfit, TypedRows, not_typed
from stream_app.adapters.packing import ByDataset, Span, blocks_of, letters_of, reader_of
from stream_app.adapters.row_batches import columns_of_rows
from stream_app.core.drift.aggregator import Aggregator
from stream_app.core.drift.counter import RowCounter
from stream_app.core.drift.reference import Reference, build_reference
from stream_app.core.drift.sign import DriftSign
from tests.unit.stream_app.core.drift import drift_tables

SPAN = Span("rows", 0, 0, 10**6)
CONTRACT = Contract(
    dataset="rows",
    columns=(
        Column(name="x", type="number", required=True),
        Column(name="c", type="string"),
        Column(name="day", type="date"),
        Column(name="at", type="timestamp", role="time"),
        Column(name="id", type="integer", role="identifier"),
    ),
    policy=Policy(privacy=Privacy(scope="rows", claim="empirical")),
)
ROWS, STRICT = DriftingRows(CONTRACT), TypedRows(CONTRACT)
SECRET = "s3cr3t"


def message(**cells: Any) -> bytes:
    return json.dumps({"x": 1.5, "c": "a", "day": "2024-05-01", "at": "2024-05-01T10:00:00", "id": 7} | cells).encode()


def without(*names: str, **cells: Any) -> bytes:
    return json.dumps({name: cell for name, cell in json.loads(message(**cells)).items() if name not in names}).encode()


def test_a_row_with_further_columns_is_kept_without_them_and_they_are_named_without_a_cell() -> None:
    given_ = [message(), message(new=SECRET), message(new={"nested": [SECRET]}, other=1), message(c="b")]
    found = ROWS.decode(given_)
    assert (found.bad, found.kept.tolist()) == ({}, [0, 1, 2, 3])
    assert found.table.equals(STRICT.decode([message(), message(), message(), message(c="b")]).table)
    assert found.misfit == Misfit(unknown=("new", "other"))
    (block,) = blocks_of("rows", SPAN, reader_of(CONTRACT)(given_), ByDataset())
    assert SECRET.encode() not in block.event.block
    frame = decode_block(block.event.block)
    assert list(frame) == ["x", "c", "day", "at", "new", "other"]
    assert frame[["new", "other"]].isna().to_numpy().all()


@pytest.mark.parametrize(
    ("name", "cell"), [("x", SECRET), ("x", True), ("c", 5), ("c", {"a": SECRET}), ("day", "someday"), ("day", 19_000)]
)
def test_a_column_that_is_of_another_type_throughout_is_gone_and_the_rows_are_kept(name: str, cell: Any) -> None:
    found = ROWS.decode([message(**{name: cell})] * FEWEST + [message(**{name: None})])
    assert (found.bad, found.table.num_rows, found.misfit) == ({}, FEWEST + 1, Misfit(gone=(name,)))
    assert found.table[name].null_count == FEWEST + 1
    assert name not in told(found.table, found.misfit).column_names


def test_several_columns_of_other_types_and_further_ones_are_found_together() -> None:
    found = ROWS.decode([message(day=3, x="1", c=2.5, new=1)] * FEWEST)
    assert (found.bad, found.table.num_rows) == ({}, FEWEST)
    assert found.misfit == Misfit(unknown=("new",), gone=("c", "day", "x"))


def test_cells_of_another_type_among_others_and_few_of_them_are_missing() -> None:
    wrong = [message(x=SECRET, day="2024-13-01")] * FEWEST
    for given_ in ([message(), *wrong], wrong[1:]):
        found = ROWS.decode(given_)
        assert (found.bad, found.misfit, found.table.num_rows) == ({}, Misfit(), len(given_))
        assert found.table["x"].null_count == found.table["day"].null_count == given_.count(wrong[0])
        assert found.table["c"].null_count == 0


def test_rows_without_what_orders_them_or_says_whose_they_are_are_set_aside() -> None:
    assert ROWS.decode([message(at=SECRET, x="1")] * FEWEST).bad == dict.fromkeys(range(FEWEST), not_typed("at"))
    owned = Contract(
        dataset="rows",
        columns=(*CONTRACT.columns, Column(name="who", type="string", role="entity")),
        policy=CONTRACT.policy,
    )
    assert DriftingRows(owned).decode([message(who=1)] * FEWEST).bad == dict.fromkeys(range(FEWEST), not_typed("who"))


def test_a_cell_that_goes_no_further_costs_no_row_and_is_no_drift() -> None:
    found = ROWS.decode([message(id=SECRET)] * FEWEST)
    assert (found.bad, found.misfit, found.table.equals(ROWS.decode([message()] * FEWEST).table)) == (
        {},
        Misfit(),
        True,
    )


def test_a_column_that_no_row_names_is_gone_where_enough_rows_show_it() -> None:
    assert ROWS.decode([without("x")] * FEWEST).misfit == Misfit(gone=("x",))
    assert ROWS.decode([without("x")] * (FEWEST - 1)).misfit == Misfit()
    assert ROWS.decode([without("c")] * MANY).misfit == Misfit(gone=("c",))
    assert ROWS.decode([without("c")] * (MANY - 1)).misfit == Misfit()
    assert ROWS.decode([message(c=None)] + [without("c")] * MANY).misfit == Misfit(), "it is there, and missing"
    assert ROWS.decode([without("id", "at")] * MANY).misfit == Misfit(), "no such column is modelled"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (b'{"new":1}', UNKNOWN),
        (b'{"x":1,"new":1,"new":2}', UNKNOWN),
        (b'{"x":1,"new":1', UNKNOWN),
        (b'{"x":1,"x":2}', REPEATED),
        (b'{"x":"s3cr3t"}', not_typed("x")),
        (b'{"day":"someday"}', not_typed("day")),
        (b'{"x":1,"day":"someday","day":"2024-05-01T10:00","day":"someday"}', not_typed("day")),
        (b'{"x":"1","new":2,"\\u0078":3}', not_typed("x")),
    ],
)
def test_what_is_no_row_of_the_contract_stays_a_dead_letter(wrong: bytes, reason: str) -> None:
    found = ROWS.decode([message(new=1), wrong, message()])
    assert (found.bad, found.kept.tolist()) == ({1: reason}, [0, 2])


@given(st.lists(st.sampled_from([0, 1, 2, 3, 4]), min_size=1, max_size=2 * FEWEST), st.data())
def test_what_becomes_of_a_row_hangs_on_that_row_alone(numbers: list[int], data: st.DataObject) -> None:
    kinds = [message(), message(x="1"), message(day="x", c=1), message(new=1), without("x")]
    messages = [kinds[number] for number in numbers]
    at = data.draw(st.integers(0, len(messages) - 1))
    one_less = ROWS.decode([*messages[:at], *messages[at + 1 :]]).table
    whole = ROWS.decode(messages).table
    assert whole.filter(np.arange(len(messages)) != at).equals(one_less)


def test_names_made_up_row_by_row_are_told_up_to_a_limit() -> None:
    made_up = [message(**{f"n{n}": n}) for n in range(3 * MOST_NAMES)] + [message(**{"y" * (LONGEST_NAME + 1): 1})]
    found = ROWS.decode(made_up)
    assert found.bad == {}
    assert found.misfit.unknown == tuple(f"n{n}" for n in range(MOST_NAMES))


CELLS = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(allow_nan=False), st.text(max_size=3))
OBJECTS = st.dictionaries(st.sampled_from(["x", "c", "day", "at", "id", "new", "é"]), CELLS, max_size=5)
MESSAGES = st.one_of(OBJECTS.map(lambda row: json.dumps(row).encode()), st.binary(max_size=20), st.just(message()))


@settings(max_examples=100, deadline=None)
@given(st.lists(MESSAGES, max_size=2 * FEWEST))
def test_every_message_is_a_row_or_a_letter_and_what_fits_is_read_as_ever(messages: list[bytes]) -> None:
    found, strict = ROWS.decode(messages), STRICT.decode(messages)
    assert sorted([*found.kept.tolist(), *found.bad]) == list(range(len(messages)))
    assert found.table.column_names == strict.table.column_names
    assert set(strict.kept.tolist()) <= set(found.kept.tolist())
    places = np.isin(found.kept, strict.kept)
    assert found.table.filter(places).equals(strict.table)
    letters_of("rows", SPAN, range(len(messages)), messages, found.bad)


# Beside row JSON that nobody packed


@pytest.fixture(scope="module")
def reference() -> Reference:
    return build_reference(drift_tables.rows(4_000, 1), drift_tables.CONTRACT)


def signs(event: RecordsObserved, reference: Reference) -> tuple[DriftSign, ...]:
    counter, aggregator = RowCounter(reference, drift_tables.CONTRACT, drift_tables.SECRET), Aggregator(reference)
    return aggregator.take("rows/0", 0, 0, counter.count(columns_of_rows(event), event.operation))


@pytest.mark.parametrize(
    "change",
    [{"new": 5}, {"new": SECRET, "other": None}, {"y": None}, {"y": "north"}],
    ids=["one", "two", "gone", "type"],
)
def test_a_packed_topic_shows_the_drift_that_row_json_shows(reference: Reference, change: dict[str, Any]) -> None:
    frame = drift_tables.rows(MANY, 2)[["x", "y", "holes", "group", "kind"]].astype(object)
    rows = [{name: cell for name, cell in row.items() if cell == cell} | change for row in frame.to_dict("records")]
    if change == {"y": None}:
        rows = [{name: cell for name, cell in row.items() if name != "y"} for row in rows]
    lines = [json.dumps(row).encode() for row in rows]
    plain = RecordsObserved(
        event_id="plain", dataset="d", encoding="json", first_row=0, rows=MANY, block=b"\n".join(lines)
    )
    changes = reader_of(drift_tables.CONTRACT)(lines)
    (block,) = blocks_of("d", SPAN, changes, ByDataset())
    assert (changes.bad, block.event.rows) == ({}, MANY)
    assert signs(block.event, reference) == signs(plain, reference)
    assert signs(block.event, reference)[0].columns == tuple(sorted(change))


@pytest.mark.parametrize(("name", "sign"), [("x", "NaN"), ("x", "nan"), ("x", "N/A"), ("x", " "), ("day", "")])
def test_text_that_says_that_a_cell_is_missing_is_null(name: str, sign: str) -> None:
    found = ROWS.decode([message(**{name: sign})] * MANY)
    assert (found.bad, found.misfit) == ({}, Misfit())
    assert found.table.equals(STRICT.decode([message(**{name: None})] * MANY).table)
    assert ROWS.decode([message(**{name: sign}), *[message(**{name: "north"})] * FEWEST]).misfit.gone == (name,)
