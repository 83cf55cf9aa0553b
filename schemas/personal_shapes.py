"""Detectors of personal data in text: a shape, a check, and the rate at which chance passes it.

A number's check digits prove little one at a time: one in eleven random numbers passes the Dutch eleven-test. So a
detector states its ``chance``, and a column is found out only by more passing numbers than chance explains. Every
pattern takes time linear in the text.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from schemas import check_digits
from schemas.personal_names import is_known_name

E_MAIL, PHONE, CARD, ACCOUNT = "e-mail address", "phone number", "card number", "bank account"
NATIONAL, DEVICE, PERSON, ADDRESS = (
    "national identity number",
    "device address",
    "name of a person",
    "postal address",
)
RARE: Final = 1e-9
"""Chance that bare numbers pass so often by luck; columns and detectors are many."""
WRITTEN_SO: Final = 0.11
"""The same for a grouping that people use for such numbers only: one number that passes is enough."""


@dataclass(frozen=True, slots=True)
class Detector:
    """What is of the ``shape`` may be such a datum; ``check`` tells, None that it is not of the shape after all.

    ``chance`` is the rate at which random strings of the shape pass (0: the shape does not come about by chance). At
    least ``least`` different ones and a share ``pure`` of the shape must pass, and so many by luck must be no likelier
    than ``alpha``. A text without any of ``needs`` has none; ``dense`` shapes need only be looked for among digits.
    """

    what: str
    shape: re.Pattern[str]
    check: Callable[[str], bool | None]
    chance: float = 0.0
    alpha: float = RARE
    least: int = 1
    pure: float = 0.5
    needs: tuple[str, ...] = ()
    dense: bool = False

    def found(self, text: str) -> int:
        """How many different data of this kind the text holds; 0 where luck explains them."""
        if self.needs and not any(word in text for word in self.needs):
            return 0
        judged = [self.check(match) for match in {match.group() for match in self.shape.finditer(text)}]
        shaped, hits = sum(item is not None for item in judged), sum(item is True for item in judged)
        enough = hits >= max(1, self.least) and hits >= self.pure * shaped
        return hits if enough and at_least(hits, shaped, self.chance) <= self.alpha else 0


def at_least(hits: int, trials: int, rate: float) -> float:
    """P(X >= hits) of a binomial, exactly; 0 at a rate of 0 with any hit."""
    from scipy.special import betainc

    return float(betainc(hits, trials - hits + 1, rate)) if hits else 1.0


_DENSE: Final = re.compile(r"\d(?:[ .\-/()+]{0,2}\d){6,40}")
"""Seven digits and more with little between them."""


def kinds_in(values: Iterable[str]) -> dict[str, int]:
    """Kinds of personal data among different texts, with the number of different data; no text is kept.

    A kind that several detectors find counts the most that one of them finds. Only the first 100,000 characters of a
    text are read.
    """
    text = "\n".join(value[:100_000].replace("\n", " ") for value in values)
    runs = (text[max(0, run.start() - 2) : run.end() + 2] for run in _DENSE.finditer(text))
    digits = "\n".join(dict.fromkeys(runs))
    found: dict[str, int] = {}
    for detector in DETECTORS:
        if hits := detector.found(digits if detector.dense else text):
            found[detector.what] = max(hits, found.get(detector.what, 0))
    return found


def _number(pattern: str) -> re.Pattern[str]:
    """A number by itself: no part of a word, a decimal or a longer number."""
    return re.compile(rf"(?<![\w.,])(?:{pattern})(?![\w]|[.,]\d)", re.ASCII)


def _code(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.ASCII)


def _bare(text: str) -> str:
    return re.sub(r"[ .\-/+]", "", text)


def _checked(check: Callable[[str], bool]) -> Callable[[str], bool | None]:
    return lambda text: check(_bare(text))


def _born(digits: str, months: Iterable[int] = (0,)) -> bool:
    """YYMMDD with a month, of which a number system may add ``months``, and a day."""
    month, day = int(digits[2:4]), int(digits[4:6])
    return any(1 <= month - added <= 12 for added in months) and 1 <= day <= 31


def _pesel(text: str) -> bool | None:
    return check_digits.pesel(text) if _born(text, (0, 20, 40, 60, 80)) else None


def _belgian(text: str) -> bool | None:
    return check_digits.belgian(_bare(text)) if _born(_bare(text), (0, 20, 40)) else None


def _swedish(text: str) -> bool | None:
    digits = _bare(text)[-10:]
    return check_digits.luhn(digits) if _born(digits) else None


def _german(text: str) -> bool | None:
    """Of the first ten digits one occurs two or three times, the others at most once."""
    digits = _bare(text)
    often = sorted((digits[:10].count(digit) for digit in set(digits[:10])), reverse=True)
    return check_digits.german_tax(digits) if often[0] in (2, 3) and often[1] == 1 else None


def _nino(text: str) -> bool:
    good = re.match(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]$", _bare(text))
    return bool(good) and text[:2] not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ")


def _ssn(text: str) -> bool:
    area, group, serial = text.split("-")
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


_IBAN_LENGTHS: Final = {
    country: (int(length), numeric == "n")
    for country, length, numeric in re.findall(
        r"([A-Z]{2})(\d\d)([na])",
        "AD24a AE23n AT20n AZ28a BA20n BE16n BG22a CH21a CR22n CY28a CZ24n DE22n DK18n EE20n ES24n FI18n FR27a GB22a"
        " GE22a GI23a GR27a HR21n HU28n IE22a IL23n IS26n IT27a KW30a LB28a LI21a LT20n LU20a LV21a MC27a MD24a ME22n"
        " MK19a MT31a NL18a NO15n PK24a PL28n PT25n QA29a RO24a RS22n SA24a SE24n SI19n SK24n SM27a TN24n TR26a UA29a",
    )
}


def _iban(text: str) -> bool | None:
    """The country's own length, and digits only where it has no letters; what follows in the text is cut off."""
    compact = text.replace(" ", "")
    length, numeric = _IBAN_LENGTHS.get(compact[:2], (99, False))
    number = compact[:length]
    if len(number) < length or (numeric and not number[2:].isdigit()):
        return None
    return check_digits.iban(number)


