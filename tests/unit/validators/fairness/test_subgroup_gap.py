from dataclasses import replace

import pandas as pd
import pytest

from schemas.errors import InsufficientEvidence
from tests.unit.validators.population import contract, evidence, independent
from validators.fairness.subgroup_gap import SubgroupGap
from validators.protocol import Evidence


def source(seed: int = 0, sizes: tuple[int, int, int, int] = (3_000, 2_000, 10, 3_000)) -> Evidence:
    return evidence(sizes, seed, contract=contract(subgroups=("region", "active")))


def spoilt(table: pd.DataFrame, region: str) -> pd.DataFrame:
    """Within one region every column is shuffled by itself."""
    within = (table["region"] == region).to_numpy(dtype=bool)
    return pd.concat([table[~within], independent(table[within].reset_index(drop=True))], ignore_index=True)


@pytest.mark.parametrize("seed", range(2))
def test_fresh_rows_pass(seed: int) -> None:
    """Two seeds; intervals hold at once for about 35 gaps and the limit lies beyond them."""
    (found,) = SubgroupGap().measure(source(seed))
    assert found.verdict == "PASS"
    assert len(found.detail["gaps"]) == 20


def test_a_spoilt_subgroup_is_found_by_its_position() -> None:
    given = source()
    (found,) = SubgroupGap().measure(replace(given, synthetic=spoilt(given.synthetic, "south")))
    assert found.verdict == "FAIL"
    assert found.detail["worst"]["slice"] == "region#2"
    assert "south" not in found.model_dump_json()


def test_a_dropped_subgroup_fails_at_once() -> None:
    given = source()
    table = given.synthetic[given.synthetic["region"] != "isles"].reset_index(drop=True)
    (found,) = SubgroupGap().measure(replace(given, synthetic=table))
    assert (found.verdict, found.detail["dropped"]) == ("FAIL", ["region#5"])
    assert "region#5" in (found.reason or "")


def test_a_large_subgroup_without_support_is_never_a_pass() -> None:
    (found,) = SubgroupGap().measure(source(sizes=(3_000, 600, 10, 3_000)))
    assert found.verdict == "INSUFFICIENT"
    assert "region#4" in (found.reason or "")


def test_a_small_one_is_named() -> None:
    given = source()
    few = given.synthetic["region"] == "isles"
    kept = given.train[given.train["region"] != "isles"].reset_index(drop=True)
    held = given.holdout[(given.holdout["region"] != "isles")].reset_index(drop=True)
    little = pd.concat([kept, given.train[given.train["region"] == "isles"].iloc[:20]], ignore_index=True)
    table = pd.concat([given.synthetic[~few], given.synthetic[few].iloc[:15]], ignore_index=True)
    (found,) = SubgroupGap().measure(replace(given, train=little, holdout=held, synthetic=table))
    assert (found.verdict, found.detail["unsupported"]) == ("PASS", ["region#5"])
    assert "region#5" in (found.reason or "")


def test_without_subgroups_there_is_no_finding_and_without_rows_no_evidence() -> None:
    assert SubgroupGap().measure(evidence((300, 300, 10, 300))) == ()
    with pytest.raises(InsufficientEvidence, match="99 rows"):
        SubgroupGap().measure(source(sizes=(300, 300, 10, 99)))
    with pytest.raises(InsufficientEvidence, match="no subgroup"):
        SubgroupGap().measure(evidence((120, 120, 10, 120), contract=contract(subgroups=("region",))))
