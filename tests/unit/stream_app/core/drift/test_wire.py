"""Counts on the wire: read back exactly, and anything damaged is a ``ContractError`` or still counts."""

import hashlib
import json
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.errors import ContractError
from stream_app.core.drift.blocks import Block, Blocks
from stream_app.core.drift.concept.concept import Errors
from stream_app.core.drift.wire import Compared, Counted, from_bytes, to_bytes

CELLS = 40
names = st.lists(st.text(max_size=5), max_size=3).map(tuple)
sizes = st.integers(0, 2**52)


@st.composite
def vectors(draw: st.DrawFn) -> "np.ndarray[Any, Any]":
    """Counts, dense or sparse, in any width."""
    largest = draw(st.sampled_from([1, 255, 256, 65_535, 65_536, 2**31, 2**32, 2**62]))
    counts = st.integers(0, largest) if draw(st.booleans()) else st.just(0)
    found = draw(st.lists(counts, min_size=CELLS, max_size=CELLS))
    vector = np.asarray(found, dtype=np.int64)
    vector[draw(st.integers(0, CELLS - 1))] = largest
    return vector


@st.composite
def counted(draw: st.DrawFn) -> Counted:
    times = st.none() | st.floats(allow_nan=False, allow_infinity=False)
    pairs = draw(st.sampled_from([(0, 0), (0, 7), (5, 33), (CELLS, CELLS)]))
    blocks = tuple(_block(draw, times, pairs) for _ in range(draw(st.integers(0, 4))))
    operation = draw(st.sampled_from(("insert", "delete", "label")))
    compared = draw(st.none() | st.builds(Compared, st.text(max_size=5), vectors().map(lambda counts: counts[:17])))
    sides = draw(vectors()), draw(vectors())
    return Counted(operation, blocks, *sides, draw(names), draw(names), draw(names), compared, pairs)


def _block(draw: st.DrawFn, times: "st.SearchStrategy[float | None]", pairs: tuple[int, int]) -> Block:
    """Without rows of pairs it counts none."""
    counts, rows, errors = draw(vectors()), draw(st.integers(0, 2) | sizes), Errors(draw(sizes), draw(sizes), 3)
    counts[slice(*pairs)] *= rows > 0
    return Block(draw(st.integers(0, 9)), draw(sizes), counts, draw(times), errors, rows)


def plain(found: Counted) -> list[Any]:
    blocks = [(*each.head, each.time, each.counts.tolist()) for each in found.blocks]
    compared = None if found.compared is None else (found.compared.release, found.compared.counts.tolist())
    return [found.operation, blocks, found.train.tolist(), found.held.tolist(), found.misfit, compared]


BARE = Counted(
    "insert",
    (Block(1, 7, np.arange(CELLS), 12.5, Errors(3, 1, 9)), Block(0, 2, np.eye(1, CELLS, 5, dtype=np.int64)[0])),
    np.arange(CELLS) * 1_000,
    np.zeros(CELLS, dtype=np.int64),
    ("absent",),
)
SMALL = to_bytes(replace(BARE, compared=Compared("f" * 64, np.arange(7))))


def test_the_bytes_are_those_of_earlier_versions() -> None:
    assert hashlib.sha256(SMALL).hexdigest() == "59c1de8824066ccf5de59b3f616867bca62731fd44f099fbfe3b71a138f92bf2"


@settings(max_examples=60, deadline=None)
@given(counted())
def test_blocks_side_by_side_give_the_bytes_of_the_blocks(given_counts: Counted) -> None:
    together = replace(given_counts, blocks=Blocks.of(given_counts.blocks, given_counts.pairs))
    assert to_bytes(together) == to_bytes(given_counts)


