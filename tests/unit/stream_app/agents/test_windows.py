"""Windows: rows in the order of the stream from the first row on, less those that were deleted, typed and sealed."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from confluent_kafka import Producer

from schemas.cloudevents import to_message
from schemas.errors import InsufficientEvidence
from schemas.events import Event
from schemas.table import conform
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.row_batches import columns_of_rows
from stream_app.adapters.workplace import Workplace
from stream_app.agents.profiling import WATCHED
from stream_app.agents.windows import Batches, gathered, sealed
from stream_app.core.drift.aggregator import Span
from tests.unit.stream_app.agents.lives import CONTRACT, observed, rows, watch

ZERO, ONE = "source.records/0", "source.records/1"


def conformed(frame: Any) -> pd.DataFrame:
    return conform(frame, CONTRACT, roles=WATCHED).table


def put(found: Batches, spans: list[Span], frame: Any, origin: str = ZERO, operation: str = "insert") -> None:
    """Add a message and its span, as the aggregator would."""
    at = spans[-1].first + spans[-1].rows if spans else 0
    offset = sum(span.origin == origin for span in spans)
    found[origin, offset] = observed(frame, operation)
    spans.append(Span(at, len(frame) if operation == "insert" else 0, origin, offset, offset))


def window(found: Batches, spans: list[Span], first: int = 0) -> pd.DataFrame:
    return gathered(found, CONTRACT, spans, first)


@pytest.fixture
def found() -> Batches:
    return {}


@pytest.fixture
def spans() -> list[Span]:
    return []


def test_rows_come_in_the_order_of_the_stream_whatever_partition_they_lie_in(found: Batches, spans: list[Span]) -> None:
    frames = [rows(20, seed) for seed in range(4)]
    for frame, origin in zip(frames, (ONE, ZERO, ZERO, ONE), strict=True):
        put(found, spans, frame, origin)
    pd.testing.assert_frame_equal(window(found, spans), conformed(pd.concat(frames, ignore_index=True)))


@pytest.mark.parametrize("first", [0, 7, 20, 33, 40])
def test_rows_before_the_first_are_cut_off(found: Batches, spans: list[Span], first: int) -> None:
    whole = rows(40, 1)
    for start in (0, 20):
        put(found, spans, whole[start : start + 20])
    expected = conformed(whole)[first:].reset_index(drop=True)
    if first < 40:
        pd.testing.assert_frame_equal(window(found, spans, first), expected)
    else:
        assert window(found, spans, first).empty


def test_rows_that_were_sent_as_json_are_the_same_rows(found: Batches, spans: list[Span]) -> None:
    whole = rows(40, 5)
    put(found, spans, whole[:20])
    put(found, spans, whole[20:])
    expected = window(found, spans)
    body = whole[20:].to_json(orient="records", date_format="iso", double_precision=15).encode()
    sent = found[ZERO, 1].model_copy(update={"encoding": "json", "block": body})
    found[ZERO, 1] = sent
    pd.testing.assert_frame_equal(window(found, spans), expected, check_exact=False, rtol=1e-12)
    counter = watch().counter
    by_arrow, by_json = (counter.count(columns_of_rows(each)) for each in (observed(whole[20:]), sent))
    assert by_json.misfit == by_arrow.misfit == ((), (), ())
    assert [each.counts.tolist() for each in by_json.blocks] == [each.counts.tolist() for each in by_arrow.blocks]


def test_a_delete_takes_its_rows_out_and_no_others(found: Batches, spans: list[Span]) -> None:
    whole = rows(40, 2)
    put(found, spans, whole[:30])
    put(found, spans, whole[5:10], ONE, "delete")
    put(found, spans, whole[30:])
    expected = conformed(pd.concat([whole[:5], whole[10:]], ignore_index=True))
    pd.testing.assert_frame_equal(window(found, spans), expected)


def test_a_row_that_comes_again_after_its_delete_stays(found: Batches, spans: list[Span]) -> None:
    whole = rows(10, 3)
    put(found, spans, whole)
    put(found, spans, whole, operation="delete")
    put(found, spans, whole[:4])
    pd.testing.assert_frame_equal(window(found, spans), conformed(whole)[:4])


def test_labels_add_no_rows(found: Batches, spans: list[Span]) -> None:
    put(found, spans, rows(10, 4))
    put(found, spans, rows(10, 4), operation="label")
    assert len(window(found, spans)) == 10


def test_messages_that_are_gone_are_left_out(found: Batches, spans: list[Span]) -> None:
    for seed in range(3):
        put(found, spans, rows(10, seed))
    del found[ZERO, 1]
    assert len(window(found, spans)) == 20
    found.clear()
    assert window(found, spans).empty


def test_a_window_is_read_from_the_log_and_sealed(found: Batches, spans: list[Span], tmp_path: Path) -> None:
    frames = [rows(30, seed) for seed in range(3)]
    for frame in frames:
        put(found, spans, frame)
    place = Workplace(tmp_path, str(tmp_path / "store"))
    with EmbeddedBroker({"source.records": 1}) as broker:
        for event in found.values():
            _produce(broker.bootstrap, event)
        source, number = sealed(broker.bootstrap, place, CONTRACT, spans[1:], 40, "window.lives.1")
        assert (number, source.format, source.rows) == (50, "sealed", 50)
        expected = conformed(pd.concat(frames, ignore_index=True))[40:].reset_index(drop=True)
        # Parquet has one kind of booleans.
        pd.testing.assert_frame_equal(place.read_window(source), expected, check_dtype=False)
        with pytest.raises(InsufficientEvidence):
            sealed(broker.bootstrap, place, CONTRACT, [Span(0, 10, ZERO, 7, 7)], 0, "window.lives.2")


def _produce(bootstrap: str, event: Event) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "log_level": 0})
    key, value, headers = to_message(event, "/tests")
    producer.produce("source.records", value, key, partition=0, headers=list(headers))
    assert producer.flush(10) == 0
