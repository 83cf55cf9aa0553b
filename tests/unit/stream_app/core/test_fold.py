from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import TransientError
from schemas.events.plans import Ticked
from stream_app.core.entry import Entry, Hole, Record
from stream_app.core.fingerprint import fingerprint
from stream_app.core.fold import AlignedFold, fold
from stream_app.core.persistent import Decided, PersistentMap
from stream_app.core.registry import initial, step
from stream_app.core.unsigned import StatusDrawn
from tests.events import Log, cleared, command, dossier, request


def log_of(size: int) -> list[Record]:
    log = Log()
    for number in range(size):
        log.append(
            cleared(dossier(request(f"flights.{number % 3}")))
            if number % 2
            else Ticked(event_id=str(number // 4), target="flights")
        )
    return [Hole(entry.offset) if entry.offset % 5 == 4 else entry for entry in log.entries]


def no_gap(start: int, stop: int) -> Sequence[Record]:
    raise AssertionError("no gap to read")


@settings(deadline=None)
@given(st.lists(st.integers(0, 19), min_size=1, max_size=40))
def test_any_deliveries_lead_to_the_state_of_the_prefix_and_the_same_facts(offsets: list[int]) -> None:
    records = log_of(20)
    straight, wild = AlignedFold(step, initial), AlignedFold(step, initial)
    facts = [straight.deliver(record, no_gap) for record in records]
    for offset in offsets:
        told = wild.deliver(records[offset], lambda start, stop: records[start:stop])
        assert {fact.event_id for fact in told} <= {fact.event_id for fact in facts[offset]}
        lost = [fact for fact in facts[offset] if fact.event_id not in {each.event_id for each in told}]
        assert all(isinstance(fact, StatusDrawn) for fact in lost)
    aligned = AlignedFold(step, initial)
    aligned.advance(records, max(offsets) + 1)
    assert wild.snapshot() == aligned.snapshot()


def test_an_old_status_is_not_given_again_after_a_newer_one() -> None:
    log = Log()
    log.append(cleared())
    log.append(command("revoke", release_id="flights.run.1", reason="privacy", role="responder"))
    log.append(cleared())
    folded = AlignedFold(step, initial)
    for entry in log.entries[:2]:
        folded.deliver(entry, no_gap)
    for late in (log.entries[0], log.entries[2]):
        assert not [fact for fact in folded.deliver(late, no_gap) if isinstance(fact, StatusDrawn)]
    statuses = [fact for fact in folded.deliver(log.entries[1], no_gap) if isinstance(fact, StatusDrawn)]
    assert [fact.status.current for fact in statuses] == [None]


def test_a_gap_that_cannot_be_read_whole_stops_the_fold_before_it() -> None:
    records = log_of(10)
    folded = AlignedFold(step, initial)
    with pytest.raises(TransientError):
        folded.deliver(records[9], lambda start, stop: records[start:5])
    assert folded.position == 5
    with pytest.raises(TransientError):
        folded.deliver(records[9], lambda start, stop: records[6:9])
    assert (folded.position, folded.missing(9)) == (5, range(5, 9))
    folded.deliver(records[9], lambda start, stop: records[start:stop])
    assert folded.position == 10


def test_keys_are_folded_apart_and_like_an_auditor_folds_them() -> None:
    log = Log()
    log.append(cleared())
    log.append(Ticked(event_id="t", target="trains"), key="trains")
    folded = AlignedFold(step, initial)
    for entry in log.entries:
        folded.deliver(entry, no_gap)
    assert folded.keys == ("flights", "trains")
    assert fingerprint(fold(step, initial, log.entries)) == folded.snapshot().digest


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers())))
def test_a_persistent_map_is_a_map_and_leaves_old_versions_as_they_were(puts: list[tuple[str, int]]) -> None:
    found, plain, versions = PersistentMap[int](), dict[str, int](), []
    for key, value in puts:
        versions.append((found, dict(plain)))
        found, plain = found.put(key, value), plain | {key: value}
    for version, meant in [*versions, (found, plain)]:
        assert dict(version.items()) == meant
        assert all(version.get(key) == value and key in version for key, value in meant.items())
        assert version.get("absent") is None
    assert len(found.layers) <= max(1, len(puts)).bit_length()


def test_an_event_is_recognised_by_type_and_id() -> None:
    tick, revoke = (
        Ticked(event_id="same", target="flights"),
        command("freeze", role="responder").model_copy(update={"event_id": "same"}),
    )
    entries = [Entry(tick, "flights", 1, 0), Entry(revoke, "flights", 2, 1)]
    decided = Decided().record(entries[0], ())
    assert decided.recall(entries[0]) == ()
    assert decided.recall(entries[1]) is None
    elsewhere = Entry(tick, "trains", 1, 0)
    assert entries[0].fact_id("registry", "x") != elsewhere.fact_id("registry", "x"), (
        "two datasets may be given the same id"
    )


def test_an_event_that_stands_in_the_log_twice_is_published_once() -> None:
    log = Log()
    log.append(cleared())
    log.append(cleared())
    folded = AlignedFold(step, initial)
    assert folded.deliver(log.entries[0], no_gap)
    assert folded.deliver(log.entries[1], no_gap) == ()
    assert folded.deliver(log.entries[0], no_gap)
