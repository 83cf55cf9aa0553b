"""A release in use, on real tables: against fresh rows, and under attack again. Seeds are fixed."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Contract
from schemas.errors import ArtefactError, InsufficientEvidence
from schemas.events.runs import ArtefactRef, Dossier, TrainingReport
from schemas.events.sources import SourceRef
from schemas.finding import Finding, Gate
from schemas.table import conform, encode_parquet
from stream_app.adapters.sources import digest_of
from stream_app.adapters.workplace import Workplace
from stream_app.agents import checking, judging
from stream_app.agents.checking import OF_LABELS, SUBGROUPS, Check, group_of, recheck, said_of
from stream_app.agents.inputs import TRAIN, read_shares
from stream_app.agents.judging import SourceGone, attack_again
from stream_app.agents.profiling import WATCHED
from tests.events import request
from tests.unit.validators.population import contract, rows
from tests.workplaces import workplace
from validators import registry
from validators.looks import DRAWS
from validators.protocol import Evidence
from validators.registry import VALIDATORS
from validators.suite import suite_digest
from validators.verdicts import hold

QUICK = ("marginal_fidelity", "tstr_ratio", "subgroup_gap", "demographic_shift")


@pytest.fixture(autouse=True)
def few_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The measures that these tests speak of; nothing kept from another test."""
    monkeypatch.setattr(registry, "VALIDATORS", tuple(each for each in VALIDATORS if each.metric in QUICK))
    checking._kept.clear()
    judging._real_sides.clear()


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return workplace(tmp_path / "home", tmp_path / "store")


def stored(place: Workplace, name: str, table: pd.DataFrame, stated: Contract) -> ArtefactRef:
    return place.store.put(
        name, "data.parquet", "application/vnd.apache.parquet", encode_parquet(conform(table, stated).table)
    )


def sealed(place: Workplace, table: pd.DataFrame, stated: Contract, name: str = "window") -> SourceRef:
    return place.seal_window(conform(table, stated, roles=WATCHED).table, name)


def measured(place: Workplace, check: Check, part: Literal["subgroups", "table"]) -> dict[str, Finding]:
    return {finding.metric: finding for finding in recheck(place, check, part, lambda *_: None)}


def population(size: int, seed: int) -> pd.DataFrame:
    return rows(size, np.random.default_rng(seed))


SUBGROUPED = contract(subgroups=("region",))


def test_a_release_that_still_fits_passes_and_both_parts_together_are_the_gate(place: Workplace) -> None:
    data = stored(place, "release", population(4_000, 1), SUBGROUPED)
    check = Check(SUBGROUPED, data, sealed(place, population(8_000, 2), SUBGROUPED))
    first, second = measured(place, check, "subgroups"), measured(place, check, "table")
    assert {metric: finding.verdict for metric, finding in (first | second).items() if finding.verdict == "FAIL"} == {}
    assert (set(first) <= SUBGROUPS, set(second) & SUBGROUPS) == (True, set())
    assert set(first | second) >= {"subgroup_gap", "demographic_shift", "tstr_ratio"}


def test_a_subgroup_that_moved_is_named_before_the_whole_table_is_looked_at(place: Workplace) -> None:
    live = population(8_000, 3)
    moved = live["region"] == "north"
    live.loc[moved, "income"] = live.loc[moved, "income"] * 4
    check = Check(
        SUBGROUPED, stored(place, "release", population(4_000, 1), SUBGROUPED), sealed(place, live, SUBGROUPED)
    )
    failed = measured(place, check, "subgroups")["subgroup_gap"]
    assert (failed.verdict, group_of(failed)) == ("FAIL", "region#1")
    assert said_of(failed, "utility").startswith("utility degraded: subgroup_gap is ")
    assert "most in region#1" in said_of(failed, "utility")


def test_rows_whose_label_has_not_come_are_no_degradation(place: Workplace) -> None:
    live = population(8_000, 4).astype({"churned": "object"})
    live.loc[np.random.default_rng(5).random(len(live)) < 0.7, "churned"] = None
    check = Check(
        SUBGROUPED, stored(place, "release", population(4_000, 1), SUBGROUPED), sealed(place, live, SUBGROUPED)
    )
    found = measured(place, check, "subgroups") | measured(place, check, "table")
    assert {finding.metric for finding in found.values() if finding.verdict == "FAIL"} == set()
    assert 0 < found["tstr_ratio"].samples["holdout"] < 0.35 * 0.2 * 8_000
    assert found["demographic_shift"].samples["train"] > 0.45 * 8_000


