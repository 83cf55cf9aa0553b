"""The tracker finds changes soon, dates them well, keeps quiet otherwise, and depends on nothing but the rows.

Statistical tests state their seed; the policy's budget is 0.5 false alarms in a million rows over all channels, so a
run of 60,000 stationary rows alarms with probability 0.03, and the fixed seeds make the outcome repeatable.
"""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.contract import Column, Contract, Policy, Privacy
from schemas.errors import ContractError
from stream_app.core.drift.blocks import counted
from stream_app.core.drift.counts import counting, rare_cells, recent
from stream_app.core.drift.detectors import cusum, rare, slow_scan
from stream_app.core.drift.reference import Reference, build_reference
from stream_app.core.drift.scoring import scoring
from stream_app.core.drift.sign import DriftSign
from stream_app.core.drift.tracker import Tracker
from tests.benchmarks.drift import streams

CONTRACT = Contract(
    dataset="d",
    policy=Policy(privacy=Privacy(scope="s"), subgroups=("group",)),
    columns=(
        Column(name="x", type="number"),
        Column(name="y", type="number"),
        Column(name="z", type="number"),
        Column(name="n", type="integer"),
        Column(name="group", type="string"),
        Column(name="kind", type="string"),
        Column(name="full", type="number"),
    ),
)
BEFORE = 2_600


def rows(
    number: int,
    seed: int,
    *,
    rho: float = 0.5,
    shift: float = 0.0,
    new: float = 0.0,
    missing: float = 0.0,
    inside: float = 0.0,
    share: float = 0.0,
) -> pd.DataFrame:
    """A stationary table, or one with a single change."""
    random = np.random.default_rng(seed)
    normal = random.standard_normal((number, 4))
    group = random.choice(np.array(["a", "b", "c"], dtype=object), number, p=[0.6, 0.3, 0.1])
    kind = random.choice(np.array([f"k{place}" for place in range(20)], dtype=object), number, p=_shares(share))
    return pd.DataFrame(
        {
            "x": normal[:, 0],
            "y": rho * normal[:, 0] + np.sqrt(1 - rho**2) * normal[:, 1] + shift,
            "z": np.where(random.random(number) < 0.1, np.nan, normal[:, 2] + inside * (group == "b")),
            "n": random.poisson(3, number),
            "group": group,
            "kind": np.where(random.random(number) < new, "unheard", kind),
            "full": np.where(random.random(number) < missing, np.nan, np.exp(normal[:, 3])),
        }
    )


def _shares(moved: float) -> Any:
    shares = 1 / np.arange(1, 21)
    shares = shares / shares.sum()
    shares[0] -= moved
    shares[1] += moved
    return shares


@pytest.fixture(scope="module")
def reference() -> Reference:
    return build_reference(rows(20_000, 1), CONTRACT)


def found(reference: Reference, **change: float) -> list[DriftSign]:
    tracker = Tracker(reference)
    assert tracker.observe(rows(BEFORE, 3)) == ()
    return list(tracker.observe(rows(9_000, 4, **change)))


@pytest.mark.parametrize("size", [20_000, 4_000, 900])
def test_a_stationary_stream_is_quiet_whatever_the_length_of_its_reference(size: int) -> None:
    tracker = Tracker(build_reference(rows(size, 1), CONTRACT))
    assert [sign for seed in range(6) for sign in tracker.observe(rows(10_000, 100 + seed))] == []


@pytest.mark.parametrize(
    ("change", "kind", "columns", "within", "apart"),
    [
        # Found after one block, of which only counts are left: it is dated to that block's rows.
        ({"shift": 1.0}, "marginal", ("y",), 500, 250),
        ({"rho": 0.0}, "correlation", ("x", "y"), 1_500, 250),
        ({"rho": -0.5}, "correlation", ("x", "y"), 750, 250),
        ({"new": 0.05}, "new_category", ("kind",), 500, 100),
        ({"new": 0.01}, "new_category", ("kind",), 1_250, 400),
        ({"missing": 0.05}, "missingness", ("full",), 500, 150),
        ({"inside": 1.0}, "subgroup", ("group", "z"), 1_500, 600),
        ({"share": 0.15}, "marginal", ("kind",), 1_500, 400),
    ],
)
def test_one_change_gives_one_event_that_says_what_and_since_when(
    reference: Reference, change: dict[str, float], kind: str, columns: tuple[str, ...], within: int, apart: int
) -> None:
    signs = found(reference, **change)
    assert len(signs) == 1
    assert (signs[0].kind, signs[0].columns) == (kind, columns)
    assert BEFORE < signs[0].row <= BEFORE + within
    assert abs(signs[0].since_row - BEFORE) <= apart
    assert signs[0].statistic >= signs[0].threshold