@settings(max_examples=60, deadline=None)
@given(counted())
def test_counts_are_read_back_exactly(given_counts: Counted) -> None:
    body = to_bytes(given_counts)
    again = from_bytes(body)
    assert plain(again) == plain(given_counts)
    assert to_bytes(again) == body


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 3_000), st.sampled_from([1, 300, 70_000, 2**40]))
def test_what_is_mostly_nothing_takes_little_room(seed: int, some: int, largest: int) -> None:
    random, vector = np.random.default_rng(seed), np.zeros(3_000, dtype=np.int64)
    vector[random.permutation(3_000)[:some]] = random.integers(1, largest + 1, some)
    found = to_bytes(Counted("insert", (), vector, np.zeros(3_000, dtype=np.int64)))
    assert len(found) < 250 + (12 * some if some <= 300 else 8 * 3_000)
    assert from_bytes(found).train.tolist() == vector.tolist()


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_are_contract_errors_or_counts(changes: list[tuple[int, int]]) -> None:
    body = bytearray(SMALL)
    for place, value in changes:
        body[place] = value
    _error_or_counts(bytes(body))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(SMALL) - 1), st.binary(max_size=9))
def test_cut_and_lengthened_bytes_are_contract_errors(length: int, more: bytes) -> None:
    with pytest.raises(ContractError):
        from_bytes(SMALL[:length])
    if more:
        with pytest.raises(ContractError):
            from_bytes(SMALL + more)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
@example(b"")
@example(SMALL[:8])
def test_any_bytes_are_contract_errors(body: bytes) -> None:
    with pytest.raises(ContractError):
        from_bytes(body)
    _error_or_counts(SMALL[:4] + body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["operation", "cells", "blocks", "pairs", "misfit", "vectors", "compared"]), json_values)
@example("pairs", [0, 0, 0])
@example("pairs", [3, 1, 2])
@example("pairs", [0, 1 << 40, 2])
@example("pairs", [0, 40, True])
@example("blocks", -2)
@example("blocks", 1 << 40)
@example("blocks", 2.0)
@example("blocks", True)
@example("cells", 1 << 40)
@example("vectors", ["s1.99999999999"] * 4)
@example("vectors", ["s1.-1"] * 4)
@example("vectors", ["d8", "d9", "x1", ""])
@example("compared", ["f", -1])
@example("compared", ["f", 7, 7])
@example("compared", {"1": 7})
@example("compared", [None, 7])
@example("compared", ["f", 1 << 40])
def test_odd_headers_are_contract_errors_or_counts(key: str, value: Any) -> None:
    _error_or_counts(with_header({key: value}))


@pytest.mark.parametrize(
    ("known", "other"),
    [
        (struct.pack("<d", 12.5), struct.pack("<d", np.inf)),
        (struct.pack("<2q", 1, 7), struct.pack("<2q", 1, -7)),
        (struct.pack("<2q", 1, 7), struct.pack("<2q", 1 << 53, 7)),
    ],
)
def test_blocks_that_cannot_be_are_refused(known: bytes, other: bytes) -> None:
    assert SMALL.count(known) == 1
    with pytest.raises(ContractError):
        from_bytes(SMALL.replace(known, other))


def test_counts_below_nothing_are_refused() -> None:
    body = to_bytes(Counted("insert", (), np.array([1 << 40, 1]), np.array([2, 3])))
    damaged = body.replace(struct.pack("<q", 1 << 40), struct.pack("<q", -1))
    assert damaged != body
    with pytest.raises(ContractError):
        from_bytes(damaged)


@pytest.mark.parametrize("key", ["operation", "cells", "blocks", "misfit", "vectors"])
def test_a_header_without_a_key_is_refused(key: str) -> None:
    with pytest.raises(ContractError):
        from_bytes(with_header({}, without=key))


def test_what_no_private_test_asks_for_takes_no_room() -> None:
    assert b"compared" not in to_bytes(BARE)
    assert from_bytes(to_bytes(BARE)).compared is None


def test_a_header_that_hides_the_compared_counts_is_refused() -> None:
    with pytest.raises(ContractError):
        from_bytes(with_header({}, without="compared"))


def with_header(changes: dict[str, Any], without: str = "") -> bytes:
    """The small message with another header."""
    (length,) = struct.unpack_from("<I", SMALL, 4)
    header = json.loads(SMALL[8 : 8 + length]) | changes
    header.pop(without, None)
    head = json.dumps(header).encode()
    return SMALL[:4] + struct.pack("<I", len(head)) + head + SMALL[8 + length :]


def _error_or_counts(body: bytes) -> None:
    try:
        found = from_bytes(body)
    except ContractError:
        return
    # What is read as counts can be written as counts.
    assert plain(from_bytes(to_bytes(found))) == plain(found)
