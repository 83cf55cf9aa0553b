from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column, Contract, Policy, Privacy
from schemas.errors import ContractError, InsufficientEvidence
from schemas.finding import Finding
from schemas.table import conform
from tests.unit.validators.population import evidence
from tests.unit.validators.privacy.test_leak import by_entity
from validators.protocol import Evidence
from validators.structure import split_checks
from validators.structure.split_checks import SplitContamination

ADULT = Path("..") / "shared" / "data" / "adult.parquet"
KINDS = {"i": "integer", "O": "string"}


def checked(source: Evidence) -> Finding:
    return SplitContamination().measure(source)[0]


def adult(seed: int, sizes: tuple[int, ...] = (4_000, 2_000, 2_000, 2_000)) -> Evidence:
    """Train, holdout, reference and spare rows of Adult, drawn at random."""
    frame = pd.read_parquet(ADULT)
    columns = tuple(Column.model_validate({"name": name, "type": KINDS[frame[name].dtype.kind]}) for name in frame)
    policy = Policy(privacy=Privacy(claim="empirical", scope="adult"), target="income")
    stated = Contract(dataset="adult", columns=columns, policy=policy)
    drawn = conform(frame.sample(sum(sizes), random_state=seed), stated).table
    ends = np.cumsum([0, *sizes])
    parts = [drawn.iloc[start:end].reset_index(drop=True) for start, end in pairwise(ends)]
    return Evidence(stated, parts[3], parts[0], parts[1], parts[2], seed, spare=parts[3])


def test_a_random_split_passes() -> None:
    assert {checked(evidence(seed=seed)).verdict for seed in range(3)} == {"PASS"}
    assert checked(by_entity(0)).verdict == "PASS"


@pytest.mark.skipif(not ADULT.exists(), reason="the Adult data are not here")
def test_random_splits_of_real_rows_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeds 0 to 11, equal rows alone: each is wrong at most once in 10,000."""
    monkeypatch.setattr(split_checks, "LEAST", 10**9)
    found = [checked(adult(seed)) for seed in range(12)]
    assert [item.verdict for item in found] == ["PASS"] * 12
    assert sum(item.detail["equal_rows"]["train"]["pairs"] for item in found) > 12


@pytest.mark.skipif(not ADULT.exists(), reason="the Adult data are not here")
def test_holdout_rows_copied_from_train_are_found() -> None:
    source = adult(0)
    mixed = pd.concat([source.train.iloc[:40], source.holdout.iloc[40:]], ignore_index=True)
    found = checked(replace(source, holdout=mixed))
    assert found.verdict == "INVALID"
    assert "straddle holdout" in (found.reason or "")


def test_a_sorted_split_is_found() -> None:
    source = evidence((1_500, 1_000, 300, 300))
    together = pd.concat([source.train, source.holdout]).sort_values("since").reset_index(drop=True)
    parts = together.iloc[:1_500].reset_index(drop=True), together.iloc[1_500:].reset_index(drop=True)
    found = checked(replace(source, train=parts[0], holdout=parts[1]))
    assert (found.verdict, found.value) == ("INVALID", 1.0)
    assert found.detail["auc_interval"][0] > 0.9


@pytest.mark.parametrize("side", [1, 2])
def test_an_entity_on_two_sides_is_found(side: int) -> None:
    source = by_entity(0)
    assert source.entities is not None
    units = list(source.entities)
    units[side] = np.where(np.arange(len(units[side])) < 4, units[0][0], units[side])
    found = checked(replace(source, entities=(units[0], units[1], units[2])))
    assert found.verdict == "INVALID"
    assert found.detail["entities_shared"] == 1


def test_an_entity_in_the_spare_rows_too_is_found() -> None:
    source = by_entity(0)
    assert source.entities is not None
    again = replace(source, spare=source.reference, spare_entities=source.entities[2])
    assert checked(again).verdict == "INVALID"
    with pytest.raises(ContractError, match="spare"):
        checked(replace(again, spare_entities=None))


def test_entities_that_are_alike_within_are_no_contamination() -> None:
    """An entity's rows stay on its side: they must teach neither the pairs nor the classifier."""
    source = by_entity(1)
    same = [table.groupby(np.arange(len(table)) // 4).transform("first") for table in
            (source.train, source.holdout, source.reference)]  # fmt: skip
    typed = [conform(table, source.contract).table for table in same]
    found = checked(replace(source, train=typed[0], holdout=typed[1], reference=typed[2]))
    assert found.verdict == "PASS"


def test_pairs_are_counted_by_side() -> None:
    keys = np.array([7, 1, 7, 2, 2, 2, 5, 5])
    first, second = split_checks._pairs(keys, np.arange(8), True)
    assert sorted(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 2), (6, 7)]
    first, _ = split_checks._pairs(keys, np.array([0, 1, 0, 2, 3, 3, 4, 5]), False)
    assert len(first) == 2


def test_no_train_rows_or_no_others_are_no_evidence() -> None:
    source = evidence((60, 30, 30, 60))
    with pytest.raises(InsufficientEvidence):
        checked(replace(source, train=source.train.iloc[:0]))
    with pytest.raises(InsufficientEvidence):
        checked(replace(source, holdout=source.train.iloc[:0], reference=source.train.iloc[:0]))
