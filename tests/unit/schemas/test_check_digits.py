"""Check digits: published examples pass, every single wrong digit is seen, and chance passes as often as stated."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import check_digits as check

EXAMPLES: list[tuple[Callable[[str], bool], list[str]]] = [
    (check.luhn, ["4111111111111111", "490154203237518", "8112189876", "378282246310005"]),
    (check.bsn, ["111222333", "123456782"]),
    (check.pesel, ["44051401359"]),
    (check.cpf, ["52998224725", "11144477735"]),
    (check.belgian, ["85073003328", "00012511148"]),
    (check.nir, ["255081416802538"]),
    (check.dni, ["12345678Z", "X1234567L"]),
    (check.german_tax, ["86095742719", "47036892816"]),
    (check.verhoeff, ["2363"]),
    (check.iban, ["GB82WEST12345698765432", "DE89370400440532013000"]),
    (check.codice_fiscale, ["RSSMRA85T10A562S"]),
]
EACH = [(function, number) for function, numbers in EXAMPLES for number in numbers]


@pytest.mark.parametrize(("function", "number"), EACH)
def test_published_examples_pass_and_every_wrong_last_character_fails(
    function: Callable[[str], bool], number: str
) -> None:
    assert function(number)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if number[-1].isalpha() else "0123456789"
    assert [function(number[:-1] + letter) for letter in letters].count(True) == 1


@pytest.mark.parametrize("function", [check.luhn, check.bsn, check.pesel, check.verhoeff, check.german_tax])
def test_any_single_wrong_digit_is_seen(function: Callable[[str], bool]) -> None:
    number = next(numbers[0] for known, numbers in EXAMPLES if known is function)
    for place in range(len(number)):
        wrong = [number[:place] + digit + number[place + 1 :] for digit in "0123456789" if digit != number[place]]
        assert not any(map(function, wrong))


def test_verhoeff_sees_every_swap_of_neighbours() -> None:
    number = "2363"
    swapped = [number[:k] + number[k + 1] + number[k] + number[k + 2 :] for k in range(3)]
    assert [check.verhoeff(text) for text in swapped if text != number] == [False] * 3


@pytest.mark.parametrize(
    ("function", "length", "rate"),
    [(check.luhn, 16, 0.1), (check.bsn, 9, 1 / 11), (check.pesel, 11, 0.1), (check.cpf, 11, 0.01),
     (check.belgian, 11, 2 / 97), (check.nir, 15, 0.01), (check.german_tax, 11, 0.1), (check.verhoeff, 12, 0.1)],
)  # fmt: skip
def test_chance_passes_as_often_as_stated(function: Callable[[str], bool], length: int, rate: float) -> None:
    """Seed 5; five standard deviations: a false alarm in 2 of a million runs of another seed."""
    drawn = np.random.default_rng(5).integers(0, 10, (20_000, length))
    share = np.mean([function("".join(map(str, row))) for row in drawn])
    assert abs(share - rate) < 5 * np.sqrt(rate * (1 - rate) / 20_000) + 0.001


@settings(max_examples=200, deadline=None)
@given(st.text("0123456789", max_size=5_000), st.text("0123456789ABCXYZ", max_size=50))
def test_no_length_is_a_traceback(digits: str, code: str) -> None:
    for function in (check.luhn, check.bsn, check.pesel, check.cpf, check.belgian, check.german_tax, check.verhoeff):
        assert function(digits) in (True, False)
    for function in (check.nir, check.dni, check.iban, check.codice_fiscale):
        assert function(code) in (True, False)
        assert function(digits) in (True, False)
