"""The slow scan: it finds what stays below every allowance, dates it roughly, and keeps to its budget."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ContractError
from stream_app.core.drift.counts import counting
from stream_app.core.drift.detectors import slow_scan
from stream_app.core.drift.detectors.slow_scan import SlowScan
from stream_app.core.drift.packing import pack, unpack

Floats = np.ndarray[Any, np.dtype[np.float64]]


def scan(channels: int = 20, blocks: int = 10_000, budget: float = 0.1) -> SlowScan:
    return SlowScan(np.ones(channels, dtype=bool), blocks, 250, budget)


def alarms(one: SlowScan, scores: Floats) -> int | None:
    """How many blocks were taken up to the alarm; none where there was none."""
    taken = one.update(scores, 250 * np.arange(len(scores)))
    return taken if one.passed else None


def test_an_offset_below_every_allowance_is_found_and_dated() -> None:
    """Seed 71: 0.2 standard deviations a block from block 2,048 on; Page's sums allow 0.25."""
    scores = np.random.default_rng(71).standard_normal((8_192, 20))
    scores[2_048:, 5] -= 0.2
    one = scan()
    taken = alarms(one, scores)
    assert taken is not None
    assert 2_048 < taken <= 2_048 + 2_048
    assert int(np.argmax(one.strength())) == 5
    alarm = one.alarm(5)
    assert alarm.falls
    assert alarm.statistic >= alarm.threshold
    assert alarm.since is not None
    assert abs(alarm.since - 250 * 2_048) <= 250 * 1_024


def test_false_alarms_keep_to_the_budget() -> None:
    """Seed 72: 20 channels of 100,000 blocks at 8 alarms in a million rows, so 200 in all; the heights are exact for
    one look, so that at most 200 and 5 sigma of 14 pass. A window is looked at again by its second half, so that there
    may be fewer.
    """
    scores, found, at = np.random.default_rng(72).standard_normal((100_000, 20)), 0, 0
    one = scan(budget=8.0)
    while at < len(scores):
        at += one.update(scores[at:], np.arange(at, len(scores)))
        found += one.passed
        one.forget()
    assert 60 < found < 200 + 5 * 15


def test_a_short_reference_is_believed_less() -> None:
    """Seed 73: the means of a reference of 64 blocks are off by 1/8 of a standard deviation, as they may be. The budget
    is one alarm in ten such streams, of a million rows each.
    """
    random = np.random.default_rng(73)
    scores = random.standard_normal((4_096, 20)) + random.normal(0, 1 / 8, 20)
    assert alarms(scan(blocks=64), scores) is None
    assert alarms(scan(), scores) is not None


def test_only_chosen_channels_are_looked_at() -> None:
    one = SlowScan(np.array([True, False, True]), 10_000, 250, 0.1)
    assert alarms(one, np.tile([0.0, 5.0, 0.0], (2_000, 1))) is None
    assert alarms(one, np.tile([0.0, 0.0, 5.0], (2_000, 1))) is not None
    assert int(np.argmax(one.strength())) == 2
    assert one.strength()[1] == 0


def test_what_was_told_is_told_no_more() -> None:
    one, scores = scan(2), np.tile([1.0, 0.0], (2_000, 1))
    assert alarms(one, scores) is not None
    one.tell(np.array([True, False]))
    assert not one.passed
    assert alarms(one, scores) is None
    assert alarms(one, scores[:, ::-1]) is not None


def test_every_scale_has_the_same_part_of_the_budget_and_each_channel_its_own() -> None:
    """0.4 alarms in a million rows over seven scales: offsets of one channel with three times the part of the other."""
    parts = np.array([0.3, 0.6, 0.1])
    one = SlowScan(np.array([True, False, True]), 10**9, 250, 0.4, parts=parts)
    spent = np.zeros((7, 2))
    for place, scale in enumerate(slow_scan._SCALES):
        for number, channel in enumerate((0, 2)):
            one._passed = place
            height = one.alarm(channel).threshold
            # Both sides of the normal law, twice in a window's length.
            spent[place, number] = 2 * math.erfc(height / math.sqrt(2)) / scale * 1e6 / 250
    assert spent.sum() == pytest.approx(0.4)
    assert spent == pytest.approx(np.tile([0.3 / 7, 0.1 / 7], (7, 1)))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(1, 90), max_size=5), st.booleans(), st.sampled_from([0.1, 0.6]))
def test_compiled_and_plain_sums_agree_to_the_bit(seed: int, cuts: list[int], told: bool, mean: float) -> None:
    scores = np.random.default_rng(seed).normal(mean, 1, (300, 5))
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for compiled, sizes in ((counting.COMPILED, [300]), (False, [*cuts, 300])):
            patch.setattr(slow_scan, "COMPILED", compiled)
            one, at = SlowScan(np.array([True, False, True, True, False]), 10_000, 250, 0.1), 0
            one.tell(np.array([told, False, False, told, False]))
            for size in sizes:
                at += one.update(scores[at : at + size], 250 * np.arange(at, min(at + size, 300)))
                if one.passed:
                    break
            found.append((at, one.passed, one.strength().tolist(), {k: v.tolist() for k, v in one.state().items()}))
    assert found[0] == found[1]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(1, 90), max_size=5))
def test_cuts_and_restarts_change_nothing(seed: int, cuts: list[int]) -> None:
    scores = np.random.default_rng(seed).normal(0.5, 1, (300, 3))
    rows = 250 * np.arange(300)
    whole, part, at = scan(3), scan(3), 0
    expected = whole.update(scores, rows)
    for size in [*cuts, 300]:
        stop = min(at + size, 300)
        at += part.update(scores[at:stop], rows[at:stop])
        if part.passed:
            break
        packed = json.loads(json.dumps({name: pack(array) for name, array in part.state().items()}))
        part = scan(3)
        part.restore({name: unpack(array) for name, array in packed.items()})
    assert at == expected
    assert part.passed == whole.passed
    assert part.strength().tolist() == whole.strength().tolist()


def test_sums_of_other_channels_are_refused() -> None:
    with pytest.raises(ContractError):
        scan(3).restore(scan(4).state())
