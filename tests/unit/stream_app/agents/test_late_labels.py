"""Labels that come late: inserted rows show a change of the columns, labelled ones that of the target, and windows hold
labelled rows alone.

The budget is 0.5 false alarms in a million rows: a stationary stretch of 20,000 rows alarms with probability 0.01, and
seeds are fixed.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from schemas.drift import DriftPolicy
from schemas.table import conform
from stream_app.adapters.row_batches import columns_of_rows
from stream_app.agents.profiling import WATCHED, Profiled, target_model
from stream_app.agents.resuming import resumed, written
from stream_app.agents.watch import Watch
from stream_app.agents.windows import Batches, gathered
from stream_app.core.drift.reference import build_reference
from stream_app.core.drift.sign import DriftSign
from stream_app.core.drift.wire import from_bytes, to_bytes
from tests.unit.stream_app.agents.lives import CONTRACT, ORIGIN, SECRET, SHAPE, SOURCE, observed, pieces, rows

LATE = CONTRACT.model_copy(
    update={"policy": CONTRACT.policy.model_copy(update={"drift": DriftPolicy(late_labels=True)})}
)
DELAY = 1_500


@pytest.fixture(scope="module")
def profiled() -> Profiled:
    table = conform(rows(6_000, 1), LATE, roles=WATCHED).table
    reference = build_reference(table, LATE)
    return Profiled(reference, 6_000, 3_000, *target_model(reference, table, LATE))


@pytest.fixture
def watch(profiled: Profiled) -> Watch:
    return fresh(profiled)


def fresh(profiled: Profiled) -> Watch:
    return Watch.of(LATE, SOURCE, profiled, SECRET, 2_000, SHAPE)


def turned(count: int, seed: int) -> Any:
    """Whether it is late follows from the size in the opposite way."""
    return rows(count, seed).assign(late=lambda table: ~table["late"])


def feed(watch: Watch, stream: pd.DataFrame, kept: Batches | None = None) -> list[DriftSign]:
    """Rows without their label, each message's labels ``DELAY`` rows later, up to the first window that is due."""
    signs, labelled = list[DriftSign](), 0
    for number, piece in enumerate(pieces(stream)):
        signs += send(watch, piece.drop(columns="late") if number % 2 else piece.assign(late=None), kept)
        due = (number + 1) * 500 - DELAY
        if due > labelled:
            signs += send(watch, stream.iloc[labelled:due].reset_index(drop=True), kept, "label")
            labelled = due
        if watch.due:
            break
    return signs


def send(watch: Watch, frame: pd.DataFrame, kept: Batches | None = None, operation: Any = "insert") -> list[DriftSign]:
    event, offset = observed(frame, operation), watch.aggregator.positions.get(ORIGIN, 0)
    if kept is not None:
        kept[ORIGIN, offset] = event
    columns = columns_of_rows(event)
    counted = from_bytes(to_bytes(watch.counter.count(columns, operation)))
    return list(watch.take(ORIGIN, offset, offset, counted))


def test_rows_without_labels_are_no_drift_and_what_labels_show_is(watch: Watch) -> None:
    stream = pd.concat([rows(4_000, 2), turned(8_000, 3)], ignore_index=True)
    (sign,) = feed(watch, stream)
    assert (sign.kind, sign.columns) == ("concept", ("late",))
    assert 4_000 + DELAY < sign.row <= 8_000
    assert watch.due


def test_the_window_of_a_turned_rule_holds_the_labelled_rows_that_came_since(watch: Watch) -> None:
    stream, kept = pd.concat([rows(4_000, 2), turned(8_000, 3)], ignore_index=True), Batches()
    feed(watch, stream, kept)
    assert watch.counts is None
    first, spans = watch.spans()
    window = gathered(kept, LATE, spans, first)
    assert first > 4_000
    assert len(window) == watch.seen - first >= 2_000
    pd.testing.assert_frame_equal(
        window, conform(stream[first : watch.seen], LATE, roles=WATCHED).table.reset_index(drop=True)
    )
    # A row that is deleted later goes, whether its delete says the label or not.
    send(watch, stream[first : first + 10].drop(columns="late").reset_index(drop=True), kept, "delete")
    send(watch, stream[first + 10 : first + 20].reset_index(drop=True), kept, "delete")
    assert len(gathered(kept, LATE, watch.spans()[1], first)) == len(window) - 20


def test_a_change_of_the_columns_is_told_and_no_window_of_it_is_due(watch: Watch) -> None:
    stream = pd.concat([rows(3_000, 4), rows(6_000, 5, shift=1.5)], ignore_index=True)
    signs = feed(watch, stream)
    assert {sign.kind for sign in signs} <= {"marginal", "correlation"}
    assert signs[0].columns[0] == "size"
    assert (watch.sign, watch.due) == (None, False)


def test_a_release_is_measured_on_labelled_rows(watch: Watch) -> None:
    wanted, kept = LATE.policy.monitoring.check_rows, Batches()
    stream = rows(wanted + DELAY, 6)
    feed(watch, stream[:-500], kept)
    assert not watch.check_due
    labels = stream[wanted - 500 : wanted].reset_index(drop=True).astype({"late": object})
    labels.loc[:9, "late"] = None
    send(watch, labels, kept, "label")
    assert watch.check_due
    first, spans = watch.spans()
    window = gathered(kept, LATE, spans, first)
    assert (first, len(window)) == (wanted - 2_000, 1_990)  # a label that is still missing labels nothing
    event = watch.check(SOURCE, len(window))
    assert (event.first_row, event.last_row) == (wanted - 1_990, wanted - 1)
    watch.followed()
    assert not watch.check_due


def test_it_goes_on_from_its_text_and_replays_change_nothing(profiled: Profiled) -> None:
    stream = pd.concat([rows(3_000, 7), turned(4_500, 8)], ignore_index=True)
    whole, told, again, repeated = fresh(profiled), list[DriftSign](), fresh(profiled), list[DriftSign]()
    random, offset = np.random.default_rng(9), 0
    for start in range(0, 7_500, 500):
        piece = stream[start : start + 500].reset_index(drop=True)
        for operation in ("insert", "label"):
            counted = whole.counter.count(columns_of_rows(observed(piece, operation)), operation)
            told += whole.take(ORIGIN, offset, offset, counted)
            found = resumed(written(again, {}), SHAPE, LATE, SECRET, 2_000)
            assert found is not None
            again = found[0]
            repeated += again.take(ORIGIN, offset, offset, counted)
            assert again.take(ORIGIN, int(random.integers(offset + 1)), offset, counted) == ()
            offset += 1
    assert repeated == told
    assert [sign.kind for sign in told] == ["concept"]
    assert written(again, {}) == written(whole, {})
