from dataclasses import replace

import numpy as np

from schemas.finding import Finding
from schemas.metrics import KNOWN_LIMITS
from tests.unit.validators.population import by_customer, evidence, independent
from validators.entities import bounded
from validators.gate import GATES, run_gate, run_gates
from validators.registry import VALIDATORS, validators_of


def metrics(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.metric for finding in findings]


def test_the_gates_run_in_order_and_a_fresh_sample_passes_them_all() -> None:
    reports = run_gates(evidence((2_500, 2_500, 1_000, 2_500)))
    assert [report.gate for report in reports] == list(GATES)
    assert {item.metric: item.verdict for report in reports for item in report.findings if item.verdict != "PASS"} == {}
    assert all({finding.gate} == {report.gate} for report in reports for finding in report.findings)


def test_a_copying_generator_fails_privacy_and_an_independent_one_utility() -> None:
    source = evidence((1_500, 1_500, 500, 1_500))
    copying, shuffled = replace(source, synthetic=source.train), replace(source, synthetic=independent(source.train))
    assert run_gate("privacy", copying).verdict == "FAIL"
    assert run_gate("utility", copying).verdict == "PASS"
    assert run_gate("utility", shuffled).verdict == "FAIL"
    assert run_gate("privacy", shuffled).verdict != "FAIL"


def test_broken_tables_stop_at_the_schema() -> None:
    source = evidence()
    reports = run_gates(replace(source, raw_synthetic=source.synthetic.drop(columns="age")))
    assert [(report.gate, report.verdict) for report in reports] == [("schema", "INVALID")]


def test_every_finding_says_how_and_whose_idea() -> None:
    findings = [item for report in run_gates(evidence((600, 400, 200, 600))) for item in report.findings]
    assert all(finding.method and finding.source for finding in findings)
    assert all(finding.limit is not None for finding in findings)


def test_progress_names_every_validator_once() -> None:
    seen: list[str] = []
    run_gate("utility", evidence(), lambda metric, seconds: seen.append(metric))
    assert seen == [validator.metric for validator in validators_of("utility")]


def test_no_two_validators_share_a_metric_and_every_one_is_in_the_table() -> None:
    names = [validator.metric for validator in VALIDATORS]
    assert len(set(names)) == len(names)
    assert set(names) <= set(KNOWN_LIMITS)


def test_entity_numbers_that_do_not_fit_the_rows_are_invalid() -> None:
    source = evidence(contract=by_customer())
    numbers = np.arange(3)
    broken = replace(source, entities=(numbers, numbers, numbers))
    assert run_gate("privacy", broken).verdict == run_gate("utility", broken).verdict == "INVALID"


def test_all_sides_are_bounded_alike() -> None:
    source = evidence((300, 200, 100, 300), contract=by_customer(max_rows=3))
    units = tuple(np.repeat(np.arange(size // 10) + 1_000 * k, 10) for k, size in enumerate((300, 200, 100)))
    found = bounded(replace(source, entities=(units[0], units[1], units[2])))
    assert [len(found.train), len(found.holdout), len(found.reference)] == [90, 60, 30]
    assert found.entities is not None
    assert all((np.bincount(unit)[np.unique(unit)] == 3).all() for unit in found.entities)
    assert bounded(found) is found
