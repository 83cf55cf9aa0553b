"""Windows of private tests: whole messages, deletes row by row, and one row more changes one row."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from confluent_kafka import Producer
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.cloudevents import to_message
from schemas.errors import InsufficientEvidence
from schemas.events import Event
from schemas.table import conform
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.workplace import Workplace
from stream_app.agents.profiling import WATCHED
from stream_app.agents.windows import remaining, sealed_whole
from tests.events import profile
from tests.unit.stream_app.agents.lives import CONTRACT, observed, rows

FEW = rows(4, 1)
Log = list[tuple[str, list[int]]]
"""Messages: the operation and which of the few rows."""
logs = st.lists(
    st.tuples(st.sampled_from(("insert", "insert", "delete", "label")), st.lists(st.integers(0, 3), max_size=6)),
    min_size=1,
    max_size=6,
)


def window(log: Log) -> list[int]:
    """How often each of the few rows is left."""
    events = [observed(FEW.iloc[places].reset_index(drop=True), operation) for operation, places in log]
    left = remaining(events, CONTRACT)
    if left.empty:
        return [0] * len(FEW)
    keys = pd.util.hash_pandas_object(left, index=False)
    known = pd.util.hash_pandas_object(conform(FEW, CONTRACT, roles=WATCHED).table, index=False)
    return [int((keys == key).sum()) for key in known]


@settings(max_examples=60, deadline=None)
@given(logs, st.data())
def test_a_row_more_or_less_in_any_message_changes_the_window_by_one_row_at_most(log: Log, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(log) - 1))
    more = [(operation, [*places]) for operation, places in log]
    more[place][1].append(data.draw(st.integers(0, 3)))
    assert sum(abs(one - other) for one, other in zip(window(log), window(more), strict=True)) <= 1


def test_a_delete_takes_out_one_row_for_each_of_its_rows() -> None:
    assert window([("insert", [0, 0, 0, 1]), ("delete", [0, 0, 2])]) == [1, 1, 0, 0]
    assert window([("delete", [0]), ("insert", [0]), ("label", [3])]) == [1, 0, 0, 0]
    assert window([("insert", [2]), ("delete", [2]), ("insert", [2, 2]), ("delete", [2])]) == [0, 0, 1, 0]


def test_rows_stay_in_their_order() -> None:
    events = [observed(rows(20, 2)), observed(rows(20, 2)[5:10].reset_index(drop=True), "delete"), observed(FEW)]
    table = pd.concat([rows(20, 2).drop(index=range(5, 10)), FEW], ignore_index=True)
    pd.testing.assert_frame_equal(remaining(events, CONTRACT), conform(table, CONTRACT, roles=WATCHED).table)


def test_a_window_is_all_rows_of_the_datasets_messages_between_two_offsets(tmp_path: Path) -> None:
    place = Workplace(tmp_path, str(tmp_path / "store"))
    messages: list[Event] = [observed(rows(10, seed)) for seed in range(5)]
    messages[2:2] = [observed(rows(10, 9)).model_copy(update={"dataset": "other"}), profile()]
    with EmbeddedBroker({"source.records": 1}) as broker:
        for event in messages:
            _produce(broker.bootstrap, event)
        stretches: Any = {"source.records/0": (1, 5)}
        source, number = sealed_whole(broker.bootstrap, place, CONTRACT, stretches, "private.lives.1")
        expected = conform(
            pd.concat([rows(10, seed) for seed in (1, 2, 3)], ignore_index=True), CONTRACT, roles=WATCHED
        )
        assert number == source.rows == 30
        pd.testing.assert_frame_equal(place.read_window(source), expected.table, check_dtype=False)
        with pytest.raises(InsufficientEvidence):
            sealed_whole(broker.bootstrap, place, CONTRACT, {"source.records/0": (3, 3)}, "private.lives.2")


def _produce(bootstrap: str, event: Event) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "log_level": 0})
    key, value, headers = to_message(event, "/tests")
    producer.produce("source.records", value, key, partition=0, headers=list(headers))
    assert producer.flush(10) == 0
