"""Personal data that a contract missed is found by name and value; declared columns and real public tables pass."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column, Contract, Policy, Privacy
from schemas.errors import InsufficientEvidence
from schemas.finding import Finding
from schemas.table import conform
from validators.protocol import Evidence
from validators.structure.personal_data import PersonalData

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"
KINDS = {"i": "integer", "f": "number", "O": "string", "M": "timestamp", "b": "boolean"}


def found_in(table: pd.DataFrame, **personal: str) -> Finding:
    columns = [
        Column.model_validate({"name": name, "type": KINDS[table[name].dtype.kind], "personal": personal.get(name)})
        for name in table
    ]
    stated = Contract(dataset="d", columns=tuple(columns), policy=Policy(privacy=Privacy(scope="s")))
    typed = conform(table, stated).table
    (finding,) = PersonalData().measure(Evidence(stated, typed, typed, typed, typed, 0, raw_synthetic=table))
    return finding


def comments(size: int = 400, **odd: Any) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"n": rng.integers(0, 10**9, size), "note": [f"order {k} came late" for k in range(size)]})
    for name, value in odd.items():
        table.loc[7, name] = value
    return table


def test_a_table_of_things_passes() -> None:
    finding = found_in(comments())
    assert (finding.verdict, finding.value) == ("PASS", 0.0)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("call ann.lee@example.org about it", "e-mail address"),
        ("card 4111 1111 1111 1111", "card number"),
        ("pay GB82WEST12345698765432", "bank account"),
    ],
)
def test_one_datum_in_one_comment_of_many_is_found_and_not_quoted(text: str, kind: str) -> None:
    finding = found_in(comments(note=text))
    assert (finding.verdict, finding.value) == ("FAIL", 1.0)
    assert finding.detail["columns"] == {"note": {kind: 1}}
    assert "example.org" not in finding.model_dump_json()
    assert "4111" not in finding.model_dump_json()


def test_a_datum_behind_a_zero_byte_is_found() -> None:
    table = comments()
    table["note"] = ["order\0" + note for note in table["note"]]
    assert found_in(table).verdict == "PASS"
    table.loc[399, "note"] = "order\0ann.lee@example.org"
    assert found_in(table).detail["columns"] == {"note": {"e-mail address": 1}}


def test_a_declaration_covers_its_kind_and_no_other() -> None:
    table = comments(note="ann.lee@example.org")
    assert found_in(table, note="e-mail address").verdict == "PASS"
    assert found_in(table, note="classified by the owner").detail["declared"] == {"note": "classified by the owner"}
    assert found_in(table, note="postal code").verdict == "FAIL"


def test_national_numbers_as_integers_are_found() -> None:
    numbers = [k for k in range(123_456_700, 123_460_000) if _eleven(k)]
    finding = found_in(pd.DataFrame({"ref": np.repeat(numbers[:50], 3)}))
    assert finding.detail["columns"] == {"ref": {"national identity number": 50}}


def _eleven(number: int) -> bool:
    digits = [int(digit) for digit in str(number)]
    return (sum((9 - k) * digit for k, digit in enumerate(digits[:8])) - digits[8]) % 11 == 0


def test_card_numbers_beyond_what_doubles_hold_are_read_exactly() -> None:
    rng = np.random.default_rng(8)
    numbers = []
    while len(numbers) < 30:
        body = "4" + "".join(map(str, rng.integers(0, 10, 17)))
        numbers += [int(body + digit) for digit in "0123456789" if _luhn(body + digit)]
    finding = found_in(pd.DataFrame({"ref": numbers}))
    assert finding.detail["columns"] == {"ref": {"card number": 30}}


def _luhn(digits: str) -> bool:
    doubled = "0246813579"
    return sum(int(d) if k % 2 == 0 else int(doubled[int(d)]) for k, d in enumerate(reversed(digits))) % 10 == 0


def test_names_of_columns_count_where_values_could_be_that() -> None:
    days = pd.to_datetime("1950-01-01") + pd.to_timedelta(np.arange(100) * 97, unit="D")
    table = pd.DataFrame({
        "birthDate": days, "last_name": [f"q{k}" for k in range(100)], "email_sent": np.arange(100) % 2 == 0,
        "phone_calls": np.arange(100), "sex": ["m", "f"] * 50, "birth_weight": np.arange(100) / 7,
    })  # fmt: skip
    finding = found_in(table)
    assert finding.detail["columns"] == {
        "birthDate": {"date of birth": 100}, "last_name": {"name of a person": 100}
    }  # fmt: skip
    assert finding.detail["named_like"]["sex"] == "protected attribute"


def test_the_table_as_it_came_is_read_not_what_typing_left_of_it() -> None:
    table = comments(note="ann.lee@example.org").assign(extra=1)
    finding = found_in(table)
    assert finding.verdict == "FAIL"
    twice = pd.concat([table, table[["note"]]], axis=1)
    stated = Contract(
        dataset="d", columns=(Column(name="note", type="string"),), policy=Policy(privacy=Privacy(scope="s"))
    )
    typed = conform(twice, stated).table
    (again,) = PersonalData().measure(Evidence(stated, typed, typed, typed, typed, 0, raw_synthetic=twice))
    assert again.verdict == "FAIL"


def test_odd_cells_are_no_traceback_and_nothing_is_no_evidence() -> None:
    odd = pd.DataFrame(
        {"a": pd.Series([None, 1.5, b"\xff", [1], "x", 2**70] * 5, dtype=object), "b": [np.inf, np.nan] * 15}
    )
    stated = Contract(
        dataset="d", columns=(Column(name="a", type="string"), Column(name="b", type="number")),
        policy=Policy(privacy=Privacy(scope="s")),
    )  # fmt: skip
    typed = conform(odd, stated).table
    source = Evidence(stated, typed, typed, typed, typed, 0, raw_synthetic=odd)
    assert PersonalData().measure(source)[0].verdict == "PASS"
    with pytest.raises(InsufficientEvidence):
        PersonalData().measure(replace(source, synthetic=typed.iloc[:0]))


@pytest.mark.parametrize("name", ["adult", "elec2", "fraud_transactions"])
def test_real_public_tables_raise_nothing(name: str) -> None:
    path = DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip("the shared data is not here")
    finding = found_in(pd.read_parquet(path).head(30_000))
    assert finding.detail["columns"] == {}
