from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from schemas.errors import InsufficientEvidence
from schemas.finding import Finding
from schemas.table import conform
from tests.unit.validators.population import by_customer, contract, evidence, rows
from validators.privacy.membership import MembershipInference, records_needed
from validators.protocol import Evidence


def measured(source: Evidence) -> tuple[Finding, Finding]:
    first, second = MembershipInference().measure(source)
    return first, second


def test_a_copy_of_train_gives_every_member_away() -> None:
    source = evidence()
    accuracy, low = measured(replace(source, synthetic=source.train))
    assert accuracy.verdict == low.verdict == "FAIL"
    assert (accuracy.value or 0) > 0.95
    assert (low.value or 0) > 0.5


def test_fresh_tables_give_nobody_away() -> None:
    """Seeds 0 to 7: the worst of five accuracies at chance exceeds its bound in at most 5 %, and a low-rate finding
    refuses in at most .01 %, so that three accuracies or more that do not pass have a chance below 0.6 %.
    """
    found = [measured(evidence((1_500, 1_500, 500, 1_500), seed)) for seed in range(8)]
    assert sum(accuracy.verdict == "PASS" for accuracy, _ in found) >= 6
    assert all(accuracy.verdict != "FAIL" and low.verdict == "PASS" for accuracy, low in found)
    assert abs(np.mean([accuracy.detail["auc"]["distance"][0] for accuracy, _ in found]) - 0.5) < 0.016


def test_a_leak_of_five_percent_is_refused_at_a_low_false_alarm_rate() -> None:
    source = evidence((2_000, 2_000, 500, 2_000))
    table = pd.concat([source.train.iloc[:100], source.synthetic.iloc[100:]], ignore_index=True)
    accuracy, low = measured(replace(source, synthetic=table))
    assert low.verdict == "FAIL"
    assert low.value == pytest.approx(0.05, abs=0.01)
    assert accuracy.verdict == "PASS", "the usual limit on accuracy does not see it"


def test_the_verdict_rests_on_the_upper_bound_where_records_suffice() -> None:
    strict = contract(limits={"membership_accuracy": 0.55})
    undecided = [measured(evidence((1_100, 1_100, 400, 1_000), seed, contract=strict))[0] for seed in range(4)]
    for found in undecided:
        assert found.interval is not None
        assert found.detail["records"] >= found.detail["records_needed"]
        assert (found.verdict == "PASS") == (found.interval[1] <= 0.55)


def test_few_records_leave_the_verdict_to_the_leak_gate() -> None:
    source = evidence((500, 500, 200, 1_000), 1)
    accuracy, low = measured(source)
    assert accuracy.verdict == low.verdict == "PASS"
    assert "leak gate decides alone" in (accuracy.reason or "")
    assert "leak gate decides alone" in (low.reason or "")


def test_where_the_leak_gate_cannot_see_either_it_is_insufficient() -> None:
    accuracy, low = measured(evidence((200, 200, 100, 150), 1))
    assert accuracy.verdict == low.verdict == "INSUFFICIENT"


def test_few_records_do_not_save_a_copy() -> None:
    source = evidence((200, 200, 100, 150), 1)
    assert measured(replace(source, synthetic=source.train))[0].verdict == "FAIL"


def test_the_records_needed_are_about_2200_for_five_attacks() -> None:
    assert 2_150 < records_needed(0.05, 5) < 2_200
    assert records_needed(0.0, 5) == float("inf")


def test_the_attackers_reference_is_never_a_target() -> None:
    found, _ = measured(evidence((400, 300, 250, 400)))
    assert found.samples == {"members": 400, "non_members": 300, "synthetic": 400, "reference": 250}
    assert found.detail["members_attacked"] == found.detail["others_attacked"] == 1.0


def test_without_a_reference_the_attacks_that_need_none_remain() -> None:
    source = evidence((400, 300, 250, 400))
    found, _ = measured(replace(source, reference=source.reference.iloc[:0]))
    assert list(found.detail["auc"]) == ["distance", "local_density"]


def test_the_worst_subgroup_is_named_by_column_and_number() -> None:
    source = evidence((1_500, 1_500, 500, 1_500), contract=contract(subgroups=("region", "active")))
    leaked = source.train[source.train["region"] == "north"]
    table = pd.concat([leaked, source.synthetic.iloc[len(leaked) :]], ignore_index=True)
    found, _ = measured(replace(source, synthetic=table))
    worst = found.detail["worst_subgroup"]
    assert worst["column"] == "region"
    assert worst["code"] == 1, "the most frequent region"
    assert worst["accuracy"][0] > 0.9
    assert found.verdict == "FAIL"
    assert "north" not in found.to_bytes().decode()


def test_small_subgroups_are_not_judged() -> None:
    found, _ = measured(evidence((400, 300, 100, 400), contract=contract(subgroups=("region",))))
    assert found.detail["worst_subgroup"] is None


def test_entities_are_counted_as_entities() -> None:
    stated, rng = by_customer(), np.random.default_rng(3)
    frames = [rows(size, rng, rows_each=4) for size in (1_600, 1_600, 400, 1_600)]
    units = [frame["customer"].to_numpy() + 10_000 * k for k, frame in enumerate(frames)]
    tables = [conform(frame, stated).table for frame in frames]
    source = Evidence(stated, tables[3], tables[0], tables[1], tables[2], 0, (units[0], units[1], units[2]))
    fresh, _ = measured(source)
    assert (fresh.samples["members"], fresh.samples["non_members"]) == (400, 400)
    assert fresh.verdict != "FAIL"
    assert measured(replace(source, synthetic=tables[0]))[0].verdict == "FAIL"


def test_too_few_targets_are_no_evidence() -> None:
    with pytest.raises(InsufficientEvidence):
        MembershipInference().measure(evidence((400, 60, 100, 400)))
