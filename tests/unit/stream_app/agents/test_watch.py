"""The watch over one dataset: a function of the counts, one window a drift, events that a replay repeats byte for byte.

The budget is 0.5 false alarms in a million rows: a stationary stretch of 20,000 rows alarms with probability 0.01, and
seeds are fixed.
"""

import json
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from generators.live.contracting import contracted
from generators.live.counting import counted as counted_table
from schemas.contract import Categories, Column, Contract, Range
from schemas.counts import public_layout
from schemas.errors import ContractError
from schemas.generation import Generation
from schemas.table import conform
from stream_app.adapters.row_batches import columns_of_rows
from stream_app.agents.profiling import WATCHED, Profiled
from stream_app.agents.watch import DETECTOR, Watch
from stream_app.core.drift.coding.cells import columns_of
from stream_app.core.drift.reference import build_reference
from stream_app.core.drift.sharing.shares import Splitter
from stream_app.core.drift.sign import DriftSign
from tests.unit.stream_app.agents import lives
from tests.unit.stream_app.agents.lives import (
    CONTRACT,
    ORIGIN,
    SECRET,
    SOURCE,
    counted,
    feed,
    observed,
    pieces,
    rows,
)


@pytest.fixture
def watch() -> Watch:
    return lives.watch()


def test_rows_of_the_reference_give_no_sign_and_no_window(watch: Watch) -> None:
    assert feed(watch, rows(10_000, 2)) == []
    assert (watch.rows, watch.sign, watch.due, watch.check_due) == (10_000, None, False, False)


def test_a_shift_gives_one_sign_and_a_window_of_the_new_rows(watch: Watch) -> None:
    feed(watch, rows(3_000, 3))
    told = feed(watch, rows(1_000, 4, shift=1.5))
    assert len(told) == 1
    assert not watch.due
    assert feed(watch, rows(1_500, 5, shift=1.5)) == []
    assert watch.due
    assert watch.sign is not None
    event = watch.event(watch.sign, SOURCE)
    assert (event.kind, event.columns[0], event.detector, event.window) == ("marginal", "size", DETECTOR, SOURCE)
    assert 2_750 <= event.since_row <= 3_250
    assert 3_000 < event.row <= 3_750
    first, spans = watch.spans()
    assert first == event.since_row
    assert spans[0].first <= first < spans[0].first + spans[0].rows
    assert spans[-1].first + spans[-1].rows == watch.rows
    watch.followed()
    assert (watch.due, watch.sign) == (False, None)


def test_the_window_s_counts_are_those_of_its_train_rows() -> None:
    """What a generator fits to and what the gates compare with are the same rows, split by the same keyed hash."""
    policy = CONTRACT.policy.model_copy(update={"generation": Generation(counts="public_bins")})
    pinned = CONTRACT.model_copy(update={"policy": policy, "columns": bounded(CONTRACT)})
    table = conform(rows(6_000, 1), pinned, roles=WATCHED).table
    watch = Watch.of(pinned, SOURCE, Profiled(build_reference(table, pinned), 6_000, 3_000), SECRET, 2_000)
    stream = pd.concat([rows(2_000, 3), rows(4_000, 4, shift=1.5)], ignore_index=True)
    for place, piece in enumerate(pieces(stream)):
        watch.take(ORIGIN, place, place, watch.counter.count(columns_of_rows(observed(piece))))
        if watch.due:
            break
    assert watch.counts is not None
    first, spans = watch.spans()
    assert first == watch.aggregator.since >= 2_000
    assert spans[-1].first + spans[-1].rows == watch.rows
    window = conform(stream.iloc[first : watch.rows], pinned).table
    train = window[Splitter(pinned, SECRET).shares(columns_of(window, pinned)) == 0].reset_index(drop=True)
    assert contracted(watch.counts, pinned).digest == counted_table(train, public_layout(pinned)).digest
    watch.followed()
    assert watch.counts is None


def bounded(contract: Contract) -> tuple[Column, ...]:
    """The contract's columns, each with a domain: public bins need one."""
    domains = {
        "weight": Range(lower=-20, upper=20, resolution=0.001, confirmed=True),
        "late": Categories(values=(False, True), confirmed=True),
    }
    return tuple(
        column.model_copy(update={"domain": domains.get(column.name, column.domain)}) for column in contract.columns
    )


def test_an_event_says_what_moved_by_how_much_and_what_it_weighs(watch: Watch) -> None:
    # The change begins with a block, so that the rows since then are all of the new kind.
    feed(watch, rows(3_000, 3))
    event = json.loads(feed(watch, rows(1_000, 4, shift=1.5))[0])
    assert "size" in event["said"]
    assert sum(share["before"] for share in event["shares"]) == pytest.approx(1, abs=0.01)
    assert sum(share["after"] for share in event["shares"]) == pytest.approx(1, abs=0.01)
    assert 0 < event["severity"] <= 1
    assert event["since_time"].startswith("2026-01-01")


