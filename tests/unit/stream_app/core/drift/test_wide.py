"""A wide table: 200 columns and 40 groups, whose settled rows make too few blocks to learn everything anew.

Seeds are stated; the policy's budget is 0.5 false alarms in a million rows, so that 60,000 stationary rows alarm with
probability 0.03.
"""

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column, Contract, Policy, Privacy
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.learning.baseline import all_anew
from stream_app.core.drift.reference import Reference, build_reference
from stream_app.core.drift.tracker import Tracker

NUMBERS, GROUPS = 199, 40
NAMES = [f"x{place}" for place in range(NUMBERS)]
CONTRACT = Contract(
    dataset="wide",
    columns=(*(Column(name=name, type="number") for name in NAMES), Column(name="g", type="string")),
    policy=Policy(privacy=Privacy(scope="wide"), subgroups=("g",)),
)
_GROUPS = np.array([f"g{place:02d}" for place in range(GROUPS)], dtype=object)


def rows(
    number: int, seed: int, *, column: str | None = None, inside: str | None = None, shift: float = 0.0
) -> pd.DataFrame:
    """Independent columns, of which one may be shifted, or shifted inside one group."""
    random = np.random.default_rng((9, seed))
    frame = pd.DataFrame(random.standard_normal((number, NUMBERS)), columns=NAMES)
    frame["g"] = _GROUPS[random.integers(0, GROUPS, number)]
    if column is not None:
        frame[column] += shift * (np.ones(number) if inside is None else (frame["g"] == inside).to_numpy())
    return frame


@pytest.fixture(scope="module")
def reference() -> Reference:
    found = build_reference(rows(20_000, 1), CONTRACT)
    assert not all_anew(CONTRACT.policy.drift.settle_rows, found.block_rows)
    return found


def counts(tracker: Tracker) -> Integers:
    return tracker._baseline.counts[0]


def test_stationary_rows_are_quiet(reference: Reference) -> None:
    """Seeds 2 to 7."""
    tracker = Tracker(reference)
    assert [sign for seed in range(2, 8) for sign in tracker.observe(rows(10_000, seed))] == []


def test_a_shift_of_one_column_is_found_and_nothing_else_is_learnt_anew(reference: Reference) -> None:
    """Seeds 10 to 13: half a standard deviation, then a whole one of another column, then the first goes back."""
    tracker, layout = Tracker(reference), reference.layout
    assert tracker.observe(rows(3_000, 10)) == ()
    signs = tracker.observe(rows(20_000, 11, column="x7", shift=0.5))
    assert [(sign.kind, sign.columns) for sign in signs] == [("marginal", ("x7",))]
    assert 3_000 < signs[0].row <= 6_000
    assert not tracker.settling
    changed = counts(tracker) != reference.counts[0]
    assert changed[layout.column_cells(7)].any()
    kept = [place for place in range(NUMBERS) if not changed[layout.column_cells(place)].any()]
    assert len(kept) >= NUMBERS - 3
    both = rows(12_000, 12, column="x7", shift=0.5)
    both["x150"] += 1.0
    assert [sign.columns for sign in tracker.observe(both)] == [("x150",)]
    assert [sign.columns for sign in tracker.observe(rows(6_000, 13, column="x150", shift=1.0))] == [("x7",)]


def test_a_shift_inside_one_group_is_found_and_that_table_alone_is_learnt_anew(reference: Reference) -> None:
    """Seeds 20 and 21: one and a half standard deviations in one row of forty."""
    tracker, layout = Tracker(reference), reference.layout
    assert tracker.observe(rows(3_000, 20)) == ()
    signs = tracker.observe(rows(20_000, 21, column="x30", inside="g05", shift=1.5))
    assert [(sign.kind, sign.columns, sign.group) for sign in signs] == [("subgroup", ("g", "x30"), "g05")]
    group = int(layout.subgroups[0].groups[2 + reference.bins[-1].values.index("g05")])
    changed = counts(tracker) != reference.counts[0]
    assert changed[layout.group_cells(0, group, 30)].any()
    assert changed.sum() < 0.02 * layout.cells


def test_groups_that_grow_are_known_as_well_as_before(reference: Reference) -> None:
    """Seeds 40 and 41: a group's share doubles. What is known inside the groups stays, and none of it alarms again."""

    def grown(number: int, seed: int) -> pd.DataFrame:
        frame = rows(number, seed)
        frame["g"] = np.where(np.random.default_rng((8, seed)).random(number) < 1 / 40, "g07", frame["g"])
        return frame

    tracker, layout = Tracker(reference), reference.layout
    signs = tracker.observe(grown(20_000, 40))
    assert [(sign.kind, sign.columns) for sign in signs] == [("marginal", ("g",))]
    assert not tracker.settling
    group = int(layout.subgroups[0].groups[2 + reference.bins[-1].values.index("g07")])
    cells = layout.group_cells(0, group, 3)
    assert counts(tracker)[cells].tolist() == reference.counts[0, cells].tolist()
    place = next(
        number
        for number, channel in enumerate(reference.channels)
        if channel.group == group and channel.columns[1] == 3
    )
    after, before = (one.expected[one.base_of[place]] for one in (tracker._scorings[0], reference.scorings[0]))
    assert after / before == pytest.approx(2, abs=0.5)
    assert tracker.observe(grown(20_000, 41)) == ()


def test_a_restart_changes_nothing_while_settling_and_after(reference: Reference) -> None:
    """Seeds 30 and 31."""
    whole = Tracker(reference)
    stream = pd.concat([rows(4_000, 30), rows(14_000, 31, column="x7", shift=1.0)], ignore_index=True)
    signs = [sign for start in range(0, 18_000, 3_000) for sign in whole.observe(stream[start : start + 3_000])]
    tracker, found, states = Tracker(reference), [], set()
    for start in range(0, 18_000, 3_000):
        tracker = Tracker.from_json(tracker.to_json(), reference)
        found += tracker.observe(stream[start : start + 3_000])
        states.add((tracker.settling, tracker._baseline.rows is None))
    assert found == signs
    assert states == {(False, True), (True, True), (False, False)}
    assert tracker.to_json() == whole.to_json()
