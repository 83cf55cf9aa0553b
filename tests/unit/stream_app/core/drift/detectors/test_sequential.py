"""Every detector behind the seam finds what it should and keeps quiet otherwise; River's say what they cannot do.

Statistical tests state their seed; each detector is held to the policy's 0.5 false alarms in a million rows, so that
50,000 stationary rows alarm with probability 0.025 at most where its threshold holds.
"""

import subprocess
import sys
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Column, Contract, Policy, Privacy
from schemas.drift import Detector, DriftPolicy
from schemas.errors import ContractError
from stream_app.core.drift.detectors.detectors import parts_of, sequential_tests
from stream_app.core.drift.detectors.sequential import SequentialTests
from stream_app.core.drift.reference import Reference, build_reference
from stream_app.core.drift.scoring.channels import Channel
from stream_app.core.drift.sign import DriftSign
from stream_app.core.drift.tracker import Tracker

DETECTORS: tuple[Detector, ...] = get_args(Detector)
RIVER = tuple(name for name in DETECTORS if name != "cusum")
CONTRACT = Contract(
    dataset="d",
    policy=Policy(privacy=Privacy(scope="s")),
    columns=(
        Column(name="x", type="number"),
        Column(name="y", type="number"),
        Column(name="kind", type="string"),
        Column(name="holes", type="number"),
    ),
)


def rows(number: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    normal = random.standard_normal((number, 3))
    return pd.DataFrame(
        {
            "x": normal[:, 0],
            "y": 0.5 * normal[:, 0] + normal[:, 1] * 0.75**0.5 + shift,
            "kind": random.choice(np.array(["a", "b", "c"], dtype=object), number, p=[0.6, 0.3, 0.1]),
            "holes": np.where(random.random(number) < 0.1, np.nan, normal[:, 2]),
        }
    )


@pytest.fixture(scope="module")
def reference() -> Reference:
    return build_reference(rows(20_000, 1), CONTRACT)


def tracker(reference: Reference, detector: Detector) -> Tracker:
    return Tracker(reference, DriftPolicy(detector=detector))


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_shift_of_one_standard_deviation_is_found_named_and_dated(reference: Reference, detector: Detector) -> None:
    watch = tracker(reference, detector)
    assert watch.observe(rows(5_000, 2)) == ()
    signs = watch.observe(rows(8_000, 3, shift=1.0))
    assert len(signs) == 1
    assert (signs[0].kind, signs[0].columns[0]) == ("marginal", "y")
    assert 5_000 < signs[0].row <= 6_000
    assert abs(signs[0].since_row - 5_000) <= 100
    assert signs[0].statistic >= signs[0].threshold


@pytest.mark.parametrize("detector", DETECTORS)
def test_fifty_thousand_stationary_rows_are_quiet(reference: Reference, detector: Detector) -> None:
    """Seed 4."""
    assert tracker(reference, detector).observe(rows(50_000, 4)) == ()


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_stream_that_starts_out_drifted_is_found(reference: Reference, detector: Detector) -> None:
    sign = tracker(reference, detector).observe(rows(3_000, 5, shift=1.0))[0]
    assert sign.columns[0] == "y"
    assert sign.since_row <= 250


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(DETECTORS), st.lists(st.integers(1, 2_000), min_size=1, max_size=6))
def test_signs_are_a_function_of_the_rows_however_they_are_cut(detector: Detector, cuts: list[int]) -> None:
    reference = build_reference(rows(3_000, 1), CONTRACT)
    stream = pd.concat([rows(1_700, 6), rows(3_000, 7, shift=1.0)], ignore_index=True)
    expected = tracker(reference, detector).observe(stream)
    assert expected
    watch, start = tracker(reference, detector), 0
    signs: list[DriftSign] = []
    for size in [*cuts, len(stream)]:
        signs += watch.observe(stream.iloc[start : start + size])
        start += size
    assert tuple(signs) == expected


def test_a_tracker_with_a_detector_of_river_is_neither_written_nor_read(reference: Reference) -> None:
    plain = tracker(reference, "cusum").to_json()
    for detector in RIVER:
        with pytest.raises(ContractError, match="rebuild"):
            tracker(reference, detector).to_json()
        with pytest.raises(ContractError, match="rebuilt"):
            Tracker.from_json(plain.replace('"cusum"', f'"{detector}"'), reference)


def _fed(detector: Detector, scores: "np.ndarray[Any, Any]", signed: list[bool]) -> list[SequentialTests]:
    """The tests after each block, up to the first alarm."""
    channels = tuple(
        Channel("marginal", (place,), own, "location" if own else "shape") for place, own in enumerate(signed)
    )
    tests = sequential_tests(DriftPolicy(detector=detector), channels, 250, 10_000)
    seen = []
    for place, block in enumerate(scores):
        assert tests.update(block[None], np.ones((1, len(signed))), np.array([250 * place])) == 1
        seen.append(tests)
        assert tests.strongest() == tests.strength().max()
        if tests.strongest() >= 1:
            break
    return seen


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_channel_without_a_sign_never_alarms_downwards(detector: Detector) -> None:
    """Seed 8."""
    noise = np.random.default_rng(8).standard_normal((200, 2))
    noise[100:, 0] -= 3
    assert len(_fed(detector, noise, [False, False])) == 200
    assert len(_fed(detector, noise, [True, False])) < 120


@pytest.mark.parametrize("detector", DETECTORS)
def test_the_channel_that_moved_ranks_first(detector: Detector) -> None:
    """Seed 9: of 50 channels one moves by 6, another by 3."""
    noise = np.random.default_rng(9).standard_normal((200, 50))
    noise[100:, 7] -= 6
    noise[100:, 30] += 3
    seen = _fed(detector, noise, [True] * 50)
    assert 100 < len(seen) < 120
    assert int(np.argmax(seen[-1].strength())) == 7


def test_only_the_default_sees_a_drift_slower_than_the_memory_of_a_running_mean() -> None:
    """A ramp of 0.01 standard deviations a block; seed 10. River's mean follows it, the reference's does not."""
    ramp = np.random.default_rng(10).standard_normal((220, 1)) + np.arange(220)[:, None] * 0.01
    found = {detector: len(_fed(detector, ramp, [True])) for detector in DETECTORS}
    assert found["cusum"] < found["page_hinkley"]
    assert found["cusum"] < found["adwin"]


def test_the_budget_is_divided_among_all_channels() -> None:
    kinds: list[tuple[Any, Any]] = [
        ("marginal", "location"), ("marginal", "location"), ("marginal", "shape"), ("correlation", "correlation"),
        ("subgroup", "location"), ("subgroup", "share"),
    ]  # fmt: skip
    parts = parts_of(tuple(Channel(kind, (0,), True, measures) for kind, measures in kinds))
    assert parts.sum() == pytest.approx(1)
    assert (parts > 0).all()
    assert parts[0] == parts[1]
    assert parts[4] == parts[5]
    assert len(parts_of(())) == 0


def test_the_default_never_imports_river() -> None:
    code = (
        "import sys, numpy as np; from stream_app.core.drift.detectors.detectors import sequential_tests as t;"
        "from schemas.drift import DriftPolicy as P; from stream_app.core.drift.scoring.channels import Channel as C;"
        "t(P(), (C('marginal', (0,), True, 'location'),), 250, 80);"
        "sys.exit('river' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
