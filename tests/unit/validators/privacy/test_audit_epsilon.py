import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Privacy
from schemas.errors import InsufficientEvidence
from schemas.finding import Finding
from schemas.table import conform
from tests.unit.validators.population import by_customer, contract, evidence, rows
from validators.privacy.audit_epsilon import AuditEpsilon, audit, failures
from validators.protocol import Evidence

Scores = Callable[[np.ndarray, np.random.Generator], np.ndarray]
RUNS = 300


def measured(source: Evidence) -> Finding:
    (found,) = AuditEpsilon().measure(source)
    return found


def copied(source: Evidence, share: float) -> Evidence:
    count = round(share * len(source.synthetic))
    table = pd.concat([source.train.iloc[:count], source.synthetic.iloc[count:]], ignore_index=True)
    return replace(source, synthetic=table)


def randomised_response(epsilon: float) -> Scores:
    """Every unit says whether it is in, and tells the truth with odds e^epsilon."""
    truth = 1 / (1 + math.exp(-epsilon))

    def scores(member: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        said = np.where(rng.random(len(member)) < truth, member, ~member)
        return said + 0.5 * rng.random(len(member))

    return scores


def laplace(epsilon: float) -> Scores:
    """Every unit's bit with Laplace noise of scale 1 / epsilon: the top of the ranking has the whole odds."""
    return lambda member, rng: member + rng.laplace(scale=1 / epsilon, size=len(member))


def now_and_then_everything(epsilon: float, delta: float, at_once: int) -> Scores:
    """Randomised response; with a chance that makes it ``delta`` for each unit, ``at_once`` units are told outright."""
    plain = randomised_response(epsilon)

    def scores(member: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        found = plain(member, rng)
        for group in np.array_split(rng.permutation(len(member)), len(member) // at_once):
            if rng.random() < delta:
                found[group] = np.where(member[group], 10.0, -10.0)
        return found

    return scores


def exceeded(scores: Scores, epsilon: float, delta: float, share: float, units: int) -> int:
    """How many of the runs refute the epsilon that the mechanism has; membership is drawn by independent coins."""
    count = 0
    for seed in range(RUNS):
        rng = np.random.default_rng([seed, units])
        member = rng.random(units) < share
        ranked = member[np.argsort(-scores(member, rng), kind="stable")]
        count += audit(ranked, member.sum() / (~member).sum(), delta).epsilon > epsilon
    return count


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("share", [0.5, 0.25, 0.7])
@pytest.mark.parametrize("mechanism", [randomised_response, laplace])
def test_the_bound_holds_for_pure_mechanisms(
    mechanism: Callable[[float], Scores], share: float, epsilon: float
) -> None:
    """Seeds 0 to 299: the bound exceeds epsilon in at most 5 %; more than 27 of 300 has a chance below 0.2 %."""
    assert exceeded(mechanism(epsilon), epsilon, 0.0, share, 500) <= 27


@pytest.mark.parametrize(("delta", "at_once"), [(1e-3, 1), (1e-2, 1), (1e-3, 20), (1e-2, 20)])
def test_the_bound_holds_where_delta_is_used_up(delta: float, at_once: int) -> None:
    """Seeds 0 to 299, epsilon 1: at most 5 %, as above; without a term for delta it would be far more."""
    assert exceeded(now_and_then_everything(1.0, delta, at_once), 1.0, delta, 0.5, 500) <= 27


def test_without_its_delta_the_same_mechanism_is_refuted() -> None:
    assert exceeded(now_and_then_everything(1.0, 0.1, 20), 1.0, 0.0, 0.5, 500) > 150


def test_more_failures_than_allowed_are_rarer_than_the_error_set_aside() -> None:
    for units in (100, 3_000, 32_000, 1_000_000):
        found = failures(units, 1.0, 1e-5)
        assert 0 < found.error <= 0.02
        assert found.error * (found.count + 1) == pytest.approx(units * 0.5 * 1e-5)


def test_a_copy_of_train_refutes_any_sensible_epsilon() -> None:
    source = evidence((2_000, 1_000, 1_000, 2_000))
    found = measured(replace(source, synthetic=source.train))
    assert found.verdict == "FAIL"
    assert found.value is not None
    assert found.value > 4.0
    assert found.value <= found.detail["largest_bound_within_reach"]


def test_fresh_rows_refute_nothing() -> None:
    """Seeds 0 to 19: a bound above 0 has a chance of at most 5 %; six or more of 20 below 0.04 %."""
    found = [measured(evidence((1_000, 500, 500, 1_000), seed)) for seed in range(20)]
    assert sum((item.value or 0) > 0 for item in found) <= 5
    assert all(item.verdict == "PASS" for item in found)


def test_a_leak_of_three_percent_refutes_epsilon_one() -> None:
    found = measured(copied(evidence((4_000, 2_000, 2_000, 4_000)), 0.03))
    assert found.verdict == "FAIL"
    assert (found.value or 0) > 1.5


def formal(epsilon: str, **limits: float) -> Evidence:
    stated = contract(privacy=Privacy(claim="formal", scope="test", epsilon=epsilon), limits=limits)
    return evidence((2_000, 1_000, 1_000, 2_000), contract=stated)


def test_under_a_formal_claim_the_limit_is_the_claimed_epsilon() -> None:
    source = formal("3")
    found = measured(replace(source, synthetic=source.train))
    assert (found.limit, found.verdict) == (3.0, "FAIL")
    assert found.detail["delta"] == 1e-5
    assert found.value is not None
    assert found.value <= found.detail["bound_for_delta_0"]
    assert "refutes the claimed epsilon" in (found.reason or "")
    lavish = formal("8")
    assert measured(replace(lavish, synthetic=lavish.train)).verdict == "PASS"


def test_a_stricter_limit_of_the_contract_counts_under_a_claim() -> None:
    assert measured(formal("3", audit_epsilon=0.5)).limit == 0.5
    assert measured(formal("3", audit_epsilon=5.0)).limit == 3.0


def test_entities_are_audited_as_entities() -> None:
    stated, rng = by_customer(), np.random.default_rng(3)
    frames = [rows(size, rng, rows_each=4) for size in (1_600, 800, 800, 1_600)]
    units = [frame["customer"].to_numpy() + 10_000 * k for k, frame in enumerate(frames)]
    tables = [conform(frame, stated).table for frame in frames]
    source = Evidence(stated, tables[3], tables[0], tables[1], tables[2], 0, (units[0], units[1], units[2]))
    fresh = measured(source)
    assert (fresh.support, fresh.detail["unit"], fresh.verdict) == (800, "entity", "PASS")
    assert measured(replace(source, synthetic=tables[0])).verdict == "FAIL"


def test_too_few_units_are_no_evidence() -> None:
    for sizes in ((90, 200, 100, 100), (200, 60, 30, 100), (200, 200, 100, 0)):
        with pytest.raises(InsufficientEvidence):
            measured(evidence(sizes))
