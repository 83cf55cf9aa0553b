"""What waits is lost neither by any cutting nor by a restart, and no more waits than is too little to be looked at."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ContractError
from stream_app.core.drift.blocks import Blocks, counted
from stream_app.core.drift.packing import pack
from stream_app.core.drift.reference import Reference, build_reference
from stream_app.core.drift.tracker import Tracker
from stream_app.core.drift.waiting import Waiting
from tests.benchmarks.drift import streams

ROWS = 3_000


@pytest.fixture(scope="module")
def reference() -> Reference:
    return build_reference(streams.reference().head(10_000), streams.CONTRACT)


def restored(waiting: Waiting, reference: Reference) -> Waiting:
    return Waiting.from_document(json.loads(json.dumps(waiting.document())), reference)


cuts = st.lists(st.integers(0, ROWS), max_size=30).map(sorted)


@settings(max_examples=30, deadline=None)
@given(cuts)
def test_codes_come_in_order_by_whole_blocks_however_they_are_cut(reference: Reference, places: list[int]) -> None:
    codes = np.random.default_rng(1).integers(0, 5, (len(reference.bins), ROWS)).astype(np.uint8)
    seconds, together = np.arange(float(ROWS)), reference.block_rows * reference.layout.pair_blocks
    waiting, found = Waiting(reference), list[Any]()
    for start, stop in zip([0, *places], [*places, ROWS], strict=True):
        filled = waiting.filled(codes[:, start:stop], seconds[start:stop])
        if filled is not None:
            assert len(filled[1]) % together == 0
            found.append(filled)
        waiting = restored(waiting, reference)
    whole = ROWS // together * together
    assert np.array_equal(np.concatenate([each for each, _ in found], axis=1), codes[:, :whole])
    assert np.array_equal(np.concatenate([each for _, each in found]), seconds[:whole])


@settings(max_examples=30, deadline=None)
@given(cuts)
def test_counts_are_joined_until_they_are_of_enough_rows(reference: Reference, places: list[int]) -> None:
    frame = streams.Source((3, 1)).take(ROWS)
    codes, seconds, section = reference.encode(frame), reference.times_of(frame), reference.layout.paired
    waiting, row, looked_at = Waiting(reference), 0, list[Any]()
    for start, stop in zip([0, *places], [*places, ROWS], strict=True):
        blocks = counted(codes[:, start:stop], seconds[start:stop], reference)
        ready, firsts = waiting.joined(Blocks.of(blocks, (section.first, section.stop)), row)
        looked_at += zip(ready, firsts.tolist(), strict=True)
        row = stop
        waiting = restored(waiting, reference)
    left = waiting.document()
    rows, at = 0, 0
    for block, first in looked_at:
        assert block.rows >= reference.block_rows // 2
        assert block.pair_rows == 0 or block.pair_rows >= 0.4 * reference.block_rows * section.blocks
        assert first >= at
        rows, at = rows + block.rows, first
    short = sum(block[1] for _, _, block in left["pending"])
    assert rows + short == ROWS
    assert short < reference.block_rows // 2
    unpaired = sum(rows for _, rows, _ in left["unpaired"]) + sum(block[-1] for _, _, block in left["pending"])
    assert sum(block.pair_rows for block, _ in looked_at) + unpaired == ROWS


def edited(state: dict[str, Any], name: str, value: Any) -> str:
    return json.dumps({**state, name: value})


def test_what_waits_of_no_such_reference_is_a_contract_error(reference: Reference) -> None:
    """Rows that would have been counted, those of other columns, more codes than times; counts of other layouts."""
    state, columns = json.loads(Tracker(reference).to_json()), len(reference.bins)
    for lacking, codes, times in ((0, 5_000, 5_000), (1, 3, 3), (0, 4, 3)):
        held = [pack(np.zeros((columns - lacking, codes), dtype=np.uint8)), pack(np.zeros(times))]
        with pytest.raises(ContractError, match="not the state"):
            Tracker.from_json(edited(state, "held", held), reference)
    few = pack(np.ones(3, dtype=np.int64))
    for name, value in (("pending", [[0, 0, [0, 3, None, [0, 0, 0], few, 3]]]), ("unpaired", [[0, 3, few]])):
        with pytest.raises(ContractError, match="not the state"):
            Tracker.from_json(edited(state, name, value), reference)
