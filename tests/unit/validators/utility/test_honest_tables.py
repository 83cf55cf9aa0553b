"""On real data: fresh rows and an honest private release pass every measure of fidelity and of classes."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from generators.generation import generate
from schemas.contract import Contract
from schemas.draft import draft
from schemas.finding import Finding
from schemas.table import conform
from validators.privacy.class_hits import SmallClassHits
from validators.privacy.classes import Anonymity
from validators.protocol import Evidence
from validators.utility.boundaries import BoundaryAdherence
from validators.utility.class_balance import ClassBalance
from validators.utility.coverage import Coverage
from validators.utility.diversity import Diversity
from validators.utility.marginals import MarginalFidelity
from validators.utility.missingness import Missingness
from validators.utility.outliers import OutlierShare
from validators.utility.pairs import PairFidelity
from validators.utility.tails import TailCoverage
from validators.utility.triples import TripleFidelity

ADULT = Path("../shared/data/adult.parquet")
MEASURES = (
    MarginalFidelity(), PairFidelity(), TripleFidelity(), Coverage(), TailCoverage(), BoundaryAdherence(),
    Missingness(), ClassBalance(), OutlierShare(), Diversity(), Anonymity(), SmallClassHits(),
)  # fmt: skip
METRICS = 15
pytestmark = pytest.mark.skipif(not ADULT.exists(), reason="the real data lies beside the project only in development")


@cache
def adult() -> tuple[pd.DataFrame, Contract]:
    frame = pd.read_parquet(ADULT)
    stated = draft(frame, "adult", target="income", public_domains=True, epsilon="1").contract
    return conform(frame, stated).table, stated


def parts(sizes: tuple[int, ...], seed: int) -> Evidence:
    """Disjoint random rows of Adult: train, holdout and a fresh table."""
    table, stated = adult()
    order = np.random.default_rng(seed).permutation(len(table))
    picked = np.split(order[: sum(sizes)], np.cumsum(sizes)[:-1])
    train, holdout, fresh = (table.iloc[rows].reset_index(drop=True) for rows in picked)
    return Evidence(stated, fresh, train, holdout, holdout.iloc[:0], seed)


def failed(source: Evidence) -> list[Finding]:
    found = [finding for validator in MEASURES for finding in validator.measure(source)]
    assert len(found) == METRICS
    return [finding for finding in found if finding.verdict != "PASS"]


def test_fresh_rows_pass() -> None:
    # 5 seeds of fifteen findings each; of 100 seeds of these sizes none was refused by any
    assert [failed(parts((4_000, 2_000, 4_000), seed)) for seed in range(5)] == [[]] * 5


def test_a_private_release_at_epsilon_one_passes() -> None:
    source = parts((24_000, 12_000, 100), seed=0)
    made = generate(source.train, source.contract, "dp-marginals", 24_000, seed=0).table
    assert failed(replace(source, synthetic=conform(made, source.contract).table)) == []
