from dataclasses import replace

import numpy as np
import pytest

from schemas.errors import InsufficientEvidence
from tests.unit.validators.population import contract, evidence
from validators.privacy.membership import MembershipInference


def test_a_copy_of_train_gives_every_member_away() -> None:
    source = evidence()
    (found,) = MembershipInference().measure(replace(source, synthetic=source.train))
    assert found.verdict == "FAIL"
    assert (found.value or 0) > 0.95


def test_a_fresh_table_gives_nobody_away() -> None:
    """Ten seeds; the AUC's deviation is about .013, so that a mean over ten beyond .515 has a chance below 0.1 %."""
    found = [MembershipInference().measure(evidence((1_500, 1_500, 500, 1_500), seed))[0] for seed in range(10)]
    assert abs(np.mean([item.value or 0 for item in found]) - 0.5) < 0.015
    assert sum(item.verdict == "PASS" for item in found) >= 9


def test_the_verdict_rests_on_the_upper_bound() -> None:
    strict = contract(limits={"membership_inference": 0.53})
    (found,) = MembershipInference().measure(evidence((260, 260, 200, 400), 1, contract=strict))
    assert found.interval is not None
    assert found.value is not None
    assert found.value < 0.53 < found.interval[1]
    assert found.verdict == "INSUFFICIENT"


def test_the_attackers_reference_is_never_a_target() -> None:
    source = evidence((400, 300, 250, 400))
    (found,) = MembershipInference().measure(source)
    assert (found.detail["members"], found.detail["others"]) == (400, 300)


def test_without_a_reference_the_nearest_attack_remains() -> None:
    source = evidence((400, 300, 250, 400))
    (found,) = MembershipInference().measure(replace(source, reference=source.reference.iloc[:0]))
    assert list(found.detail["auc_of_all_rows"]) == ["nearest"]


def test_too_few_targets_are_no_evidence() -> None:
    with pytest.raises(InsufficientEvidence):
        MembershipInference().measure(evidence((400, 60, 100, 400)))
