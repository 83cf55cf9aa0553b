from dataclasses import replace

import pandas as pd

from schemas.finding import Finding
from tests.unit.validators.population import contract, evidence
from validators.protocol import Evidence
from validators.utility.tails import TailCoverage, tail_rows

SIZES = (4_000, 3_000, 500, 4_000)


def with_rare_plans(source: Evidence) -> Evidence:
    """Five plans that 0.4 % of the rows have each."""
    parts = {}
    for name in ("train", "holdout", "synthetic"):
        table = getattr(source, name)
        rare = pd.Series([f"rare{k // 50 % 5}" for k in range(len(table))], dtype=object)
        parts[name] = table.assign(plan=table["plan"].where(pd.Series(range(len(table))) % 50 != 0, rare))
    return replace(source, **parts)


def measured(source: Evidence, synthetic: pd.DataFrame | None = None) -> Finding:
    (found,) = TailCoverage().measure(source if synthetic is None else replace(source, synthetic=synthetic))
    return found


def test_fresh_rows_pass() -> None:
    found = measured(with_rare_plans(evidence(SIZES)))
    assert found.verdict == "PASS"
    assert (found.value or 0) > 0.85
    assert {"age high", "income low", "plan rare"} <= set(found.detail["worst"])


def test_a_table_without_its_tails_fails_and_names_them() -> None:
    source = with_rare_plans(evidence(SIZES))
    numbers = tail_rows(source, source.synthetic)[:, :6].any(axis=1)
    rare = source.synthetic["plan"].fillna("").str.startswith("rare").to_numpy(dtype=bool)
    found = measured(source, source.synthetic[~(numbers | rare)].reset_index(drop=True))
    assert found.verdict == "FAIL"
    assert found.value == 0


def test_invented_categories_do_not_stand_for_rare_ones() -> None:
    source = with_rare_plans(evidence(SIZES))
    rare = source.synthetic["plan"].fillna("").str.startswith("rare")
    found = measured(source, source.synthetic.assign(plan=source.synthetic["plan"].mask(rare, "invented")))
    assert found.detail["worst"]["plan rare"] == 0


def test_small_tables_have_wider_tails() -> None:
    # 30 seeds at 300, 200 and 300 rows
    found = [TailCoverage().measure(evidence((300, 200, 50, 300), seed=seed))[0] for seed in range(30)]
    assert {item.verdict for item in found} == {"PASS"}
    assert min(item.detail["tails"] for item in found) >= 4


def test_no_finding_where_there_is_no_tail() -> None:
    source = evidence()
    flags = contract().model_copy(
        update={"columns": tuple(column for column in contract().columns if column.name in ("active", "churned"))}
    )
    assert TailCoverage().measure(replace(source, contract=flags)) == ()
