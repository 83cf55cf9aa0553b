from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InsufficientEvidence
from tests.unit.validators.population import contract, evidence
from validators.fairness.demographic_shift import DemographicShift, shift
from validators.protocol import Evidence


def source(seed: int = 0) -> Evidence:
    return evidence((1_500, 800, 10, 1_500), seed, contract=contract(subgroups=("region", "active")))


@pytest.mark.parametrize("seed", range(5))
def test_fresh_rows_have_the_same_shares(seed: int) -> None:
    (found,) = DemographicShift().measure(source(seed))
    assert found.verdict == "PASS"


def test_other_shares_fail_and_the_column_is_told() -> None:
    given_source = source()
    keep = (given_source.synthetic["region"] != "north") | (np.arange(1_500) % 2 == 0)
    table = given_source.synthetic[keep].reset_index(drop=True)
    (found,) = DemographicShift().measure(replace(given_source, synthetic=table))
    assert found.verdict == "FAIL"
    assert found.detail["columns"]["region"] == pytest.approx(0.15, abs=0.05)
    assert found.detail["columns"]["active"] < 0.05


def test_shares_of_combinations_count_where_those_of_columns_agree() -> None:
    both, neither = np.array([500.0, 0, 0, 500]), np.array([250.0, 250, 250, 250])
    assert shift(both, neither)[0] == pytest.approx(0.5, abs=0.01)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=8))
def test_a_value_lies_within_its_interval_and_within_total_variation(counts: list[tuple[int, int]]) -> None:
    fake, real = (np.array([pair[k] for pair in counts], dtype=float) + 1 for k in (0, 1))
    value, low, high = shift(fake, real)
    assert 0 <= low <= value <= high
    assert value <= 0.5 * np.abs(fake / fake.sum() - real / real.sum()).sum() + 1e-12
    assert shift(fake, fake)[0] == 0


def test_too_few_rows_are_no_evidence() -> None:
    with pytest.raises(InsufficientEvidence):
        DemographicShift().measure(evidence((99, 300, 10, 300), contract=contract(subgroups=("region",))))
