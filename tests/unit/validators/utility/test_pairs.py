from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column, Contract, Policy, Privacy
from schemas.finding import Finding
from schemas.table import conform
from tests.unit.validators.population import evidence, independent
from validators.protocol import Evidence
from validators.utility.pairs import MOST_PAIRS, PairFidelity, layout


def measured(source: Evidence, synthetic: pd.DataFrame | None = None) -> tuple[Finding, Finding]:
    mean, worst = PairFidelity().measure(source if synthetic is None else replace(source, synthetic=synthetic))
    assert (mean.metric, worst.metric) == ("pair_fidelity", "worst_pair")
    return mean, worst


def wide(columns: int, rows: int = 1_500, seed: int = 0) -> Evidence:
    """Independent numbers but for the last two columns, which correlate at 0.8."""
    rng = np.random.default_rng(seed)
    stated = Contract(
        dataset="wide",
        columns=tuple(Column(name=f"c{k}", type="number") for k in range(columns)),
        policy=Policy(privacy=Privacy(claim="empirical", scope="wide")),
    )
    parts = []
    for _ in range(3):
        values = rng.normal(size=(rows, columns))
        values[:, -1] = 0.8 * values[:, -2] + 0.6 * values[:, -1]
        parts.append(conform(pd.DataFrame(values).add_prefix("c"), stated).table)
    return Evidence(stated, parts[2], parts[0], parts[1], parts[1].iloc[:0], seed)


def test_fresh_rows_pass_and_shuffled_columns_do_not() -> None:
    source = evidence()
    fresh, worst = measured(source)
    mean, lost = measured(source, independent(source.synthetic))
    assert fresh.verdict == worst.verdict == "PASS"
    assert fresh.interval is not None
    assert (mean.value or 1) < fresh.interval[0]
    assert fresh.detail["pairs"] == fresh.detail["pairs_of"] == 21
    assert lost.verdict == "FAIL"


def test_the_broken_pair_is_named() -> None:
    source = evidence()
    mixed = source.synthetic.assign(plan=independent(source.synthetic)["plan"])
    mean, worst = measured(source, mixed)
    assert "income x plan" in mean.detail["worst"]
    assert worst.detail["pair"] == "income x plan"


@pytest.mark.parametrize("fault", ["invented", "lost"])
def test_one_pair_among_105_is_caught(fault: str) -> None:
    source = wide(15)
    assert measured(source)[1].verdict == "PASS"
    name, like = ("c3", "c4") if fault == "invented" else ("c14", "c0")
    values = source.synthetic.sort_values(like, kind="stable").index
    changed = source.synthetic[name].copy()
    changed.loc[values] = np.sort(changed.to_numpy()) if fault == "invented" else changed.loc[values].to_numpy()
    if fault == "lost":
        changed = independent(source.synthetic)["c14"]
    mean, worst = measured(source, source.synthetic.assign(**{name: changed}))
    assert mean.verdict == "PASS"
    assert worst.verdict == "FAIL"
    assert worst.detail["pair"] == ("c3 x c4" if fault == "invented" else "c13 x c14")


def test_swapped_labels_are_caught_though_the_dependence_is_as_strong() -> None:
    source = evidence((3_000, 2_000, 500, 3_000))
    swapped = source.synthetic.assign(churned=~source.synthetic["churned"])
    balanced = source.synthetic["churned"].mean()
    assert 0.4 < balanced < 0.6
    _, worst = measured(source, swapped)
    assert worst.verdict == "FAIL"
    assert worst.detail["figure"] == "association of values"
    assert "churned" in worst.detail["pair"]


def test_a_reversed_correlation_is_caught() -> None:
    source = wide(4)
    _, worst = measured(source, source.synthetic.assign(c3=-source.synthetic["c3"]))
    assert worst.detail["pair"] == "c2 x c3"
    assert (worst.value or 0) > 1.4


def test_very_wide_tables_have_as_many_pairs_drawn_by_seed() -> None:
    source = wide(95, rows=200)
    plan = layout(source)
    assert len(plan.pairs) == len(set(plan.pairs)) == MOST_PAIRS
    mean, _ = measured(source)
    assert mean.detail["pairs"] == MOST_PAIRS < mean.detail["pairs_of"]
    assert layout(replace(source, seed=1)).pairs != plan.pairs


def test_a_single_column_has_no_pairs() -> None:
    assert PairFidelity().measure(wide(15).__class__(
        wide(15).contract.model_copy(update={"columns": wide(15).contract.columns[:1]}),
        *(wide(15).synthetic[["c0"]] for _ in range(4)), 0)) == ()  # fmt: skip
