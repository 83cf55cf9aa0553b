"""Spans into events, notes beside commits, and the partition of a key."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.contract import Column, Contract, Policy, Privacy, PrivacyUnit
from schemas.errors import ContractError, InputError
from stream_app.adapters.arrow_blocks import decode_block
from stream_app.adapters.origins import note_of, read_note
from stream_app.adapters.packer import Packing
from stream_app.adapters.packing import ByDataset, Span, blocks_of, letters_of, reader_of, route_of
from stream_app.adapters.partitioning import partitions_of_tokens

SPAN = Span("trips", 2, 10, 12)
UNIT = PrivacyUnit(kind="entity", column="who")
CONTRACT = Contract(
    dataset="trips",
    columns=(Column(name="n", type="integer"), Column(name="who", type="string", role="entity")),
    policy=Policy(privacy=Privacy(scope="trips", claim="empirical", unit=UNIT)),
)


def test_the_same_span_gives_the_same_events_and_another_span_others() -> None:
    changes = reader_of(None)([b'{"n":1}', b'{"n":2}', b"x"])
    (block,) = blocks_of("trips", SPAN, changes, ByDataset())
    assert blocks_of("trips", SPAN, changes, ByDataset())[0].event == block.event
    assert (block.event.origin, block.event.first_offset, block.event.last_offset) == ("trips/2", 10, 12)
    assert (block.event.first_row, block.event.rows, block.partition) == (10, 2, None)
    others = [
        blocks_of(*where, changes, ByDataset())[0].event.event_id
        for where in (("rides", SPAN), ("trips", Span("trips", 1, 10, 12)), ("trips", Span("trips", 2, 10, 13)))
    ]
    assert len({block.event.event_id, *others}) == 4
    (letter,) = letters_of("trips", SPAN, [10, 11, 12], [b"1", b"2", b"x"], changes.bad)
    assert (letter.topic, letter.partition, letter.offset, letter.reason) == ("trips", 2, 12, changes.bad[2])


def test_rows_of_an_entity_share_a_partition_and_keep_their_values() -> None:
    messages = [f'{{"n":{n},"who":"rider {n % 5}"}}'.encode() for n in range(50)] + [b'{"n":50}']
    blocks = blocks_of("trips", SPAN, reader_of(CONTRACT)(messages), route_of(CONTRACT, b"k" * 32, 4))
    frames = {block.partition: decode_block(block.event.block) for block in blocks}
    assert sorted(n for frame in frames.values() for n in frame["n"]) == list(range(51))
    assert None not in frames
    for rider in range(5):
        assert sum(f"rider {rider}" in set(frame["who"]) for frame in frames.values()) == 1
    assert len({block.event.event_id for block in blocks}) == len(blocks)


def test_a_span_that_is_too_large_for_a_block_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream_app.adapters.packing.MAX_BLOCK_BYTES", 100)
    with pytest.raises(ContractError, match="too large"):
        blocks_of("trips", SPAN, reader_of(None)([b'{"n":1}']), ByDataset())


@given(st.dictionaries(st.integers(0, 10**6), st.integers(0, 10**15), max_size=40))
def test_a_note_reads_as_it_was_written(positions: dict[int, int]) -> None:
    assert read_note(note_of(positions)) == positions


@given(st.none() | st.text(max_size=20) | st.text(max_size=20).map(lambda text: f"records:{text}"))
def test_what_is_no_note_says_nothing_or_numbers(note: str | None) -> None:
    assert all(isinstance(part, int) for pair in read_note(note).items() for part in pair)


def test_a_note_that_is_too_long_is_left_out() -> None:
    assert note_of(dict.fromkeys(range(1000), 10**9)) == ""


def test_partitions_are_those_of_kafkas_own_clients() -> None:
    """A vector of ``Utils.murmur2`` in Apache Kafka's own tests, for a key whose length is a multiple of four."""
    assert partitions_of_tokens(["a-little-bit-long-string"], 2**31)[0] == -985981536 & 0x7FFFFFFF
    assert partitions_of_tokens([], 4).dtype == np.int64


@pytest.mark.parametrize("given_", [{"topic": "source.records", "dataset": "trips"}, {"topic": "t", "dataset": "No"}])
def test_a_packing_that_cannot_be_is_refused(given_: dict[str, str]) -> None:
    with pytest.raises(InputError):
        Packing(**given_)
