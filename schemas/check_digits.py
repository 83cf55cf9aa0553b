"""Check digits of cards, accounts, devices and national numbers; each takes the bare number and never raises on it.

``digits`` are ASCII digits only, of any length: a number of the wrong length is no number of that kind.
"""

from collections.abc import Sequence
from typing import Final

_DNI: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_PERMUTATION: Final = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
_FISCAL_ODD: Final = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    places = enumerate(map(int, reversed(digits)))
    return bool(digits) and sum(d if place % 2 == 0 else sum(divmod(2 * d, 10)) for place, d in places) % 10 == 0


def weighted(digits: str, weights: Sequence[int], modulus: int) -> bool:
    """The weighted sum of the digits is divisible."""
    return len(digits) == len(weights) and _sum(digits, weights) % modulus == 0


def bsn(digits: str) -> bool:
    """The Dutch eleven-test, of 8 or 9 digits."""
    return len(digits) in (8, 9) and int(digits) > 0 and weighted(digits.zfill(9), (9, 8, 7, 6, 5, 4, 3, 2, -1), 11)


def pesel(digits: str) -> bool:
    """The Polish number: weights 1, 3, 7, 9."""
    return weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), 10)


def cpf(digits: str) -> bool:
    """The Brazilian number: two digits modulo 11; numbers of one repeated digit are not given out."""
    return (
        len(digits) == 11 and len(set(digits)) > 1 and _cpf(digits[:9]) == digits[9] and _cpf(digits[:10]) == digits[10]
    )


def _cpf(digits: str) -> str:
    return str(_sum(digits, range(len(digits) + 1, 1, -1)) * 10 % 11 % 10)


def belgian(digits: str) -> bool:
    """The Belgian national number: 97 less the remainder of nine digits, those born from 2000 on with a 2 before."""
    if len(digits) != 11:
        return False
    return any(97 - int(before + digits[:9]) % 97 == int(digits[9:]) for before in ("", "2"))


def nir(number: str) -> bool:
    """The French number of 15 characters: 97 less the remainder of 13; Corsican departments count as 19 and 18."""
    plain = number.upper().replace("2A", "19", 1).replace("2B", "18", 1)
    return len(plain) == 15 and plain.isascii() and plain.isdigit() and 97 - int(plain[:13]) % 97 == int(plain[13:])


def dni(number: str) -> bool:
    """The Spanish DNI (8 digits and a letter) or NIE (X, Y or Z before 7 digits)."""
    first = number[:1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    digits = first + number[1:-1]
    return len(number) == 9 and digits.isascii() and digits.isdigit() and _DNI[int(digits) % 23] == number[-1]


def german_tax(digits: str) -> bool:
    """ISO/IEC 7064, MOD 11,10, over 11 digits."""
    if len(digits) != 11:
        return False
    product = 10
    for digit in map(int, digits[:10]):
        product = ((digit + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def verhoeff(digits: str) -> bool:
    """Verhoeff 1969: permuted digits multiplied in the dihedral group of order 10 give the identity."""
    product = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        for _ in range(place % 8):
            digit = _PERMUTATION[digit]
        product = _dihedral(product, digit)
    return bool(digits) and product == 0


def _dihedral(a: int, b: int) -> int:
    """Rotations are 0 to 4, reflections 5 to 9."""
    turned = (a + b) % 5 if a < 5 else (a - b) % 5
    return turned + (5 if (a < 5) != (b < 5) else 0)


def iban(number: str) -> bool:
    """ISO 13616: the rearranged number leaves 1 modulo 97."""
    return (
        len(number) <= 34
        and number.isascii()
        and number.isalnum()
        and int("".join(str(int(letter, 36)) for letter in number[4:] + number[:4]) or "0") % 97 == 1
    )


def codice_fiscale(code: str) -> bool:
    """The Italian code of 16 characters: the last is the sum of odd and even places modulo 26."""
    if len(code) != 16 or not (code.isascii() and code.isalnum() and code.isupper()):
        return False
    values = [int(c) if c.isdigit() else ord(c) - ord("A") for c in code]
    total = sum(_FISCAL_ODD[value] if place % 2 == 0 else value for place, value in enumerate(values[:15]))
    return values[15] == total % 26 and code[15].isalpha()


def _sum(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))