def test_effects_have_the_size_of_the_change(reference: Reference) -> None:
    """The change begins with a block: of one that begins within, the block's other rows dilute what is soon found."""

    def after_whole_blocks(**change: float) -> DriftSign:
        tracker = Tracker(reference)
        assert tracker.observe(rows(12 * reference.block_rows, 3)) == ()
        return tracker.observe(rows(9_000, 4, **change))[0]

    pair, new = after_whole_blocks(rho=-0.3), after_whole_blocks(new=0.3)
    assert pair.unit == "correlation"
    assert pair.effect == pytest.approx(-0.8, abs=0.15)
    assert new.unit == "total_variation"
    assert new.effect == pytest.approx(0.3, abs=0.1)


def test_after_settling_the_changed_stream_is_the_baseline_and_the_way_back_is_a_change(reference: Reference) -> None:
    tracker = Tracker(reference)
    first = tracker.observe(rows(12_000, 5, shift=1.0))
    assert (len(first), tracker.settling) == (1, False)
    assert tracker.observe(rows(20_000, 6, shift=1.0)) == ()
    back = tracker.observe(rows(2_000, 7))
    assert [sign.columns for sign in back] == [("y",)]
    assert abs(back[0].since_row - 32_000) <= 100


def test_a_new_reference_ends_the_alarm(reference: Reference) -> None:
    tracker = Tracker(reference)
    assert len(tracker.observe(rows(1_000, 5, shift=1.0))) == 1
    tracker.rebase(build_reference(rows(20_000, 8, shift=1.0), CONTRACT))
    assert not tracker.settling
    assert tracker.observe(rows(10_000, 9, shift=1.0)) == ()
    other = build_reference(rows(1_000, 1)[["x", "y"]], CONTRACT)
    with pytest.raises(ContractError, match="columns"):
        tracker.rebase(other)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 3_000), min_size=1, max_size=8), st.integers(0, 7))
@example([1, 1, 1, 1, 746, 3_000, 3_000], 6)  # a restart between a learnt baseline and the next change
def test_cuts_and_restarts_change_nothing(cuts: list[int], restart: int) -> None:
    reference = build_reference(rows(3_000, 1), CONTRACT)
    stream = pd.concat([rows(1_700, 2), rows(7_000, 3, shift=1.0), rows(1_500, 4, rho=-0.6)], ignore_index=True)
    whole = Tracker(reference)
    expected = list(whole.observe(stream))
    assert expected
    tracker, start = Tracker(Reference.from_json(reference.to_json())), 0
    signs: list[DriftSign] = []
    for number, size in enumerate([*cuts, len(stream)]):
        signs += tracker.observe(stream.iloc[start : start + size])
        start += size
        if number == restart:
            tracker = Tracker.from_json(tracker.to_json(), reference)
    assert signs == expected
    assert tracker.to_json() == whole.to_json()


@pytest.mark.parametrize("size", [70, 100, 130, 230])
def test_pairs_of_small_messages_wait_for_each_other(reference: Reference, size: int) -> None:
    """Seed 14: nothing is lost of them, whatever the messages' sizes, nor on a restart."""
    stream = pd.concat([rows(BEFORE, 14), rows(3_000, 15, rho=0.0)], ignore_index=True)
    tracker, other, signs, section = Tracker(reference), Tracker(reference), list[DriftSign](), reference.layout.paired
    seen, waiting = 0, 0
    for start in range(0, len(stream), size):
        part = stream.iloc[start : start + size]
        blocks = counted(reference.encode(part), reference.times_of(part), reference)
        assert blocks.pair_rows.sum() == len(part)
        seen += sum(int(block.counts[section.first : section.stop].sum()) for block in blocks)
        found = tracker.take(blocks)
        assert other.take(blocks) == found
        signs += found
        other = Tracker.from_json(other.to_json(), reference)
        assert other.to_json() == tracker.to_json()
        waiting = max(waiting, sum(rows for _, rows, _ in json.loads(tracker.to_json())["unpaired"]))
    assert seen == len(stream) * len(reference.layout.pairs)
    assert (waiting > 0) == (size < 160)
    assert [sign.kind for sign in signs] == ["correlation"]
    assert BEFORE < signs[0].row <= BEFORE + 1_500


