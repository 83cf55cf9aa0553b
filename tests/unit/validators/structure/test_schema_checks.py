import numpy as np
import pandas as pd
import pytest

from schemas.contract import Constraint, Dependency
from schemas.errors import InsufficientEvidence
from schemas.table import conform
from tests.unit.validators.population import contract, evidence, rows
from validators.structure.schema_checks import SchemaViolations


def raw(size: int = 50):  # type: ignore[no-untyped-def]
    return rows(size, np.random.default_rng(0)).drop(columns="customer")


def test_a_table_of_the_population_keeps_its_contract() -> None:
    (found,) = SchemaViolations().measure(evidence(raw_synthetic=raw()))
    assert (found.verdict, found.value) == ("PASS", 0.0)


def test_values_outside_the_domain_and_cells_of_another_type_are_counted() -> None:
    table = raw().astype({"age": object})
    table.loc[:2, "region"] = "atlantis"
    table.loc[5, "age"] = "old"
    (found,) = SchemaViolations().measure(evidence(raw_synthetic=table))
    assert (found.verdict, found.value) == ("FAIL", 4.0)
    assert found.detail["columns"] == ["age", "region"]
    assert "atlantis" not in found.model_dump_json()


def test_a_missing_column_is_invalid() -> None:
    (found,) = SchemaViolations().measure(evidence(raw_synthetic=raw().drop(columns="plan")))
    assert found.verdict == "INVALID"
    assert "plan" in (found.reason or "")


def test_a_released_entity_column_is_a_violation() -> None:
    (found,) = SchemaViolations().measure(evidence(raw_synthetic=raw().assign(customer=1)))
    assert found.verdict == "FAIL"
    assert "customer must not be released" in (found.reason or "")


def test_constraints_and_dependencies_count_rows() -> None:
    constraint = Constraint(left="age", operator="<", constant=40)
    dependency = Dependency(determinants=("active",), dependent="churned", table=((True, False), (False, True)))
    stated = contract(constraints=(constraint,), dependencies=(dependency,))
    table = raw()
    (found,) = SchemaViolations().measure(evidence(contract=stated, raw_synthetic=table))
    assert found.detail["kinds"] == {
        "constraint": int((table["age"] >= 40).sum()), "dependency": int((table["active"] == table["churned"]).sum()),
    }  # fmt: skip


def test_an_empty_table_is_no_evidence() -> None:
    with pytest.raises(InsufficientEvidence):
        SchemaViolations().measure(evidence(raw_synthetic=raw().iloc[:0]))


def test_the_typed_table_is_checked_where_there_is_no_raw_one() -> None:
    (found,) = SchemaViolations().measure(evidence(synthetic=conform(raw(), contract()).table))
    assert found.verdict == "PASS"


def test_times_in_doubtful_zones_are_violations_and_not_converted_in_silence() -> None:
    table = raw()
    written = table["since"].dt.strftime("%Y-%m-%dT%H:%M:%S")
    (found,) = SchemaViolations().measure(evidence(raw_synthetic=table.assign(since=written + "Z")))
    assert found.verdict == "PASS"
    mixed = written.where(np.arange(len(written)) % 5 > 0, written + "+00:00")
    (found,) = SchemaViolations().measure(evidence(raw_synthetic=table.assign(since=mixed)))
    assert found.detail["kinds"] == {"time_zone": 40}
    (found,) = SchemaViolations().measure(
        evidence(raw_synthetic=table.assign(since=table["since"].dt.tz_localize("Asia/Tokyo")))
    )
    assert found.detail["kinds"] == {"time_zone": 50}


def test_infinities_and_further_columns_of_one_name_are_violations() -> None:
    table = raw()
    table.loc[:3, "income"] = np.inf
    doubled = pd.concat([table, table[["plan"]]], axis=1)
    (found,) = SchemaViolations().measure(evidence(raw_synthetic=doubled))
    assert found.detail["kinds"] == {"type": 5}


def test_missing_and_repeated_cells_count_where_the_contract_forbids_them() -> None:
    stated = contract()
    columns = tuple(
        column.model_copy(update={"required": column.name == "income", "unique": column.name == "age"})
        for column in stated.columns
    )
    table = raw()
    (found,) = SchemaViolations().measure(
        evidence(contract=stated.model_copy(update={"columns": columns}), raw_synthetic=table)
    )
    assert found.detail["kinds"] == {
        "required": int(table["income"].isna().sum()), "unique": int(table["age"].duplicated().sum()),
    }  # fmt: skip


def test_two_columns_are_compared_row_by_row() -> None:
    stated = contract(constraints=(Constraint(left="income", operator=">=", right="age"),))
    table = raw()
    table.loc[:6, "income"] = 1.0
    (found,) = SchemaViolations().measure(evidence(contract=stated, raw_synthetic=table))
    assert found.detail["kinds"] == {"constraint": 7}
