from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column, Contract, Policy, Privacy
from schemas.errors import InsufficientEvidence
from schemas.table import conform
from tests.unit.validators.population import evidence
from validators.privacy.neighbours import NearestNeighbourShare
from validators.protocol import Evidence

LATTICE = Contract(
    dataset="lattice",
    columns=tuple(Column(name=name, type="integer") for name in "abc"),
    policy=Policy(privacy=Privacy(claim="empirical", scope="test")),
)


def test_a_copy_of_train_is_nearer_to_train() -> None:
    source = evidence()
    (found,) = NearestNeighbourShare().measure(replace(source, synthetic=source.train))
    assert found.verdict == "FAIL"
    assert (found.value or 0) > 0.95


def test_fresh_rows_pass_whatever_the_sizes() -> None:
    """Five seeds at three sizes; the limit lies 2.8 or more deviations of one finding away from a half."""
    for sizes in ((1_500, 800, 500, 1_500), (3_000, 600, 400, 1_500), (800, 2_400, 400, 1_500)):
        for seed in range(5):
            (found,) = NearestNeighbourShare().measure(evidence(sizes, seed))
            assert (found.value or 1) == pytest.approx(0.5, abs=0.06)
            assert found.verdict != "FAIL" or (found.value or 0) > 0.55
            assert found.baseline == pytest.approx(0.5, abs=0.1)


def test_a_few_rows_cannot_tell() -> None:
    source = evidence((400, 200, 200, 150))
    (found,) = NearestNeighbourShare().measure(source)
    assert found.verdict in ("INSUFFICIENT", "FAIL")
    with pytest.raises(InsufficientEvidence):
        NearestNeighbourShare().measure(replace(source, synthetic=source.synthetic.iloc[:99]))


def test_fresh_rows_of_a_coarse_lattice_pass_whatever_the_sizes() -> None:
    """Rows of three small columns tie everywhere; six seeds, each within five deviations of a half."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        table = pd.DataFrame(
            {"a": rng.integers(0, 4, 9_000), "b": rng.integers(0, 3, 9_000), "c": rng.integers(0, 30, 9_000)}
        )
        parts = [
            conform(table.iloc[low:high], LATTICE).table for low, high in pairwise((0, 5_000, 6_000, 7_000, 9_000))
        ]
        found = NearestNeighbourShare().measure(Evidence(LATTICE, parts[3], *parts[:3], seed))[0]
        assert found.value == pytest.approx(0.5, abs=0.07)


def test_ties_count_as_the_null_has_them() -> None:
    source = evidence((1_500, 500, 500, 1_500))
    same = source.train.iloc[[0] * 1_500].reset_index(drop=True)
    tied = replace(source, train=same, holdout=same.iloc[:500], synthetic=same)
    (found,) = NearestNeighbourShare().measure(tied)
    assert found.value == pytest.approx(0.5, abs=0.07)