def test_without_compiled_code_every_byte_is_the_same() -> None:
    stream = pd.concat([rows(3_000, 2), rows(4_000, 3, shift=1.0), rows(2_050, 4, new=0.05)], ignore_index=True)
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for plain in (False, True):
            for module in (counting, recent, rare_cells, scoring, cusum, rare, slow_scan):
                patch.setattr(module, "COMPILED", counting.COMPILED and not plain, raising=False)
            reference = build_reference(rows(3_000, 1), CONTRACT)
            tracker = Tracker(reference)
            signs = tracker.observe(stream)
            found.append((signs, reference.to_json(), tracker.to_json()))
    assert len(found[0][0]) > 1
    assert found[0] == found[1]


def test_autocorrelated_streams_are_quiet_because_the_reference_teaches_their_spread() -> None:
    def walk(number: int, seed: int) -> pd.DataFrame:
        from scipy.signal import lfilter

        noise = np.random.default_rng(seed).standard_normal((number, 3))
        return pd.DataFrame(lfilter([1], [1, -0.9], noise, axis=0), columns=["x", "y", "z"])

    tracker = Tracker(build_reference(walk(20_000, 1), CONTRACT))
    assert tracker.observe(walk(60_000, 2)) == ()
    assert len(tracker.observe(walk(10_000, 3) + 4)) == 1


@pytest.mark.parametrize("phi", [0.9, 0.98])
def test_after_a_change_the_same_dependent_rows_are_no_second_one(phi: float) -> None:
    """A baseline of few independent rows keeps the slots that the spreads of chi-squared scores were learnt with;
    pooled anew, all of these streams gave a second event of a pair with ``x4``, at most 20,000 rows after the first.
    """
    reference = build_reference(streams.reference(seed=700, phi=phi), streams.CONTRACT)
    frame = streams.Source((5, 1), phi).take(30_000, streams.Change("mean +3 sd", ("x2",), shift=3.0), 5_000)
    tracker, restarted = Tracker(reference), Tracker(reference)
    signs = list(tracker.observe(frame))
    assert [sign.columns for sign in signs] == [("x2",)]
    again: list[DriftSign] = []
    for first, last in ((0, 9_070), (9_070, 12_030), (12_030, 30_000)):
        again += restarted.observe(frame.iloc[first:last])
        restarted = Tracker.from_json(restarted.to_json(), reference)
    assert again == signs
    assert restarted.to_json() == tracker.to_json()


def test_hostile_cells_are_missing_or_new_and_never_an_error(reference: Reference) -> None:
    block = pd.DataFrame(
        {"x": [1, "x", None, [1], np.inf] * 200, "kind": [1, {"a": 1}, None, "\ud800", b"\xff"] * 200, "extra": 1}
    )
    signs = Tracker(reference).observe(block)
    assert signs
    assert signs[0].kind in ("missingness", "new_category")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"rows": 1}', "null"])
def test_damaged_states_are_contract_errors(reference: Reference, text: str) -> None:
    with pytest.raises(ContractError):
        Tracker.from_json(text, reference)
    with pytest.raises(ContractError):
        Reference.from_json(text)


@pytest.mark.parametrize("kind", ["mean", "spread", "category"])
def test_a_change_that_lasts_is_told_once(kind: str) -> None:
    """A mean that moved also widens the normal scores, which the slow scan would tell later: it goes on against the
    first reference. A false alarm within 100,000 rows has a chance of 5 %; the seed is fixed.
    """
    source = streams.Source((78, 1))
    tracker = Tracker(build_reference(streams.reference(), streams.CONTRACT))
    signs = list(tracker.observe(source.take(10_000)))
    for _ in range(10):
        signs += tracker.observe(source.take(10_000, streams.CHANGES[kind]))
    assert [sign.columns for sign in signs] == [streams.CHANGES[kind].columns]
