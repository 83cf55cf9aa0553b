"""``late=1:20%``: typed by the contract, guessed without one, refused with what it should look like."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.contract import Categories, Column, Contract, Policy, Privacy, Scalar
from schemas.errors import InputError
from stream_app.cli.where import parse_where

DOMAIN = Categories(values=(0, 1), confirmed=True)
CONTRACT = Contract(
    dataset="flights",
    columns=(
        Column(name="late", type="integer", domain=DOMAIN),
        Column(name="code", type="string", domain=Categories(values=("1", "a=b:c"), confirmed=True)),
        Column(name="flag", type="boolean", domain=Categories(values=(False, True), confirmed=True)),
        Column(name="tail", type="string", role="identifier"),
    ),
    policy=Policy(privacy=Privacy(scope="flights")),
)


@pytest.mark.parametrize(
    ("text", "value", "share"),
    [
        ("late=1:20%", 1, 0.2),
        ("late=1:0.2", 1, 0.2),
        ("code=1:100%", "1", 1.0),
        ("flag=True:0%", True, 0.0),
        ("code=a=b:c:5%", "a=b:c", 0.05),
    ],
)
def test_the_contract_types_the_value(text: str, value: Scalar, share: float) -> None:
    (found,) = parse_where([text], CONTRACT)
    assert (found.value, type(found.value), found.share) == (value, type(value), share)


@pytest.mark.parametrize(("text", "value"), [("a=1:5%", 1), ("a=1.5:5%", 1.5), ("a=true:5%", True), ("a=x:5%", "x")])
def test_without_a_contract_the_value_is_guessed(text: str, value: Scalar) -> None:
    (found,) = parse_where([text], None)
    assert (found.value, type(found.value)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "late",
        "late=1",
        "=1:5%",
        "late=:5%",
        "late=1:x",
        "late=1:-1%",
        "late=1:nan",
        "late=x:5%",
        "tail=x:5%",
        "none=1:5%",
    ],
)
def test_what_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_where([text], CONTRACT)


@given(st.text(max_size=30), st.booleans())
def test_no_text_raises_anything_else(text: str, known: bool) -> None:
    with contextlib.suppress(InputError):
        parse_where([text], CONTRACT if known else None)