def _ipv4(text: str) -> bool:
    octets = [int(octet) for octet in text.split(".")]
    return max(octets) <= 255 and octets[0] > 0 and max(octets) > 20


def _ipv6(text: str) -> bool:
    from ipaddress import AddressValueError, IPv6Address

    try:
        return IPv6Address(text).packed[:2] != b"\0\0"
    except AddressValueError:
        return False


def _mac(text: str) -> bool:
    return any(letter in "abcdefABCDEF" for letter in text)


def _phone(text: str) -> bool:
    return 8 <= sum(map(str.isdigit, text)) <= 15


def _yes(text: str) -> bool:
    return True


_CARD = (
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|35\d{14}"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}"
)
_GROUPED_CARD = r"(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|6\d{3}|35\d\d)([ -])\d{4}\1\d{4}\1\d{4}|3[47]\d\d([ -])\d{6}\2\d{5}"
_WORD = r"[A-ZÀ-ÖØ-Ý][^\W\d_]{0,30}[.'’-]?"
_RUE = r"(?:rue|avenue|boulevard|place|chemin|impasse|allée)"
_STREET_WORDS = (
    *("St", "Ave", "Road", "Rd", "Lane", "Ln", "Dr", "Boulevard", "Blvd", "Court", "Ct", "Square", "Terrace", "Way"),
    *("Close", "Crescent", "Highway", "Parkway", "straße", "strasse", "str.", "weg", "platz", "gasse", "allee", "rue"),
    *("avenue", "boulevard", "place", "chemin", "impasse", "allée", "Calle", "Avenida", "Via", "Piazza", "Rua"),
)
_STREETS = (
    rf"(?<![\w.,])\d{{1,5}}[A-Za-z]?,? (?:{_WORD} ){{1,4}}(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard"
    r"|Blvd|Court|Ct|Square|Terrace|Way|Close|Crescent|Highway|Parkway)\b"
    r"|(?<!\w)[A-ZÄÖÜ][^\W\d_]{1,40}(?:straße|strasse|str\.|weg|platz|gasse|allee) \d{1,4}\b"
    rf"|(?<![\w.,])\d{{1,4}}(?: ?bis| ?ter)?,? {_RUE} (?:d\w{{0,2}} )?{_WORD}"
    rf"|\b(?:Calle|Avenida|Via|Viale|Piazza|Rua) (?:{_WORD} ){{0,3}}{_WORD},? \d{{1,4}}\b"
)
DETECTORS: Final[tuple[Detector, ...]] = (
    Detector(
        E_MAIL,
        re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?!\w)"),
        _yes,
        needs=("@",),
    ),
    Detector(CARD, _number(_GROUPED_CARD), _checked(check_digits.luhn), 0.1, WRITTEN_SO, dense=True),
    Detector(CARD, _number(_CARD), check_digits.luhn, 0.1, dense=True),
    Detector(ACCOUNT, re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}"), _iban, 1 / 97, WRITTEN_SO),
    Detector(NATIONAL, _code(r"\d{3}-\d{2}-\d{4}"), _ssn, pure=0.97, needs=("-",), dense=True),
    Detector(NATIONAL, _code(r"[A-Z]{2} \d{2} \d{2} \d{2} [A-Z]"), _nino, 0.09, WRITTEN_SO, needs=(" ",)),
    Detector(NATIONAL, _code(r"[A-Z]{2}\d{6}[A-Z]"), _nino, 0.09, 1e-4),
    Detector(
        NATIONAL, _code(r"[12] \d\d \d\d (?:\d\d|2[AB]) \d{3} \d{3} \d\d"), _checked(check_digits.nir), 0.011, 0.05
    ),
    Detector(NATIONAL, _code(r"[12]\d\d(?:0[1-9]|1[0-2]|[2-9]\d)(?:\d\d|2[AB])\d{8}"), check_digits.nir, 0.011),
    Detector(NATIONAL, _code(r"\d{8}-?[A-Z]|[XYZ]-?\d{7}-?[A-Z]"), _checked(check_digits.dni), 1 / 23, 1e-6),
    Detector(
        NATIONAL, _code(r"[A-Z]{6}\d\d[ABCDEHLMPRST]\d\d[A-Z]\d{3}[A-Z]"), check_digits.codice_fiscale, 1 / 26, 0.05
    ),
    Detector(NATIONAL, _number(r"[1-9]\d \d{3} \d{3} \d{3}|[1-9]\d{10}"), _german, 0.1, dense=True),
    Detector(NATIONAL, _number(r"\d{8,9}"), check_digits.bsn, 1 / 11, dense=True),
    Detector(NATIONAL, _number(r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d"), _belgian, 0.021, WRITTEN_SO, needs=(".",), dense=True),
    Detector(NATIONAL, _number(r"\d{11}"), _belgian, 0.021, dense=True),
    Detector(NATIONAL, _number(r"\d{11}"), _pesel, 0.105, dense=True),
    Detector(NATIONAL, _number(r"(?:19|20)?\d{6}[-+]\d{4}"), _swedish, 0.1, 1e-3, dense=True),
    Detector(NATIONAL, _number(r"(?:19|20)?\d{10}"), _swedish, 0.1, dense=True),
    Detector(
        NATIONAL,
        _number(r"\d{3}\.\d{3}\.\d{3}-\d\d"),
        _checked(check_digits.cpf),
        0.0101,
        WRITTEN_SO,
        needs=(".",),
        dense=True,
    ),
    Detector(NATIONAL, _number(r"\d{11}"), check_digits.cpf, 0.0101, dense=True),
    Detector(
        NATIONAL,
        _number(r"[2-9]\d{3} \d{4} \d{4}"),
        _checked(check_digits.verhoeff),
        0.1,
        1e-3,
        needs=(" ",),
        dense=True,
    ),
    Detector(NATIONAL, _number(r"[2-9]\d{11}"), check_digits.verhoeff, 0.1, dense=True),
    Detector(DEVICE, _number(r"\d{15}"), check_digits.luhn, 0.1, dense=True),
    Detector(DEVICE, _number(r"\d{1,3}(?:\.\d{1,3}){3}"), _ipv4, least=2, needs=(".",)),
    Detector(DEVICE, _code(r"(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4}"), _ipv6, least=2, pure=0.2, needs=(":",)),
    Detector(DEVICE, _code(r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}"), _mac, pure=0.2),
    Detector(
        PHONE,
        re.compile(r"(?<![\w+])\+[1-9](?:[ ().\-/]{0,2}\d){7,14}(?!\w)", re.ASCII),
        _phone,
        least=2,
        needs=("+",),
        dense=True,
    ),
    Detector(
        PHONE,
        _code(r"\(0?\d{2,5}\) ?\d{3,4}[ -]?\d{3,4}|\d{3}[-.]\d{3}[-.]\d{4}|0\d{2,4}[ /-]\d{5,8}"),
        _phone,
        least=3,
        dense=True,
    ),
    Detector(ADDRESS, re.compile(_STREETS), _yes, least=2, needs=_STREET_WORDS),
    Detector(
        PERSON, re.compile(rf"(?<![\w'-]){_WORD} (?:{_WORD} )?{_WORD}(?![\w'-])"), is_known_name, least=3, pure=0.02
    ),
)
"""In no order of rank: every one is asked."""
