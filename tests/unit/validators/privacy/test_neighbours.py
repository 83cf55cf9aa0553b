from dataclasses import replace

import pytest

from schemas.errors import InsufficientEvidence
from tests.unit.validators.population import evidence
from validators.privacy.neighbours import NearestNeighbourShare


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


def test_ties_count_as_the_null_has_them() -> None:
    source = evidence((1_500, 500, 500, 1_500))
    same = source.train.iloc[[0] * 1_500].reset_index(drop=True)
    tied = replace(source, train=same, holdout=same.iloc[:500], synthetic=same)
    (found,) = NearestNeighbourShare().measure(tied)
    assert found.value == pytest.approx(0.5)
