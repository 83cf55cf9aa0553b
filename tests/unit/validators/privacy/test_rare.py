from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from schemas.errors import InsufficientEvidence
from schemas.table import conform
from tests.unit.validators.population import by_customer, contract, evidence, rows
from validators.distances.index import index
from validators.distances.scales import fitted
from validators.privacy.rare import RareMemorisation, isolated
from validators.protocol import Evidence

ADULT = Path(__file__).parents[4] / ".." / "shared" / "data" / "adult.parquet"


def with_outliers(source: Evidence, side: pd.DataFrame, share: float, seed: int = 0) -> Evidence:
    """A share of the 5 % of a side that are most isolated within it, by Gower's distance, copied into the table."""
    cloud = fitted([side], source.contract.modelled).points(side)
    own = np.arange(len(side))
    alone = index(cloud, own).search(cloud, owners=own).distance[:, 0]
    outliers = np.random.default_rng(seed).permutation(np.argsort(-alone)[: len(side) // 20])
    copied = side.iloc[outliers[: round(share * len(outliers))]]
    kept = source.synthetic.iloc[len(copied) :]
    return replace(source, synthetic=pd.concat([copied, kept], ignore_index=True))


def test_a_fifth_of_the_outliers_copied_is_refused_and_held_out_ones_are_not() -> None:
    source = evidence((4_000, 2_000, 2_000, 4_000))
    (found,) = RareMemorisation().measure(with_outliers(source, source.train, 0.2))
    assert found.verdict == "FAIL"
    assert found.interval is not None
    assert found.interval[0] > 0.02
    assert RareMemorisation().measure(with_outliers(source, source.holdout, 0.2))[0].verdict == "PASS"


def test_outliers_with_a_little_noise_are_refused_too() -> None:
    source = evidence((4_000, 2_000, 2_000, 4_000))
    table = with_outliers(source, source.train, 0.3).synthetic.copy()
    table["income"] *= 1.001
    assert RareMemorisation().measure(replace(source, synthetic=table))[0].verdict == "FAIL"


def test_fresh_rows_pass() -> None:
    """Seeds 0 to 19: members are hit as often as others; a refusal has a chance below 2.5 %, three below 2 %."""
    found = [RareMemorisation().measure(evidence((1_000, 500, 500, 1_000), seed))[0] for seed in range(20)]
    assert sum(item.verdict != "PASS" for item in found) <= 2
    assert abs(np.mean([item.value for item in found])) < 0.05


def test_what_is_isolated_is_chosen_once_without_looking_at_the_candidate() -> None:
    source = evidence((1_000, 500, 500, 1_000))
    chosen = isolated(source, "gower")
    assert isolated(replace(source, synthetic=source.train), "gower") is chosen
    assert len(chosen.unit) == 100
    assert chosen.member.sum() + (~chosen.member).sum() == 100
    assert (chosen.alone > 0).all()


def by_entity(seed: int, copied: int = 0) -> Evidence:
    """Customers of four alike rows; the first rows of some fitted ones are in the table."""
    stated, rng = by_customer(), np.random.default_rng([seed, 6])
    frames = [rows(size, rng, rows_each=4) for size in (2_400, 1_200, 1_200, 2_400)]
    units = [frame["customer"].to_numpy() + 10_000 * k for k, frame in enumerate(frames)]
    tables = [conform(frame, stated).table for frame in frames]
    synthetic = pd.concat([tables[0].iloc[:copied], tables[3].iloc[copied:]], ignore_index=True)
    return Evidence(stated, synthetic, tables[0], tables[1], tables[2], seed, (units[0], units[1], units[2]))


def test_entities_are_counted_and_their_own_rows_are_no_neighbours() -> None:
    (fresh,) = RareMemorisation().measure(by_entity(0))
    assert fresh.verdict == "PASS"
    assert fresh.support <= 240
    chosen = isolated(by_entity(0), "gower")
    assert len(np.unique(chosen.unit)) < len(chosen.unit)
    assert RareMemorisation().measure(by_entity(0, copied=1_200))[0].verdict == "FAIL"


def test_too_few_isolated_rows_are_no_evidence() -> None:
    source = evidence((150, 60, 60, 300))
    with pytest.raises(InsufficientEvidence, match="isolated"):
        RareMemorisation().measure(source)
    with pytest.raises(InsufficientEvidence, match="synthetic"):
        RareMemorisation().measure(replace(evidence(), synthetic=source.synthetic.iloc[:99]))


def test_rows_that_are_all_alike_are_none_isolated() -> None:
    source = evidence((600, 300, 300, 600), contract=contract())
    same = [part.iloc[[0] * len(part)].reset_index(drop=True) for part in (source.train, source.train, source.train)]
    with pytest.raises(InsufficientEvidence, match="isolated"):
        RareMemorisation().measure(replace(source, train=same[0], holdout=same[1], reference=same[2]))


@pytest.mark.skipif(not ADULT.exists(), reason="the shared data are absent")
def test_adult() -> None:
    frame = pd.read_parquet(ADULT)
    kinds = {"i": "integer", "O": "string"}
    columns = [{"name": name, "type": kinds[frame[name].dtype.kind]} for name in frame]
    stated = contract().model_validate(
        {"dataset": "adult", "columns": columns, "policy": {"privacy": {"claim": "empirical", "scope": "adult"}}}
    )
    typed = conform(frame.sample(12_000, random_state=1), stated).table
    cuts = (0, 4_000, 6_000, 8_000, 12_000)
    parts = [typed.iloc[a:b].reset_index(drop=True) for a, b in pairwise(cuts)]
    source = Evidence(stated, parts[3], parts[0], parts[1], parts[2], 0)
    assert RareMemorisation().measure(source)[0].verdict == "PASS"
    assert RareMemorisation().measure(with_outliers(source, source.train, 0.2))[0].verdict == "FAIL"
