"""Made-up texts by Faker: which of its providers a column gets, by what the contract says it holds and by its name."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from schemas.contract import Column
from schemas.errors import InputError
from schemas.personal import BIRTH, name_hint
from schemas.personal_shapes import ACCOUNT, ADDRESS, CARD, DEVICE, E_MAIL, NATIONAL, PERSON, PHONE

Provider = Callable[[Any], str]
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
DISTINCT = 2_000
"""Values that a column without ``unique`` is written from, at most: Faker takes tens of microseconds for each."""


def _said(method: str, **options: Any) -> Provider:
    return lambda faker: str(getattr(faker, method)(**options)).replace("\n", ", ")


BY_KIND: Mapping[str, Provider] = {
    E_MAIL: _said("ascii_safe_email"),
    PHONE: _said("phone_number"),
    NATIONAL: _said("ssn"),
    ACCOUNT: _said("iban"),
    CARD: _said("credit_card_number"),
    PERSON: _said("name"),
    ADDRESS: _said("address"),
    DEVICE: _said("ipv4"),
    BIRTH: lambda faker: f"{faker.random_int(1930, 2010)}-{faker.random_int(1, 12):02}-{faker.random_int(1, 28):02}",
    "postal code": _said("postcode"),
    "location": lambda faker: f"{faker.latitude()}, {faker.longitude()}",
}
"""Kinds of personal data (``schemas.personal``) to providers."""
BY_WORDS: tuple[tuple[str, Provider], ...] = (
    ("first given forename", _said("first_name")),
    ("last surname family", _said("last_name")),
    ("username login nick", _said("user_name")),
    ("mac", _said("mac_address")),
    ("street", _said("street_address")),
    ("city town place", _said("city")),
    ("country", _said("country")),
    ("company employer merchant shop vendor supplier", _said("company")),
    ("job occupation profession title", _said("job")),
    ("url website link", _said("url")),
    ("currency", _said("currency_code")),
    ("colour color", _said("color_name")),
    ("uuid guid", _said("uuid4")),
    ("agent browser", _said("user_agent")),
    ("file filename", _said("file_name")),
    ("language lang", _said("language_code")),
    ("id key code number no ref reference token sku", _said("bothify", text="??-#######")),
    ("text comment note notes description remark message body reason", _said("sentence", nb_words=8)),
)
"""Words of a column's name to providers; the first that fits."""
PLAIN: Provider = _said("word")


def provider_of(column: Column) -> Provider:
    """By the declared kind, else by the name: the words above before the hints of ``schemas.personal``."""
    if column.personal is not None and column.personal in BY_KIND:
        return BY_KIND[column.personal]
    words = {word.lower() for word in _WORD.findall(column.name)}
    for known, provider in BY_WORDS:
        if words & set(known.split()):
            return provider
    hint = name_hint(column.name)
    return BY_KIND.get(hint.what, PLAIN) if hint is not None else PLAIN


def texts(column: Column, rows: int, locales: Mapping[str, float], rng: np.random.Generator) -> list[str]:
    """``rows`` texts; all distinct in a unique column, else ``DISTINCT`` at most. The same ``rng``, the same texts."""
    wanted = rows if column.unique else min(rows, DISTINCT)
    made = _made(provider_of(column), wanted, locales, rng)
    if column.unique:
        return _distinct(made)
    return [made[place] for place in rng.integers(0, max(1, len(made)), rows)]


def checked_locales(locales: Mapping[str, float]) -> Mapping[str, float]:
    """The locales with their shares of the texts; raises ``InputError`` for one that Faker does not know."""
    from faker.config import AVAILABLE_LOCALES

    if unknown := sorted(set(locales) - set(AVAILABLE_LOCALES)):
        raise InputError(f"Faker knows no locale {', '.join(unknown)[:100]}: name one like en_US or de_DE")
    return locales


def _made(provider: Provider, count: int, locales: Mapping[str, float], rng: np.random.Generator) -> list[str]:
    from faker import Faker

    names = sorted(locales)
    shares = np.array([locales[name] for name in names])
    fakers = []
    for name in names:
        fakers.append(Faker(name))
        fakers[-1].seed_instance(int(rng.integers(2**62)))
    chosen = rng.choice(len(names), count, p=shares / shares.sum())
    return [_spoken(provider, fakers[place]) for place in chosen]


def _spoken(provider: Provider, faker: Any) -> str:
    """Not every locale has every provider."""
    try:
        return provider(faker)
    except (AttributeError, NotImplementedError):
        return PLAIN(faker)


def _distinct(made: list[str]) -> list[str]:
    """A text that was made before gets a number, so that it is no other's."""
    taken, seen = set(made), set[str]()
    found = []
    for number, text in enumerate(made):
        if text in seen:
            while text in taken:
                text = f"{text} {number}"
            taken.add(text)
        seen.add(text)
        found.append(text)
    return found
