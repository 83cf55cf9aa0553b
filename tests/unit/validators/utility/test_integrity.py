from dataclasses import replace

import pytest

from schemas.errors import InsufficientEvidence
from tests.unit.validators.population import contract, evidence, independent
from validators.utility.integrity import IntegrityScore, Levels


def test_train_rows_are_the_ceiling_and_fresh_rows_are_near_it() -> None:
    source = evidence()
    for table in (source.train, source.synthetic):
        (found,) = IntegrityScore().measure(replace(source, synthetic=table.copy()))
        assert (found.value or 0) > 90
        assert (found.verdict, found.detail["band"]) == ("PASS", "fit")


def test_shuffled_columns_are_refused() -> None:
    source = evidence()
    (found,) = IntegrityScore().measure(replace(source, synthetic=independent(source.synthetic)))
    assert (found.value or 100) < 50
    assert (found.verdict, found.detail["band"]) == ("FAIL", "review")
    assert found.detail["parts"]["columns"] > 0.9
    assert found.detail["parts"]["pairs"] < 0.3


def test_without_a_target_the_other_parts_decide() -> None:
    (found,) = IntegrityScore().measure(evidence(contract=contract(target=None)))
    assert set(found.detail["parts"]) == {"columns", "pairs", "detection"}


@pytest.mark.parametrize(("found", "part"), [(0.5, 0), (0.9, 1), (0.7, 0.5), (0.95, 1), (0.2, 0)])
def test_a_part_runs_from_floor_to_ceiling(found: float, part: float) -> None:
    assert Levels(found, ceiling=0.9, floor=0.5).part == pytest.approx(part)


def test_too_few_rows_are_no_evidence() -> None:
    with pytest.raises(InsufficientEvidence):
        IntegrityScore().measure(evidence((400, 149, 100, 400)))
