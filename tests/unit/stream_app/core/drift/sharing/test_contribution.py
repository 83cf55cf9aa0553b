"""The bound on an entity's rows is exact, in order, however rows are cut into calls and wherever state is restored."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ContractError, InputError
from schemas.keyed_hash import Path, fastest
from stream_app.core.drift.sharing import contribution
from stream_app.core.drift.sharing.contribution import EntityBound

PATHS: tuple[Path, ...] = ("numpy", "numba") if fastest() == "numba" else ("numpy",)
KEYS = st.sampled_from([0, 1, 2, 3, 2**32, 2**63, 2**64 - 1, 0x9E3779B97F4A7C15]) | st.integers(0, 2**64 - 1)
CALLS = st.lists(
    st.tuples(st.sampled_from(["admit", "admit", "admit", "remove", "reset", "restore"]), st.lists(KEYS, max_size=40)),
    max_size=12,
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks and tables so small that every run crosses their ends, grows and wraps."""
    monkeypatch.setattr(contribution, "_BLOCK", 4)
    monkeypatch.setattr(contribution, "_SMALLEST", 8)


def expected_admitted(counts: Counter[int], keys: list[int], most: int) -> list[bool]:
    admitted = []
    for key in keys:
        admitted.append(counts[key] < most)
        counts[key] += admitted[-1]
    return admitted


def expected_removed(counts: Counter[int], keys: list[int]) -> list[bool]:
    removed = []
    for key in keys:
        removed.append(counts[key] > 0)
        counts[key] -= removed[-1]
    return removed


def array(keys: list[int]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(keys, dtype=np.uint64)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("path", PATHS)
@settings(deadline=None)
@given(calls=CALLS, most=st.sampled_from([1, 2, 3, 255, 256, 70_000]))
def test_the_table_agrees_with_a_dictionary_at_every_step(
    path: Path, calls: list[tuple[str, list[int]]], most: int
) -> None:
    bound, counts = EntityBound(most, path), Counter[int]()
    for call, keys in calls:
        if call == "admit":
            assert bound.admit(array(keys)).tolist() == expected_admitted(counts, keys, most)
        elif call == "remove":
            assert bound.remove(array(keys)).tolist() == expected_removed(counts, keys)
        elif call == "restore":
            bound = EntityBound.from_bytes(bound.to_bytes(), path)
        else:
            bound.reset()
            counts.clear()
        assert len(bound) == sum(count > 0 for count in counts.values())


@pytest.mark.usefixtures("small")
@settings(deadline=None)
@given(st.lists(KEYS, max_size=120), st.randoms(use_true_random=False), st.integers(1, 4))
def test_the_cut_into_calls_changes_nothing_and_equal_windows_are_equal_bytes(
    keys: list[int], random: object, most: int
) -> None:
    whole, pieces = EntityBound(most, PATHS[0]), EntityBound(most, PATHS[-1])
    cut = sorted(random.randrange(len(keys) + 1) for _ in range(5))  # type: ignore[attr-defined]
    admitted = np.concatenate([pieces.admit(part) for part in np.split(array(keys), cut)])
    assert (whole.admit(array(keys)) == admitted).all()
    assert whole.to_bytes() == pieces.to_bytes()
    assert EntityBound.from_bytes(whole.to_bytes()).to_bytes() == whole.to_bytes()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("path", PATHS)
def test_keys_that_share_a_home_at_the_end_of_the_table_are_found_around_its_end(path: Path) -> None:
    inverse = pow(0x9E3779B97F4A7C15, -1, 2**64)
    # Mixed, these are the largest numbers there are: all belong into the last slot.
    keys = [(2**64 - 1 - step) * inverse % 2**64 for step in range(50)]
    bound, counts = EntityBound(2, path), Counter[int]()
    for part in (keys, keys[::-1], [0], keys):
        assert bound.admit(array(part)).tolist() == expected_admitted(counts, part, 2)
    assert bound.remove(array([*keys, 5])).tolist() == [True] * 50 + [False]
    assert EntityBound.from_bytes(bound.to_bytes(), path).admit(array(keys)).all()


@pytest.mark.parametrize("path", PATHS)
def test_a_large_window_is_bounded_exactly_in_little_memory(path: Path) -> None:
    rng = np.random.default_rng(1)
    entities = rng.integers(0, 2**64, 60_000, dtype=np.uint64)
    rows = np.concatenate([entities, entities[rng.integers(0, 60_000, 90_000)]])
    bound = EntityBound(2, path)
    admitted = bound.admit(rows)
    _, place = np.unique(rows, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    rank = np.empty(len(rows), dtype=int)
    rank[order] = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
    assert (admitted == (rank < 2)).all()
    assert bound.nbytes < 24 * len(bound)
    assert len(bound.to_bytes()) == 20 + 9 * len(bound)
    bound.remove(rows)
    assert len(bound) == 0


@pytest.mark.parametrize("path", PATHS)
def test_entities_that_left_do_not_fill_the_table(path: Path) -> None:
    bound, rng = EntityBound(1, path), np.random.default_rng(1)
    for _ in range(30):
        keys = rng.integers(0, 2**64, 4_000, dtype=np.uint64)
        assert bound.admit(keys).all()
        assert bound.remove(keys).all()
    assert bound.nbytes < 20 * 8_192


@pytest.mark.parametrize("most", [0, -1, 2**62 + 1])
def test_a_bound_that_bounds_nothing_is_refused(most: int) -> None:
    with pytest.raises(ContractError, match="from 1"):
        EntityBound(most)


@given(st.binary(max_size=80))
def test_bytes_that_are_no_state_are_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        EntityBound.from_bytes(data)


@settings(deadline=None)
@given(st.integers(0, 100), st.integers(0, 7), st.integers(1, 60))
def test_a_state_with_a_changed_bit_is_refused_or_another_valid_one(place: int, bit: int, cut: int) -> None:
    bound = EntityBound(3)
    bound.admit(array([7, 9, 2**40, 9, 9, 9, 5]))
    data = bytearray(bound.to_bytes())
    with pytest.raises(InputError, match="state"):
        EntityBound.from_bytes(bytes(data[:-cut]))
    data[place % len(data)] ^= 1 << bit
    try:
        changed = EntityBound.from_bytes(bytes(data))
    except InputError:
        return
    assert changed.to_bytes() == bytes(data)