def test_a_replay_tells_the_same_bytes_however_the_rows_were_cut() -> None:
    stream = pd.concat([rows(1_000, 5), rows(3_000, 6, shift=2.0)], ignore_index=True)
    told = [feed(lives.watch(), stream, size) for size in (400, 400, 200, 1_000)]
    assert told[0] == told[1] == told[2] == told[3] != []


def test_seen_and_sealed_are_two_events_and_so_are_two_profiles(watch: Watch) -> None:
    feed(watch, rows(2_000, 7, shift=2.0))
    assert watch.sign is not None
    other = lives.watch()
    other.shape = "e" * 64
    ids = [
        watch.event(watch.sign, None).event_id,
        watch.event(watch.sign, SOURCE).event_id,
        other.event(watch.sign, None).event_id,
        watch.event(replace(watch.sign, row=watch.sign.row + 1), None).event_id,
    ]
    assert len(set(ids)) == 4


def test_a_second_drift_begins_a_window_of_its_own(watch: Watch) -> None:
    assert len(feed(watch, rows(9_000, 8, shift=2.0))) == 1
    assert watch.sign is not None
    first = watch.sign.since_row
    assert len(feed(watch, rows(2_000, 9, shift=-1.0))) == 1
    assert watch.sign is not None
    assert watch.sign.since_row >= 8_750 > first
    assert watch.spans()[0] == watch.sign.since_row


def test_without_drift_a_window_is_due_now_and_then_to_measure_the_release(watch: Watch) -> None:
    wanted = watch.contract.policy.monitoring.check_rows
    feed(watch, rows(wanted - 500, 10), 5_000)
    assert not watch.check_due
    feed(watch, rows(500, 11))
    assert (watch.check_due, watch.due) == (True, False)
    first, spans = watch.spans()
    assert first == wanted - watch.window_rows
    event = watch.check(SOURCE, 1_900)
    assert (event.rows, event.first_row, event.last_row) == (1_900, wanted - 1_900, wanted - 1)
    assert spans
    name = watch.window_name()
    watch.followed()
    assert not watch.check_due
    assert name.startswith("check.lives.")


def test_spans_of_old_rows_are_forgotten_and_deletes_among_the_new_are_kept(watch: Watch) -> None:
    feed(watch, rows(6_000, 12))
    watch.take(ORIGIN, 12, 12, counted(rows(100, 12), "delete"))
    assert watch.rows == 6_000
    assert [span.rows for span in watch.spans()[1]] == [500] * 4 + [0]


def test_columns_that_do_not_fit_are_told_and_begin_no_window(watch: Watch) -> None:
    signs = watch.take(ORIGIN, 0, 0, counted(rows(300, 13).drop(columns="weight")))
    assert [(sign.kind, sign.columns) for sign in signs if sign.kind == "schema"] == [("schema", ("weight",))]
    event = watch.event(signs[0], None)
    assert event.said is not None
    assert "weight" in event.said


def test_a_new_category_is_told_without_its_name(watch: Watch) -> None:
    told = feed(watch, rows(1_000, 14, kinds=("a", "b", "a secret word")))
    assert [json.loads(each)["kind"] for each in told] == ["new_category"]
    assert not any(b"secret" in each for each in told)


def test_a_group_is_named_only_where_the_contract_names_it(watch: Watch) -> None:
    sign = DriftSign(9, 1, "subgroup", ("kind", "weight"), 1.25, "standard_deviations", 9.0, 8.0, group="b")
    event = watch.event(sign, None)
    assert (event.group, event.effect) == ("b", 1.25)
    assert event.said is not None
    assert "kind = b" in event.said
    hidden = watch.event(replace(sign, group="a private word"), None)
    assert hidden.group is None
    assert b"private" not in hidden.to_bytes()


def test_a_change_within_a_group_is_found_and_said(watch: Watch) -> None:
    feed(watch, rows(2_500, 15))
    events = [json.loads(each) for each in feed(watch, rows(3_000, 16, inside=0.8))]
    assert len(events) == 1
    assert events[0]["columns"][-1] == "weight"
    assert events[0]["kind"] in ("subgroup", "marginal", "correlation")


@pytest.mark.parametrize("seconds", [1e300, -1e300, 1e19, None])
def test_a_time_that_no_calendar_has_is_left_out(watch: Watch, seconds: float | None) -> None:
    sign = DriftSign(9, 1, "schema", ("size",), 0.2, "share", 1.0, 1.0, since_time=seconds)
    assert watch.event(sign, None).since_time is None


def test_counts_that_do_not_belong_are_refused_and_change_nothing(watch: Watch) -> None:
    one: Any = counted(rows(300, 17))
    with pytest.raises(ContractError):
        watch.take(ORIGIN, 0, 0, replace(one, held=one.held[1:]))
    assert (watch.rows, watch.aggregator.positions) == (0, {})
