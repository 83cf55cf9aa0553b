"""Hints that a column holds personal data, by its name and by the shape of its values; a hint never holds a value."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]{2,}$")
_PHONE = re.compile(r"^(\+|00|\()?[\d\s().\-/]{7,20}$")
_SSN = re.compile(r"^\d{3}-\d{2}-\d{4}$")
_IPV4 = re.compile(r"^(\d{1,3}\.){3}\d{1,3}$")
_IBAN = re.compile(r"^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$")
_MOST = 0.5


@dataclass(frozen=True, slots=True)
class Hint:
    """What a column may hold; ``direct`` where it identifies a person by itself."""

    what: str
    direct: bool


_NAMES: tuple[tuple[frozenset[str], Hint], ...] = tuple(
    (frozenset(words.split()), hint)
    for words, hint in (
        ("email mail", Hint("e-mail address", True)),
        ("phone telephone mobile fax msisdn", Hint("phone number", True)),
        ("ssn nin nino passport", Hint("national identity number", True)),
        ("iban bic", Hint("bank account", True)),
        ("creditcard ccnum pan", Hint("card number", True)),
        ("firstname lastname surname fullname forename username", Hint("name of a person", True)),
        ("address street", Hint("postal address", True)),
        ("ip ipaddress imei mac", Hint("device address", True)),
        ("dob birth birthday birthdate", Hint("date of birth", False)),
        ("zip zipcode postcode postal", Hint("postal code", False)),
        ("lat lon lng latitude longitude gps", Hint("location", False)),
        ("sex gender race ethnicity religion nationality native", Hint("protected attribute", False)),
        ("diagnosis icd disease disability pregnant", Hint("health", False)),
        ("salary income wage", Hint("financial circumstances", False)),
    )
)
_PHRASES: tuple[tuple[str, Hint], ...] = (
    ("first name", Hint("name of a person", True)),
    ("last name", Hint("name of a person", True)),
    ("full name", Hint("name of a person", True)),
    ("card number", Hint("card number", True)),
    ("credit card", Hint("card number", True)),
    ("social security", Hint("national identity number", True)),
    ("account number", Hint("bank account", True)),
)


def personal_hint(name: str, values: Sequence[str]) -> Hint | None:
    """What the column's name, or most of a sample of its different values (as text), suggests, if anything."""
    words = [word.lower() for word in _WORD.findall(name)]
    return _by_values([value.strip() for value in values if value.strip()]) or _by_name(words)


def _by_name(words: list[str]) -> Hint | None:
    phrase = " ".join(words)
    for text, hint in _PHRASES:
        if text in phrase:
            return hint
    for known, hint in _NAMES:
        if known & set(words):
            return hint
    return Hint("name of a person", True) if words in (["name"], ["customer", "name"], ["person", "name"]) else None


def _by_values(values: list[str]) -> Hint | None:
    for matches, hint in _SHAPES:
        if values and _share(values, matches) > _MOST:
            return hint
    return None


def _share(values: list[str], matches: Callable[[str], bool]) -> float:
    return sum(map(matches, values)) / len(values)


def _is_phone(text: str) -> bool:
    digits = sum(map(str.isdigit, text))
    marked = text.startswith(("+", "00", "(")) or (" " in text or "-" in text)
    return bool(_PHONE.match(text)) and 7 <= digits <= 15 and marked and not re.match(r"^\d{4}-\d{2}-\d{2}", text)


def _is_card(text: str) -> bool:
    digits = re.sub(r"[ -]", "", text)
    return digits.isascii() and digits.isdigit() and 13 <= len(digits) <= 19 and _luhn(map(int, reversed(digits)))


def _luhn(digits: Iterable[int]) -> bool:
    """ISO/IEC 7812-1, annex B."""
    return sum(digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits)) % 10 == 0


def _is_iban(text: str) -> bool:
    """ISO 13616: the rearranged number leaves 1 modulo 97."""
    compact = text.replace(" ", "")
    if not _IBAN.match(compact):
        return False
    return int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 == 1


_SHAPES: tuple[tuple[Callable[[str], bool], Hint], ...] = (
    (lambda text: bool(_EMAIL.match(text)), Hint("e-mail address", True)),
    (lambda text: bool(_SSN.match(text)), Hint("national identity number", True)),
    (_is_iban, Hint("bank account", True)),
    (lambda text: bool(_IPV4.match(text)), Hint("device address", True)),
    (_is_card, Hint("card number", True)),
    (_is_phone, Hint("phone number", True)),
)
