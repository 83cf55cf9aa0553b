"""Detectors of personal data: found where it is, in longer text too; not where chance explains it; in linear time."""

import re
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from schemas import check_digits
from schemas.personal import personal_kinds
from schemas.personal_names import FAMILY, GIVEN
from schemas.personal_shapes import (
    ACCOUNT,
    ADDRESS,
    CARD,
    DETECTORS,
    DEVICE,
    E_MAIL,
    NATIONAL,
    PERSON,
    PHONE,
    at_least,
    kinds_in,
)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (E_MAIL, ["please write to ann.lee+x@mail.example.org, thanks"]),
        (CARD, ["paid by 4111 1111 1111 1111."]),
        (CARD, ["3782-822463-10005"]),
        (ACCOUNT, ["to GB82 WEST 1234 5698 7654 32 THANKS"]),
        (ACCOUNT, ["DE89370400440532013000"]),
        (NATIONAL, ["her number is 123-45-6789"]),
        (NATIONAL, ["AB 12 34 56 C"]),
        (NATIONAL, ["RSSMRA85T10A562S"]),
        (NATIONAL, ["529.982.247-25"]),
        (NATIONAL, ["85.07.30-033.28"]),
        (NATIONAL, ["2 55 08 14 168 025 38"]),
        (DEVICE, ["10.0.0.77", "seen from 192.168.3.4"]),
        (DEVICE, ["00:1b:44:11:3a:b7"]),
        (DEVICE, ["2001:db8::1", "fe80::1ff:fe23:4567:890a"]),
        (PHONE, ["call +49 30 1234567", "+1 (555) 123-4567"]),
        (PHONE, ["(030) 123 4567", "(040) 765 4321", "(089) 111 2222"]),
        (ADDRESS, ["lives at 12 Baker Street", "4 Abbey Road, London"]),
        (ADDRESS, ["Hauptstraße 12", "Gartenweg 3"]),
        (ADDRESS, ["14 rue de Rivoli", "3, avenue Foch"]),
        (PERSON, ["met John Smith", "Mary Jones called", "Peter Brown"]),
    ],
)  # fmt: skip
def test_it_is_found(kind: str, values: list[str]) -> None:
    assert list(kinds_in(values)) == [kind]


@pytest.mark.parametrize(
    "values",
    [
        ["2020-01-01", "2021-12-31", "2022-06-15"],
        ["2020-01-01T10:20:30Z", "10:20:30"],
        ["1.2.3.4", "2.0.1.10"],
        ["000-12-3456", "666-12-3456", "900-12-3456"],
        ["4111 1111 1111 1112"],
        ["GB82 WEST 1234 5698 7654 33"],
        ["3.14159265358979", "-123456782", "1,234,567,890"],
        ["Never-married", "Black", "Adm-clerical", "United-States", "Sunny Day", "New York", "General Motors"],
        ["logo@2x", "@user", "a@b"],
        ["550e8400-e29b-41d4-a716-446655440000"],
        ["20-10-10-10-10-10"],
        ["1st prize, the 2nd road taken"],
    ],
)
def test_what_only_looks_alike_is_not_found(values: list[str]) -> None:
    assert kinds_in(values) == {}


def _numbers(length: int, seed: int = 0, size: int = 3_000) -> list[str]:
    drawn = np.random.default_rng([seed, length]).integers(0, 10, (size, length))
    drawn[:, 0] = np.maximum(drawn[:, 0], 1)
    return sorted({"".join(map(str, row)) for row in drawn})


@pytest.mark.parametrize("length", range(6, 20))
def test_random_and_counted_numbers_are_nothing(length: int) -> None:
    """Every detector must be passed more often than chance, at odds of one in a billion."""
    first = 10 ** (length - 1)
    assert kinds_in(_numbers(length)) == {}
    for step in (1, 7, 10, 100):
        assert kinds_in([str(first + step * k) for k in range(2_000)]) == {}


CHECKED = [
    ("4" + "1" * 3, 16, check_digits.luhn, CARD),
    ("", 9, check_digits.bsn, NATIONAL),
    ("850730", 11, check_digits.pesel, NATIONAL),
    ("", 11, check_digits.cpf, NATIONAL),
    ("4", 12, check_digits.verhoeff, NATIONAL),
    ("35", 15, check_digits.luhn, DEVICE),
    ("850730", 10, check_digits.luhn, NATIONAL),
]


@pytest.mark.parametrize(("start", "length", "check", "kind"), CHECKED)
def test_bare_numbers_are_found_by_passing_more_often_than_chance(start, length, check, kind) -> None:  # type: ignore[no-untyped-def]
    """All of 40 numbers pass; 3 of 40 that pass are luck."""
    candidates = [start + number[len(start) :] for number in _numbers(length, 3, 20_000)]
    good = [number for number in candidates if number[0] != "0" and check(number)][:40]
    bad = [number for number in candidates if not check(number)][:37]
    assert len(good) == 40
    assert kind in kinds_in(good)
    assert kind in kinds_in([f"no. {number}, paid" for number in good])
    assert kind not in kinds_in(good[:3] + bad)


def test_a_kind_is_told_with_a_count_and_without_a_value() -> None:
    assert kinds_in([f"u{k}@example.org" for k in range(30)] * 2) == {E_MAIL: 30}


def test_columns_of_names_alone() -> None:
    rng = np.random.default_rng(1)
    given = [name.title() for name in rng.permutation(sorted(GIVEN))[:20]] + ["Zaphod", "Ford", "Trillian"]
    family = [name.title() for name in rng.permutation(sorted(FAMILY))[:20]] + ["Prefect", "Dent"]
    assert PERSON in personal_kinds(given)
    assert PERSON in personal_kinds(family)
    assert PERSON in personal_kinds([f"{a}, {b[0]}" for a, b in zip(given, family, strict=False)])
    places = ["Austin", "Boston", "Charlotte", "Dallas", "Denver", "Houston", "Lagos", "Lima", "London", "Madison",
              "Oslo", "Paris", "Quito", "Rome", "Sydney", "Victoria"]  # fmt: skip
    assert personal_kinds(places) == {}


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(0, 60), st.floats(0.001, 0.999))
def test_the_tail_is_the_binomial_one(trials: int, hits: int, rate: float) -> None:
    hits = min(hits, trials)
    assert at_least(hits, trials, rate) == pytest.approx(binom.sf(hits - 1, trials, rate), rel=1e-9, abs=1e-300)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(max_size=40) | st.from_regex(r"[\d .\-/@:+A-Z]{0,40}", fullmatch=True), max_size=10))
def test_no_text_is_a_traceback(values: list[str]) -> None:
    found = personal_kinds(values)
    assert all(count > 0 for count in found.values())


UNITS = ["a", "1", "1 ", "a@", "a.", "A ", "Aa ", ".1", "-", "(0", "+1", "1:", "AB12", "Aa'", "F:", "12 A ", "é",
         "4111 ", "12 Aa ", "a@a.", "0-", "@", "rue ", "1 rue Aa", "Via Aa "]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_long_text_takes_linear_time(unit: str) -> None:
    """100 kB of the most repetitive text; a pattern that backtracks would take minutes."""
    text = unit * (100_000 // len(unit))
    started = time.process_time()
    kinds_in([text])
    assert time.process_time() - started < 3


def test_no_pattern_crosses_a_line() -> None:
    assert kinds_in(["4111 1111", "1111 1111"]) == {}
    assert not any(re.search(r"\\s", detector.shape.pattern) for detector in DETECTORS)
