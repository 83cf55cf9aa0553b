"""Hints that a column holds personal data, by its name and by the shape of its values; a hint never holds a value."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.check_digits import luhn
from schemas.personal_names import known_share
from schemas.personal_shapes import ACCOUNT, ADDRESS, CARD, DEVICE, E_MAIL, NATIONAL, PERSON, PHONE, kinds_in

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_PHONE = re.compile(r"^(\+|00|\()?[\d\s().\-/]{7,20}$")
_IPV4 = re.compile(r"^(\d{1,3}\.){3}\d{1,3}$")
_MOST = 0.5
_KNOWN_SHARE, _KNOWN_LEAST = 0.3, 8
BIRTH = "date of birth"


@dataclass(frozen=True, slots=True)
class Hint:
    """What a column may hold; ``direct`` where it identifies a person by itself."""

    what: str
    direct: bool


_NAMES: tuple[tuple[frozenset[str], Hint], ...] = tuple(
    (frozenset(words.split()), hint)
    for words, hint in (
        ("email mail", Hint(E_MAIL, True)),
        ("phone telephone mobile fax msisdn", Hint(PHONE, True)),
        ("ssn nin nino passport", Hint(NATIONAL, True)),
        ("iban bic", Hint(ACCOUNT, True)),
        ("creditcard ccnum pan", Hint(CARD, True)),
        ("firstname lastname surname fullname forename username", Hint(PERSON, True)),
        ("address street", Hint(ADDRESS, True)),
        ("ip ipaddress imei mac", Hint(DEVICE, True)),
        ("dob birth birthday birthdate", Hint(BIRTH, False)),
        ("zip zipcode postcode postal", Hint("postal code", False)),
        ("lat lon lng latitude longitude gps", Hint("location", False)),
        ("sex gender race ethnicity religion nationality native", Hint("protected attribute", False)),
        ("diagnosis icd disease disability pregnant", Hint("health", False)),
        ("salary income wage", Hint("financial circumstances", False)),
    )
)
KINDS = frozenset(hint.what for _, hint in _NAMES)
"""Every kind that is told apart; a declaration in other words is its owner's."""
_PHRASES: tuple[tuple[str, Hint], ...] = (
    ("first name", Hint(PERSON, True)),
    ("last name", Hint(PERSON, True)),
    ("full name", Hint(PERSON, True)),
    ("card number", Hint(CARD, True)),
    ("credit card", Hint(CARD, True)),
    ("social security", Hint(NATIONAL, True)),
    ("account number", Hint(ACCOUNT, True)),
)


def personal_hint(name: str, values: Sequence[str]) -> Hint | None:
    """What the column's name, or a sample of its different values (as text), suggests, if anything.

    Values speak before the name: by ``personal_kinds``, or by what most of a sample looks like, which is less.
    """
    kept = [value.strip() for value in values if value.strip()]
    return _by_kinds(kept) or _by_values(kept) or name_hint(name)


def personal_kinds(values: Sequence[str]) -> dict[str, int]:
    """Kinds of personal data among a column's different values, with how many of each: more than chance gives.

    Data inside longer texts count. Names of persons also count alone, where a share of all values is known as names.
    """
    found = kinds_in(values)
    known = known_share(values)
    if PERSON not in found and known >= _KNOWN_SHARE and len(values) >= _KNOWN_LEAST:
        found[PERSON] = round(known * len(values))
    return found


def name_hint(name: str) -> Hint | None:
    """What the words of a column's name suggest."""
    words = [word.lower() for word in _WORD.findall(name)]
    phrase = " ".join(words)
    for text, hint in _PHRASES:
        if text in phrase:
            return hint
    for known, hint in _NAMES:
        if known & set(words):
            return hint
    return Hint(PERSON, True) if words in (["name"], ["customer", "name"], ["person", "name"]) else None


def _by_kinds(values: list[str]) -> Hint | None:
    found = personal_kinds(values)
    return Hint(max(found, key=lambda kind: found[kind]), True) if found else None


def _by_values(values: list[str]) -> Hint | None:
    for matches, hint in _SHAPES:
        if values and sum(map(matches, values)) / len(values) > _MOST:
            return hint
    return None


def _is_phone(text: str) -> bool:
    digits = sum(map(str.isdigit, text))
    marked = text.startswith(("+", "00", "(")) or (" " in text or "-" in text)
    return bool(_PHONE.match(text)) and 7 <= digits <= 15 and marked and not re.match(r"^\d{4}-\d{2}-\d{2}", text)


def _is_card(text: str) -> bool:
    digits = re.sub(r"[ -]", "", text)
    return digits.isascii() and digits.isdigit() and 13 <= len(digits) <= 19 and luhn(digits)


_SHAPES: tuple[tuple[Callable[[str], bool], Hint], ...] = (
    (lambda text: bool(_IPV4.match(text)), Hint(DEVICE, True)),
    (_is_card, Hint(CARD, True)),
    (_is_phone, Hint(PHONE, True)),
)