def test_without_any_label_fidelity_is_still_measured_and_learning_is_not_decided(place: Workplace) -> None:
    live = population(6_000, 6)
    live["income"] = live["income"] * 3
    live = live.astype({"churned": "object"}).assign(churned=None)
    check = Check(
        SUBGROUPED, stored(place, "release", population(3_000, 1), SUBGROUPED), sealed(place, live, SUBGROUPED)
    )
    found = measured(place, check, "table")
    assert found["tstr_ratio"].verdict == "INSUFFICIENT"
    assert "FAIL" in {finding.verdict for metric, finding in found.items() if metric not in OF_LABELS}


def test_a_target_that_releases_lack_too_is_a_value_like_any_other(place: Workplace) -> None:
    own, live = (population(size, seed).astype({"churned": "object"}) for size, seed in ((3_000, 1), (6_000, 2)))
    for table in (own, live):
        table.loc[::3, "churned"] = None
    check = Check(SUBGROUPED, stored(place, "release", own, SUBGROUPED), sealed(place, live, SUBGROUPED))
    assert len(checking._sides(place, check)) == 1


def test_a_window_that_is_too_small_or_gone_says_so(place: Workplace) -> None:
    data = stored(place, "release", population(1_000, 1), SUBGROUPED)
    few = Check(SUBGROUPED, data, sealed(place, population(2, 2), SUBGROUPED))
    with pytest.raises(InsufficientEvidence, match="too small"):
        recheck(place, few, "table", lambda *_: None)
    gone = sealed(place, population(1_000, 3), SUBGROUPED, "gone")
    place.vault.destroy("gone")
    with pytest.raises(SourceGone):
        recheck(place, replace(few, window=gone), "table", lambda *_: None)
    place.vault.destroy("release")
    with pytest.raises(ArtefactError):
        recheck(place, replace(few, conditioned=("age",)), "table", lambda *_: None)


@dataclass(frozen=True, slots=True)
class Stub:
    """A measure of the privacy gate that finds what it was made with, and remembers how it was asked."""

    value: float
    asked: list[tuple[int, int]]
    metric: str = "linkability"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        self.asked.append((evidence.attempt, evidence.seed))
        return (hold(evidence.contract, self.metric, self.gate, self.value),)


def released(place: Workplace, folder: Path, data: pd.DataFrame | None = None) -> Dossier:
    """A release of a Parquet snapshot; by default of fresh rows."""
    stated = contract()
    path = folder / "snapshot.parquet"
    population(3_000, 7).to_parquet(path)
    source = SourceRef(uri=str(path), sha256=digest_of(str(path)), format="parquet", rows=3_000)
    asked = request(of=stated, source=source, mechanisms=())
    table = stored(place, "release", population(1_500, 8) if data is None else data, stated)
    training = TrainingReport(
        data=table, model=table, mechanisms=(), family="private", rows=1_500, train_rows=1_500, seconds=1.0
    )
    return Dossier(request=asked, training=training)


def test_an_attack_that_is_new_to_the_suite_is_met_by_releases_that_stand(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dossier, before = released(place, tmp_path), suite_digest()
    monkeypatch.setattr(registry, "VALIDATORS", (stub := Stub(0.9, []),))
    reports = [attack_again(place, dossier, look, lambda *_: None) for look in (2, 3, 3)]
    assert [report.verdict for report in reports] == ["FAIL"] * 3
    assert {report.suite for report in reports} == {suite_digest()} != {before}
    looks = [look for look, _ in stub.asked]
    seeds = [seed for _, seed in stub.asked]
    assert looks == [2] * DRAWS + [3] * 2 * DRAWS
    assert seeds[DRAWS : 2 * DRAWS] == seeds[2 * DRAWS :], "a look is repeated as it was"
    assert len(set(seeds)) == 2 * DRAWS


def test_a_copying_release_gives_way_and_fresh_rows_do_not(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "VALIDATORS", tuple(each for each in VALIDATORS if each.metric == "copied_rows"))
    fresh = released(place, tmp_path)
    copied = read_shares(place, fresh.request.contract, fresh.request.source).rows(TRAIN)
    found = {
        name: {finding.metric: finding for finding in attack_again(place, dossier, 2, lambda *_: None).findings}
        for name, dossier in (("fresh", fresh), ("copy", released(place, tmp_path, copied)))
    }
    assert (found["fresh"]["copied_rows"].verdict, found["copy"]["copied_rows"].verdict) == ("PASS", "FAIL")
    assert found["fresh"]["copied_rows"].limit == pytest.approx(0.01 * 6 / (math.pi * 2) ** 2)
    assert said_of(found["copy"]["copied_rows"], "privacy", 2).endswith("(look 2)")


def test_a_source_that_changed_or_went_is_gone(place: Workplace, tmp_path: Path) -> None:
    dossier = released(place, tmp_path)
    path = tmp_path / "snapshot.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(SourceGone):
        attack_again(place, dossier, 2, lambda *_: None)
    path.unlink()
    with pytest.raises(SourceGone):
        attack_again(place, dossier, 2, lambda *_: None)
