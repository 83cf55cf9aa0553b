"""Personal-data hints: by shape before name, and with the check digits that real numbers have."""

import pytest

from schemas.personal import personal_hint


@pytest.mark.parametrize(
    ("name", "values", "what"),
    [
        ("x", ["ann@example.org", "bob@example.com"], "e-mail address"),
        ("x", ["123-45-6789"], "national identity number"),
        ("x", ["4111 1111 1111 1111", "5500005555555559"], "card number"),
        ("x", ["GB82 WEST 1234 5698 7654 32"], "bank account"),
        ("x", ["+44 20 7946 0958", "(030) 123 4567"], "phone number"),
        ("x", ["10.0.0.1"], "device address"),
        ("firstName", ["a"], "name of a person"),
        ("last_name", [], "name of a person"),
        ("dateOfBirth", [], "date of birth"),
        ("native_country", [], "protected attribute"),
        ("home_address", [], "postal address"),
        ("ZIPCode", [], "postal code"),
        ("name", [], "name of a person"),
    ],
)
def test_hints(name: str, values: list[str], what: str) -> None:
    hint = personal_hint(name, values)
    assert hint is not None
    assert hint.what == what


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("number", ["4111111111111112", "1234567890123456"]),
        ("account_type", ["GB82 WEST 1234 5698 7654 33"]),
        ("day", ["2020-01-01", "2021-05-05"]),
        ("amount", ["1234567", "7654321"]),
        ("file_name", []),
        ("distance", []),
        ("description", []),
    ],
)
def test_what_only_looks_alike_is_no_hint(name: str, values: list[str]) -> None:
    assert personal_hint(name, values) is None
