"""The base of every document: frozen, strict, and silent about values; and epsilons that are never understated."""

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from schemas.errors import ContractError
from schemas.model import Epsilon, EventId, Model, Name, ReleaseId, epsilon_text


class Shelf(Model):
    """A document for these tests."""

    name: Name
    width: float
    labels: dict[str, float] = Field(default_factory=dict)
    note: str | None = None


GOOD = Shelf(name="one", width=1.5)


def test_a_document_is_frozen() -> None:
    with pytest.raises(ValidationError):
        setattr(GOOD, "width", 2.0)  # noqa: B010 (mypy would refuse the plain assignment)


def test_fields_without_a_value_are_left_out_so_that_a_new_optional_field_changes_no_digest() -> None:
    assert GOOD.document() == {"name": "one", "width": 1.5, "labels": {}}
    assert Shelf.from_document(GOOD.document()).digest() == GOOD.digest()


@pytest.mark.parametrize("width", [math.nan, math.inf, -math.inf, "wide", None, [1.0]])
def test_what_is_no_finite_number_is_refused(width: object) -> None:
    with pytest.raises(ContractError, match="width"):
        Shelf.from_document({"name": "one", "width": width})


def test_an_error_names_fields_and_no_values_and_stays_short() -> None:
    document = {
        "name": "secret value",
        "width": "secret value",
        **{f"{'x' * 500}{at}": "secret value" for at in range(20)},
    }
    with pytest.raises(ContractError) as found:
        Shelf.from_document(document)
    assert "name" in str(found.value)
    assert "secret value" not in str(found.value)
    assert "(+17 more)" in str(found.value)
    assert len(str(found.value)) < 1_000


@given(st.binary(max_size=80) | st.text(max_size=80))
def test_random_bytes_are_a_contract_error(body: bytes | str) -> None:
    with pytest.raises(ContractError):
        Shelf.from_bytes(body)


@given(st.floats(-1e15, 1e15), st.dictionaries(st.text(st.characters(codec="utf-8")), st.floats(-1e9, 1e9)))
def test_figures_come_back_exactly(width: float, labels: dict[str, float]) -> None:
    shelf = Shelf(name="one", width=width, labels=labels)
    assert Shelf.from_bytes(shelf.to_bytes()) == shelf
    assert json.loads(shelf.to_bytes())["width"] == width


@pytest.mark.parametrize("kind", [Name, EventId, ReleaseId])
@pytest.mark.parametrize("text", ["", "a\n", "\na", "a b", "../a", "ä", "a" * 200, ".a/b", "a\x00"])
def test_names_hold_nothing_that_a_path_or_a_header_could_trip_over(kind: Any, text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(text)


@given(st.floats(0, 1e8), st.integers(0, 9))
def test_an_epsilon_is_written_rounded_up_and_by_one_unit_at_most(value: float, places: int) -> None:
    text = epsilon_text(value, places)
    TypeAdapter(Epsilon).validate_python(text)
    exact = Decimal(repr(value))
    assert exact <= Decimal(text) <= exact + Decimal(1).scaleb(-places)


@pytest.mark.parametrize("value", [-1.0, -1e-300, math.nan, math.inf])
def test_an_epsilon_that_cannot_be_is_refused(value: float) -> None:
    with pytest.raises(ContractError):
        epsilon_text(value)


@pytest.mark.parametrize("text", ["1e3", "-1", "+1", ".5", "1.", "1.0000000001", "NaN", " 1", "1\n"])
def test_an_epsilon_has_one_spelling_of_digits(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Epsilon).validate_python(text)
