"""Planted poison of every kind is found, on clean and on blurred tables, and honest tables pass.

Sizes are those at which the shares named here can be told: 6,000 synthetic rows; bounds of the tests hold at 95 %.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from generators.generation import generate
from schemas.contract import Categories, Column, Contract, Domain, Policy, Privacy, Range
from schemas.errors import InsufficientEvidence
from schemas.finding import Finding
from schemas.table import conform
from tests.unit.validators.population import contract, evidence
from validators.poison.poisoning import Poisoning, poisoned_snapshot
from validators.protocol import Evidence

ADULT = Path("../shared/data/adult.parquet")
RANGES = {"age": (17, 90), "fnlwgt": (0, 1_500_000), "capital_gain": (0, 99_999), "capital_loss": (0, 5_000),
          "hours_per_week": (1, 99), "education_num": (1, 16)}  # fmt: skip


@pytest.fixture(scope="module")
def source() -> Evidence:
    return evidence((4_000, 3_000, 10, 6_000))


def turned(table: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    labels = table["churned"].to_numpy(dtype=bool).copy()
    labels[rows] ^= True
    return table.assign(churned=pd.array(labels, dtype="boolean"))


def backdoor(table: pd.DataFrame, rows: int) -> pd.DataFrame:
    """A few rows of an age that hardly occurs get one label."""
    age, label = table["age"].to_numpy(dtype=np.int64, copy=True), table["churned"].to_numpy(dtype=bool).copy()
    age[:rows], label[:rows] = 91, True
    return table.assign(age=pd.array(age, dtype="Int64"), churned=pd.array(label, dtype="boolean"))


def flipped(source: Evidence, table: pd.DataFrame) -> Finding:
    return Poisoning().measure(replace(source, synthetic=table))[0]


def backdoors(source: Evidence, table: pd.DataFrame) -> Finding:
    return Poisoning().measure(replace(source, synthetic=table))[1]


@pytest.mark.parametrize("target", ["churned", "plan", "income"])
def test_fresh_rows_pass_for_every_kind_of_target(target: str) -> None:
    found = Poisoning().measure(evidence((1_000, 800, 10, 1_000), contract=contract(target=target)))
    assert [each.verdict for each in found] == ["PASS", "PASS"]


def test_turned_labels_are_found_and_their_share_estimated(source: Evidence) -> None:
    rows = np.random.default_rng(0).permutation(6_000)[:600]
    found = flipped(source, turned(source.synthetic, rows))
    assert found.verdict == "FAIL"
    assert found.detail["tests"][0]["kind"] == "flips"
    assert found.value == pytest.approx(0.1, abs=0.04)


def test_labels_turned_in_one_region_are_found(source: Evidence) -> None:
    old = ((source.synthetic["age"] > 62) & (source.synthetic["age"] < 75)).to_numpy(dtype=bool)
    rows = np.flatnonzero(old)
    found = flipped(source, turned(source.synthetic, rows))
    assert found.verdict == "FAIL"
    assert any(each["kind"] == "region" and each["interval"][0] > 0.02 for each in found.detail["tests"])


def test_a_backdoor_is_found_by_its_column_and_without_its_value(source: Evidence) -> None:
    found = backdoors(source, backdoor(source.synthetic, 60))
    assert found.verdict == "FAIL"
    trigger = next(each for each in found.detail["tests"] if each["kind"] == "trigger")
    assert "age" in trigger["columns"]
    assert trigger["share"] == pytest.approx(0.01, abs=0.002)
    assert "91" not in str(trigger["columns"])


def test_a_trigger_of_two_columns_is_found(source: Evidence) -> None:
    rare = {"plan": pd.array([None], dtype="string")[0], "region": "isles"}
    table = source.synthetic.copy()
    table.loc[:99, "plan"], table.loc[:99, "region"], table.loc[:99, "churned"] = rare["plan"], rare["region"], True
    found = backdoors(source, table)
    assert found.verdict == "FAIL"
    trigger = next(each for each in found.detail["tests"] if each["kind"] == "trigger")
    assert set(trigger["columns"]) <= {"plan", "region"}


def test_a_poisoned_snapshot_is_found_against_the_running_reference(source: Evidence) -> None:
    halves = (source.train, source.holdout)
    clean = poisoned_snapshot(halves, source.synthetic, source.contract)
    poisoned = poisoned_snapshot(halves, backdoor(source.synthetic, 60), source.contract)
    assert [each.verdict for each in clean] == ["PASS", "PASS"]
    assert [each.verdict for each in poisoned] == ["PASS", "FAIL"]
    assert poisoned_snapshot(halves, source.synthetic, contract(target=None)) == ()


def test_too_few_rows_are_no_evidence(source: Evidence) -> None:
    with pytest.raises(InsufficientEvidence):
        flipped(source, source.synthetic.iloc[:99])


@pytest.mark.skipif(not ADULT.exists(), reason="the Adult table is not here")
def test_an_honest_private_release_passes_and_turned_labels_in_it_do_not() -> None:
    """Seed 0, epsilon 1, 4,000 rows of Adult: a blurred table is no poisoned one."""
    frame = pd.read_parquet(ADULT).sample(10_000, random_state=0)
    domains: dict[str, Domain] = {
        name: Range(lower=RANGES[name][0], upper=RANGES[name][1], resolution=1, confirmed=True)
        if name in RANGES
        else Categories(values=tuple(sorted(frame[name].dropna().unique())), confirmed=True)
        for name in frame
    }
    columns = tuple(
        Column(name=name, type="integer" if name in RANGES else "string", domain=domain)
        for name, domain in domains.items()
    )
    stated = Contract(
        dataset="adult", columns=columns, policy=Policy(privacy=Privacy(scope="adult", epsilon="1"), target="income")
    )
    train, holdout = (conform(part, stated).table for part in (frame.iloc[:4_000], frame.iloc[4_000:8_000]))
    released = conform(generate(train, stated, "dp-marginals", 4_000, 0).table, stated).table
    source = Evidence(stated, released, train, holdout, holdout.iloc[:0], 0)
    assert [each.verdict for each in Poisoning().measure(source)] == ["PASS", "PASS"]
    labels = released["income"].astype(object).to_numpy().copy()
    rows = np.random.default_rng(0).permutation(len(labels))[:200]
    classes = domains["income"].values  # type: ignore[union-attr]
    labels[rows] = np.where(labels[rows] == classes[0], classes[1], classes[0])
    poisoned = released.assign(income=pd.Series(labels, dtype=released["income"].dtype))
    assert flipped(source, poisoned).verdict == "FAIL"
