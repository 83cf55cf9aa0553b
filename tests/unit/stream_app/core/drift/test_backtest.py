"""Backtests on recorded streams: the known change of Elec2 is found where it is, and shuffled streams are quiet."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Categories, Column, Contract, Policy, Privacy
from schemas.draft import draft
from stream_app.agents.profiling import target_model
from stream_app.core.drift.backtest import Recording, backtest, record
from stream_app.core.drift.over_time import most_moved
from stream_app.core.drift.reference import build_reference
from stream_app.core.drift.sign import DriftSign
from stream_app.core.drift.tracker import Tracker

SHARED = Path("../shared/data")
needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared tables are not here")


@needs_data
def test_elec2_in_time_order_shows_the_row_where_vicprice_leaves_its_constant() -> None:
    table = pd.read_parquet(SHARED / "elec2.parquet")
    contract = draft(table, "elec2", target="class").contract
    signs = list(backtest(table.iloc[:10_000], table.iloc[10_000:], contract))
    first = next(sign for sign in signs if "vicprice" in sign.columns)
    # Found after one block, of which only counts are left: it is dated to that block's rows.
    assert first.since_row <= 7_424 < first.since_row + 250
    assert first.row <= 7_424 + 500
    assert len(signs) <= 6


@needs_data
def test_shuffled_tables_are_quiet() -> None:
    for name, target in (("elec2", "class"), ("adult", "income")):
        table = pd.read_parquet(SHARED / f"{name}.parquet").sample(frac=1, random_state=3)
        assert (
            list(backtest(table.iloc[:20_000], table.iloc[20_000:], draft(table, name, target=target).contract)) == []
        )


CONTRACT = Contract(
    dataset="d",
    columns=(
        Column(name="a", type="number"),
        *(Column(name=name, type="string", domain=Categories(values=("-", "+"))) for name in ("b", "c", "d", "y")),
    ),
    policy=Policy(privacy=Privacy(scope="s"), target="y"),
)
POLICY = CONTRACT.policy.drift
TURN = 15_000


def rows(number: int, seed: int, turn: int | None = None) -> pd.DataFrame:
    """From row ``turn`` on the share of ``y`` hangs on three columns at once in the opposite way: no pair changes."""
    random = np.random.default_rng(seed)
    signs = random.choice([-1, 1], (3, number))
    together = np.where(np.arange(number) < (number if turn is None else turn), -0.25, 0.25) * signs.prod(axis=0)
    target = np.where(random.random(number) < 0.5 + 0.5 * (0.25 * signs.sum(axis=0) + together), 1, -1)
    words = {name: np.where(column > 0, "+", "-") for name, column in zip("bcdy", [*signs, target], strict=True)}
    return pd.DataFrame({"a": random.standard_normal(number)} | words)


def recorded(stream: pd.DataFrame, with_target: bool = True, contract: Contract = CONTRACT) -> Recording:
    normal = rows(20_000, 1)
    reference = build_reference(normal, contract)
    concept = target_model(reference, normal, contract)[0] if with_target else None
    return record(reference, stream, contract, concept)


def kinds(signs: list[DriftSign], kind: str) -> list[DriftSign]:
    return [sign for sign in signs if sign.kind == kind]


def test_a_rule_that_turns_is_found_with_the_labels_and_as_much_later_as_they_come() -> None:
    # Seeds 2 and 3: one concept drift each, and nothing else but that the target is missing where labels are late.
    for seed in (2, 3):
        recording = recorded(rows(40_000, seed, TURN))
        (at_once,) = list(recording.signs(POLICY))
        assert (at_once.kind, at_once.columns) == ("concept", ("y",))
        assert TURN < at_once.row <= TURN + 5_000
        late = list(recording.signs(POLICY, label_delay=10_000))
        (sign,) = kinds(late, "concept")
        assert TURN + 10_000 < sign.row <= TURN + 15_000
        assert [(other.kind, other.columns) for other in late if other is not sign] == [("missingness", ("y",))]


def test_labels_that_never_come_show_no_concept_drift() -> None:
    assert kinds(list(recorded(rows(30_000, 2, TURN)).signs(POLICY, label_delay=30_000)), "concept") == []


def test_a_column_that_appears_and_one_that_vanishes_are_told_once_in_their_parts() -> None:
    stream = rows(12_000, 4)
    stream["new"] = np.where(np.arange(12_000) >= 4_300, 1.0, np.nan)
    stream.loc[8_000:, "a"] = np.nan
    for with_target in (True, False):
        found = kinds(list(recorded(stream, with_target).signs(POLICY)), "schema")
        assert [(sign.row, sign.columns) for sign in found] == [(5_000, ("new",)), (9_000, ("a", "new"))]


def test_without_a_target_the_signs_are_the_trackers() -> None:
    stream = pd.concat([rows(7_000, 5), rows(9_123, 6).assign(a=lambda frame: frame["a"] + 0.5)], ignore_index=True)
    recording = recorded(stream, with_target=False)
    tracker = Tracker(recording.reference, POLICY)
    assert list(recording.signs(POLICY)) == list(tracker.observe_codes(recording.codes, recording.seconds))
    assert len(kinds(list(recording.signs(POLICY)), "marginal")) == 1


def test_a_contract_that_says_so_takes_no_late_label_for_drift() -> None:
    # Seeds 2 and 3: one concept drift each, and nothing else.
    policy = POLICY.model_copy(update={"late_labels": True})
    late = CONTRACT.model_copy(update={"policy": CONTRACT.policy.model_copy(update={"drift": policy})})
    for seed in (2, 3):
        recording = recorded(rows(40_000, seed, TURN), contract=late)
        assert most_moved(recording) != "y"
        (sign,) = list(recording.signs(policy, label_delay=10_000))
        assert (sign.kind, sign.columns) == ("concept", ("y",))
        assert TURN + 10_000 < sign.row <= TURN + 15_000
        # Empty throughout, or all of one value: what inserted rows say of the target is nothing to go by.
        for other in (None, "+"):
            assert list(recorded(rows(20_000, seed).assign(y=other), False, late).signs(policy)) == []
