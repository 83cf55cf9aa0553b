from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column, Contract, Policy, Privacy
from schemas.errors import InsufficientEvidence
from schemas.finding import Finding
from schemas.table import conform
from tests.unit.validators.population import evidence, independent
from validators.protocol import Evidence
from validators.utility.marginals import MarginalFidelity


def measured(source: Evidence, **columns: object) -> tuple[Finding, Finding]:
    """The mean and the worst column, of the synthetic table with these columns changed."""
    mean, lowest = MarginalFidelity().measure(replace(source, synthetic=source.synthetic.assign(**columns)))
    assert (mean.metric, lowest.metric) == ("marginal_fidelity", "worst_column")
    return mean, lowest


def test_fresh_rows_score_as_the_train_rows_do() -> None:
    for found in measured(evidence()):
        assert found.verdict == "PASS"
        assert found.value == pytest.approx(found.baseline, abs=0.03)
        assert found.interval is not None
        assert found.interval[0] < (found.value or 0) < found.interval[1]
        assert found.samples == {"synthetic": 1_500, "train": 1_500, "holdout": 800}


def test_a_shifted_column_is_named_worst() -> None:
    source = evidence()
    mean, lowest = measured(source, age=source.synthetic["age"] + 30)
    assert next(iter(mean.detail["worst"])) == "age"
    assert mean.detail["worst"]["age"] < 0.4
    assert lowest.detail["column"] == "age"
    assert lowest.verdict == "FAIL"
    assert mean.detail["columns"]["age"]["wasserstein"] > 1


def test_a_scale_error_fails_whatever_the_others_do() -> None:
    source = evidence()
    _, lowest = measured(source, income=source.synthetic["income"] * 100)
    assert lowest.verdict == "FAIL"
    assert lowest.value == pytest.approx(0, abs=0.05)


def test_one_broken_column_among_fifty_does_not_hide_in_the_mean() -> None:
    rng = np.random.default_rng(3)
    columns = tuple(Column(name=f"c{k}", type="number") for k in range(50))
    stated = Contract(dataset="wide", columns=columns, policy=Policy(privacy=Privacy(claim="empirical", scope="wide")))
    parts = [conform(pd.DataFrame(rng.normal(size=(1_000, 50))).add_prefix("c"), stated).table for _ in range(3)]
    source = Evidence(stated, parts[2], parts[0], parts[1], parts[1].iloc[:0], 0)
    assert [found.verdict for found in measured(source)] == ["PASS", "PASS"]
    mean, lowest = measured(source, c17=source.synthetic["c17"] * 100)
    assert mean.verdict == "PASS"
    assert lowest.verdict == "FAIL"
    assert lowest.detail["column"] == "c17"


def test_missing_cells_are_a_value_like_any_other() -> None:
    mean, lowest = measured(evidence(), plan=None)
    assert mean.detail["worst"]["plan"] < 0.1
    assert lowest.verdict == "FAIL"


def test_shuffled_columns_keep_their_marginals() -> None:
    source = evidence()
    found = MarginalFidelity().measure(replace(source, synthetic=independent(source.synthetic)))
    assert {item.verdict for item in found} == {"PASS"}


def test_small_fresh_tables_pass_by_what_sampling_explains() -> None:
    # 100 rows a side: total variation over 20 bins is a quarter by noise alone; 20 seeds
    for seed in range(20):
        (_, lowest) = MarginalFidelity().measure(evidence((100, 100, 100, 100), seed=seed))
        assert lowest.verdict == "PASS"


def test_too_few_rows_are_insufficient() -> None:
    source = evidence()
    with pytest.raises(InsufficientEvidence):
        MarginalFidelity().measure(replace(source, synthetic=source.synthetic.iloc[:99]))
    with pytest.raises(InsufficientEvidence):
        MarginalFidelity().measure(replace(source, holdout=source.holdout.iloc[:99]))
