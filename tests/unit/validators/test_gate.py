from dataclasses import replace

import numpy as np

from schemas.finding import Finding
from schemas.metrics import KNOWN_LIMITS
from tests.unit.validators.population import by_customer, evidence, independent
from validators.entities import bounded
from validators.gate import run_gate
from validators.registry import VALIDATORS, validators_of


def metrics(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.metric for finding in findings]


def test_the_privacy_gate_checks_the_schema_first() -> None:
    report = run_gate("privacy", evidence((1_500, 1_500, 500, 1_500)))
    assert report.verdict == "PASS"
    assert metrics(report.findings)[0] == "schema_violations"
    assert set(metrics(report.findings)) == {
        "schema_violations", "copied_rows", "leak_detectable_share", "nearest_neighbour_share", "membership_inference",
    }  # fmt: skip


def test_a_copying_generator_fails_privacy_and_an_independent_one_utility() -> None:
    source = evidence((1_500, 1_500, 500, 1_500))
    copying, shuffled = replace(source, synthetic=source.train), replace(source, synthetic=independent(source.train))
    assert run_gate("privacy", copying).verdict == "FAIL"
    assert run_gate("utility", copying).verdict == "PASS"
    assert run_gate("utility", shuffled).verdict == "FAIL"
    assert run_gate("privacy", shuffled).verdict != "FAIL"


def test_broken_tables_stop_at_the_schema() -> None:
    source = evidence()
    report = run_gate("privacy", replace(source, raw_synthetic=source.synthetic.drop(columns="age")))
    assert report.verdict == "INVALID"
    assert metrics(report.findings) == ["schema_violations"]


def test_progress_names_every_validator_once() -> None:
    seen: list[str] = []
    run_gate("utility", evidence(), lambda metric, seconds: seen.append(metric))
    assert seen == [validator.metric for validator in validators_of("utility")]


def test_every_metric_has_a_limit_and_every_limit_a_validator() -> None:
    assert {validator.metric for validator in VALIDATORS} | {"leak_detectable_share"} == set(KNOWN_LIMITS)


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
