"""Free text is released empty or by a template, and never modelled, read or gated."""

import pandas as pd
import pytest
from pydantic import ValidationError

from generators.sampling.releasing import released
from schemas.contract import Contract
from schemas.generation import FreeText, Generation
from schemas.odcs import read_contract, write_contract
from schemas.table import conform
from tests.unit.generators.sampling.invented import Invented, contract
from validators.protocol import Evidence
from validators.structure.schema_checks import SchemaViolations

TEMPLATE = FreeText(column="note", handling="template", template="{sex} is {age}; spent {spent}.")


def test_text_is_dropped_unless_a_template_writes_it() -> None:
    pinned = contract(text=True)
    table, report = released(Invented(pinned), pinned, 50, 1)
    assert list(table.columns) == ["sex", "note", "race", "age", "day", "spent", "member", "fraud"]
    assert table["note"].isna().all()
    assert report is not None
    assert (report.dropped, report.templated) == (("note",), ())


def test_a_template_names_the_row_s_own_synthetic_values() -> None:
    pinned = contract(Generation(free_text=(TEMPLATE,)), text=True)
    table, report = released(Invented(pinned), pinned, 200, 2)
    row = table[table["spent"].notna()].iloc[0]
    assert row["note"] == f"{row['sex']} is {row['age']}; spent {row['spent']}."
    assert table.loc[table["spent"].isna(), "note"].iloc[0].endswith("spent .")
    assert report is not None
    assert report.templated == ("note",)


def test_no_generator_or_gate_reads_text_and_the_schema_gate_lets_it_pass() -> None:
    pinned = contract(text=True)
    assert "note" not in {column.name for column in pinned.modelled}
    assert "note" not in conform(pd.DataFrame({"note": ["secret"]}), pinned).table
    table, _ = released(Invented(pinned), pinned, 100, 3)
    real = Invented(pinned).sample(50, 4)
    evidence = Evidence(
        contract=pinned,
        synthetic=conform(table, pinned).table,
        raw_synthetic=table,
        train=real,
        holdout=real,
        reference=real,
        seed=1,
    )
    (finding,) = SchemaViolations().measure(evidence)
    assert (finding.verdict, finding.value) == ("PASS", 0.0)


def test_the_contract_keeps_text_through_its_file() -> None:
    pinned = contract(Generation(free_text=(TEMPLATE,)), text=True)
    assert read_contract(write_contract(pinned)) == pinned


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"column": "race"}, "role is not text"),
        ({"column": "nothing"}, "does not have"),
        ({"template": "{note}"}, "not modelled"),
        ({"template": "{nothing}"}, "not modelled"),
    ],
)
def test_text_that_makes_no_sense_is_refused(change: dict[str, str], why: str) -> None:
    document = contract(Generation(free_text=(TEMPLATE,)), text=True).document()
    document["policy"]["generation"]["free_text"] = [TEMPLATE.document() | change]
    with pytest.raises(ValidationError, match=why):
        Contract.model_validate(document)
