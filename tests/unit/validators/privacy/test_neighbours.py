from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column, Contract, Policy, Privacy
from schemas.errors import InsufficientEvidence
from schemas.table import conform
from tests.unit.validators.population import evidence
from validators.privacy.neighbours import NeighbourRisk
from validators.privacy.sides import sides
from validators.protocol import Evidence

LATTICE = Contract(
    dataset="lattice",
    columns=tuple(Column(name=name, type="integer") for name in "abc"),
    policy=Policy(privacy=Privacy(claim="empirical", scope="test")),
)


def test_a_copy_of_train_is_nearer_to_train() -> None:
    source = evidence()
    (found,) = NeighbourRisk().measure(replace(source, synthetic=source.train))
    assert found.verdict == "FAIL"
    assert (found.value or 0) > 0.9
    assert found.interval is not None
    assert found.interval[0] > 0.9
    told = found.detail["distances"]
    assert set(told) == {"gower", "euclidean", "mahalanobis"}
    for each in told.values():
        assert each["dcr_share"] > 0.95
        # Of 1,500 training rows 800 are left where sides are of one size.
        assert each["nndr_share"] > 0.7
        assert each["dcr_to_train"][0] == 0 < each["dcr_to_holdout"][-1]
        assert each["low_dcr"][0] == 0


def test_a_third_of_the_rows_copied_is_refused_and_copies_of_held_out_rows_are_not() -> None:
    source = evidence((2_000, 2_000, 500, 2_000))
    for side, verdict in ((source.train, "FAIL"), (source.holdout, "PASS")):
        mixed = pd.concat([side.iloc[:700], source.synthetic.iloc[700:]], ignore_index=True)
        assert NeighbourRisk().measure(replace(source, synthetic=mixed))[0].verdict == verdict


def test_fresh_rows_pass_whatever_the_sizes() -> None:
    """Three seeds at three sizes. The share of one distance deviates by .013 at 1,500 rows, so that a risk of .18 is
    seven deviations away.
    """
    for sizes in ((1_500, 800, 500, 1_500), (3_000, 600, 400, 1_500), (800, 2_400, 400, 1_500)):
        for seed in range(3):
            (found,) = NeighbourRisk().measure(evidence(sizes, seed))
            assert found.verdict == "PASS"
            assert (found.value or 0) < 0.15
            for told in found.detail["distances"].values():
                assert told["dcr_share"] == pytest.approx(0.5, abs=0.06)
                assert told["nndr_share"] == pytest.approx(0.5, abs=0.06)


def test_the_real_side_is_worked_out_once() -> None:
    source = evidence()
    NeighbourRisk().measure(source)
    other = replace(source, synthetic=source.synthetic.copy())
    assert sides(other, "mahalanobis") is sides(source, "mahalanobis")


def test_a_few_rows_cannot_tell() -> None:
    source = evidence((400, 200, 200, 150))
    (found,) = NeighbourRisk().measure(source)
    assert found.verdict in ("INSUFFICIENT", "FAIL")
    with pytest.raises(InsufficientEvidence):
        NeighbourRisk().measure(replace(source, synthetic=source.synthetic.iloc[:99]))


def test_fresh_rows_of_a_coarse_lattice_pass_whatever_the_sizes() -> None:
    """Rows of three small columns tie everywhere; three seeds, each within five deviations of a half."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        table = pd.DataFrame(
            {"a": rng.integers(0, 4, 9_000), "b": rng.integers(0, 3, 9_000), "c": rng.integers(0, 30, 9_000)}
        )
        parts = [
            conform(table.iloc[low:high], LATTICE).table for low, high in pairwise((0, 5_000, 6_000, 7_000, 9_000))
        ]
        found = NeighbourRisk().measure(Evidence(LATTICE, parts[3], *parts[:3], seed))[0]
        assert found.verdict == "PASS"
        for told in found.detail["distances"].values():
            assert told["dcr_share"] == pytest.approx(0.5, abs=0.07)


def test_ties_count_as_the_null_has_them() -> None:
    source = evidence((1_500, 500, 500, 1_500))
    same = source.train.iloc[[0] * 1_500].reset_index(drop=True)
    tied = replace(source, train=same, holdout=same.iloc[:500], synthetic=same)
    (found,) = NeighbourRisk().measure(tied)
    assert (found.value or 0) < 0.14
