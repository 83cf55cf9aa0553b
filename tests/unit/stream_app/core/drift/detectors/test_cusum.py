"""Cumulative sums: compiled as plain, as River's with the mean known, as often wrong as the budget says, and dated."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.drift import DriftPolicy
from schemas.errors import ContractError
from stream_app.core.drift.detectors import cusum
from stream_app.core.drift.detectors.cusum import ALLOWANCES, Cusum
from stream_app.core.drift.packing import pack, unpack

Floats = np.ndarray[Any, np.dtype[np.float64]]


def cusum_of(signed: int | list[bool], alarms: float = 0.5) -> Cusum:
    """Tests of so many channels, or of those that are signed or not, with equal parts of the budget."""
    flags = np.ones(signed, dtype=bool) if isinstance(signed, int) else np.asarray(signed, dtype=bool)
    return Cusum(flags, np.full(len(flags), 1 / len(flags)), 250, DriftPolicy(), alarms)


def fed(tests: Cusum, scores: Floats, sizes: Floats | None = None, first: int = 0) -> list[float]:
    """Give the blocks one by one, 100 rows each, alarm or not; the largest strength after each."""
    sizes, found = np.ones_like(scores) if sizes is None else sizes, []
    for row in range(len(scores)):
        assert tests.update(scores[row : row + 1], sizes[row : row + 1], np.array([100 * (first + row)])) == 1
        found.append(float(tests.strength().max()))
    return found


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(1, 40))
def test_compiled_and_plain_sums_agree_to_the_bit(seed: int, channels: int, blocks: int) -> None:
    random = np.random.default_rng(seed)
    scores, sizes = random.normal(0.2, 2, (blocks, channels)), random.uniform(0, 2, (blocks, channels))
    signed = (random.random(channels) < 0.5).tolist()
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cusum, "_PART", 3)
        for compiled in (cusum.COMPILED, False):
            patch.setattr(cusum, "COMPILED", compiled)
            tests = cusum_of(signed)
            # Of eight channels the middle part has a height at two allowances only.
            tests._live[2:, 1:2] = False
            taken = tests.update(scores, sizes, 100 * np.arange(blocks))
            strongest = tests.strength().tolist()
            assert tests.strongest() == max(strongest)
            assert taken == blocks or max(strongest) >= 1
            state = {name: array.tolist() for name, array in tests.state().items()}
            found.append((taken, strongest, state, [tests.alarm(channel) for channel in range(channels)]))
    assert found[0] == found[1]


@pytest.mark.parametrize("shift", [0.0, 1.0, -1.5])
def test_one_allowance_is_the_test_of_page_and_hinkley_with_the_mean_known(shift: float) -> None:
    """Seed 31: 60 streams of 200 scores, the last 100 shifted; River finds each at the same block."""
    from river.drift import PageHinkley

    class Known:
        """The mean of the reference, whatever comes."""

        n = 10**6

        def update(self, score: float) -> None:
            pass

        def get(self) -> float:
            return 0.0

    scores = np.random.default_rng(31).standard_normal((200, 60))
    scores[100:] += shift
    height = 6.0
    tests = cusum_of(60)
    sums = []
    for score in scores:
        fed(tests, score[None])
        sums.append(tests.state()["sums"].copy())
    alarms = 0
    for place, scale in enumerate(ALLOWANCES):
        passed = (np.stack(sums)[:, :, place] > height).any(axis=1)
        for channel in range(60):
            peer = PageHinkley(min_instances=1, delta=scale * DriftPolicy().allowance, threshold=height, alpha=1.0)
            # A stream that starts at its reference: River's minimum begins at the first sum, ours at zero.
            peer._x_mean, peer._min_increase, peer._max_decrease = Known(), 0.0, 0.0
            first = None
            for row, score in enumerate(scores[:, channel].tolist()):
                peer.update(score)
                if peer.drift_detected:
                    first = row
                    break
            assert first == (int(np.argmax(passed[:, channel])) if passed[:, channel].any() else None)
            alarms += first is not None
    assert alarms > (0 if shift == 0 else 100)


def test_false_alarms_keep_to_the_budget() -> None:
    """Seed 32: 100 channels of 5,000 standard normal scores, a sum is reset where it passes. The budget is 0.2 alarms
    a block, so 1,000. Sums of different allowances pass together, so that the count varies up to four times as much as
    a Poisson count: 5 sigma are 320.
    """
    tests = cusum_of(100, 800)
    scores, alarms, at = np.random.default_rng(32).standard_normal((5_000, 100)), 0, 0
    sizes, firsts = np.ones_like(scores), np.arange(5_000)
    while at < 5_000:
        at += tests.update(scores[at:], sizes[at:], firsts[at:])
        state = {name: array.copy() for name, array in tests.state().items()}
        over = state["sums"] >= np.reshape(tests._heights, (len(ALLOWANCES), -1))
        alarms += int(over.sum())
        state["sums"][over] = 0
        tests.restore(state)
    assert 1_000 - 320 < alarms < 1_000 + 320


def test_blocks_are_taken_up_to_the_first_alarm() -> None:
    """Seed 36: a shift of 4 after 20 blocks."""
    scores = np.random.default_rng(36).standard_normal((40, 3)) + 4.0 * (np.arange(40) >= 20)[:, None]
    alone, together = cusum_of(3), cusum_of(3)
    first = next(number for number, strength in enumerate(fed(alone, scores), 1) if strength >= 1)
    assert 20 < first < 25
    assert together.update(scores, np.ones_like(scores), 100 * np.arange(40)) == first


def test_smaller_blocks_count_less() -> None:
    """Two halves of a block, each with half the score, take off one allowance together."""
    scores = np.random.default_rng(33).normal(1, 1, (30, 2))
    whole, halves = cusum_of(2), cusum_of(2)
    fed(whole, np.abs(scores) + 3)
    fed(halves, np.repeat((np.abs(scores) + 3) / 2, 2, axis=0), np.full((60, 2), 0.5))
    assert halves.strength() == pytest.approx(whole.strength())


def test_an_alarm_tells_since_when_in_which_direction_and_how_much() -> None:
    """Seed 34: a shift of -3 after 50 of 60 blocks."""
    scores = np.random.default_rng(34).standard_normal((60, 3))
    scores[50:, 1] -= 3
    tests = cusum_of(3)
    fed(tests, scores)
    assert int(np.argmax(tests.strength())) == 1
    alarm = tests.alarm(1)
    assert alarm.falls
    assert alarm.since is not None
    assert abs(alarm.since - 5_000) <= 200
    assert alarm.statistic >= alarm.threshold
    assert alarm.total is not None
    blocks = 60 - alarm.since / 100
    assert alarm.total / blocks + alarm.allowance == pytest.approx(3, abs=1)


def test_a_channel_without_a_sign_never_falls() -> None:
    tests = cusum_of([False, True])
    fed(tests, np.full((30, 2), -3.0))
    assert tests.strength()[0] == 0
    assert tests.strength()[1] > 1


def test_it_goes_on_from_its_state() -> None:
    scores = np.random.default_rng(35).normal(0.5, 1, (40, 4))
    whole, first, second = (cusum_of(4) for _ in range(3))
    fed(whole, scores)
    fed(first, scores[:17])
    packed = json.loads(json.dumps({name: pack(array) for name, array in first.state().items()}))
    second.restore({name: unpack(array) for name, array in packed.items()})
    fed(second, scores[17:], first=17)
    assert [second.alarm(channel) for channel in range(4)] == [whole.alarm(channel) for channel in range(4)]


def test_parts_of_the_budget_are_their_own_heights() -> None:
    """A channel with nine tenths of the budget is believed sooner than one with a tenth."""
    tests = Cusum(np.ones(2, dtype=bool), np.array([0.9, 0.1]), 250, DriftPolicy(), 0.5)
    assert tests.alarm(0).threshold < tests.alarm(1).threshold


def test_sums_of_other_channels_are_refused() -> None:
    tests = cusum_of(4)
    with pytest.raises(ContractError):
        tests.restore(cusum_of(3).state())
    with pytest.raises(ContractError):
        tests.restore(dict(tests.state()) | {"since": np.zeros(4, dtype=np.int64)})
