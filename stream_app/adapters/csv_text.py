"""CSV as people export it: which encoding, which delimiter, which columns must stay text."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.errors import InputError

_DELIMITERS = (",", ";", "\t", "|")
_CODE = re.compile(r"^0\d+$")
_SAMPLE_LINES = 200


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is to be read; ``text_columns`` hold codes such as 00501 that are no numbers."""

    encoding: str
    delimiter: str
    text_columns: tuple[str, ...]


def encoding_of(pieces: Iterable[bytes]) -> str:
    """UTF-8 (with or without a mark) or UTF-16 with one; anything else is read as Latin-1, which cannot fail."""
    decoder = None
    encoding = "utf-8"
    for piece in pieces:
        if decoder is None:
            encoding = _marked(piece)
            decoder = codecs.getincrementaldecoder(encoding)()
        try:
            decoder.decode(piece)
        except UnicodeDecodeError:
            return "latin-1"
    return encoding


def _marked(start: bytes) -> str:
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    return "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"


def dialect_of(head: bytes, encoding: str) -> Dialect:
    """The dialect seen in a file's first lines; raises ``InputError`` where there is no header."""
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    lines = [line for line in text.splitlines() if line.strip()][:_SAMPLE_LINES]
    if not lines:
        raise InputError("the file is empty: a header line with the columns' names is needed")
    delimiter = max(_DELIMITERS, key=lambda candidate: _evidence(lines, candidate))
    if _overflows(_rows(lines[:-1], delimiter)):
        raise InputError("rows have more fields than the header has names: complete the header")
    return Dialect(encoding, delimiter, _codes(lines, delimiter))


def _overflows(rows: list[list[str]]) -> bool:
    """Whether most rows hold something beyond the header's last name; a final delimiter is harmless."""
    longer = [row for row in rows[1:] if any(cell.strip() for cell in row[len(rows[0]) :])]
    return len(longer) > len(rows) / 2


def _evidence(lines: list[str], delimiter: str) -> tuple[float, int]:
    """How many lines agree with the header on the number of fields, then that number; one field is no evidence."""
    widths = [len(row) for row in _rows(lines, delimiter)]
    if not widths or widths[0] < 2:
        return 0.0, 0
    return Counter(widths)[widths[0]] / len(widths), widths[0]


def _rows(lines: list[str], delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
    except csv.Error:
        return []


def _codes(lines: list[str], delimiter: str) -> tuple[str, ...]:
    rows = _rows(lines, delimiter)
    if len(rows) < 2:
        return ()
    return tuple(
        name
        for position, name in enumerate(rows[0])
        if any(position < len(row) and _CODE.match(row[position].strip()) for row in rows[1:])
    )
