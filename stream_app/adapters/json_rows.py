"""Rows from JSON messages, one object each, as Arrow columns; what is no row is set aside with a reason.

Strict, because what slips through would be counted as data: a key named twice, NaN, a value of another type, a nested
value, an unknown column and an oversized row are all refused, each message for itself. No reason quotes a value.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, Generic, Protocol, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import UNSET, Meta, UnsetType

from schemas.contract import Contract, LogicalType, Role
from schemas.errors import ContractError
from stream_app.adapters.arrow_blocks import MAX_COLUMNS, encode_table
from stream_app.adapters.json_columns import column_of, parsed_times
from stream_app.adapters.repeated_keys import repeating

if TYPE_CHECKING:
    import pyarrow as pa

MAX_ROW_BYTES = 64 * 1024
MAX_CELLS = 10_000_000
SHIPPED: tuple[Role, ...] = ("modelled", "entity", "time")
"""The roles that live rows are watched by; the contract's other columns may stand in a row, and go no further."""

TOO_LARGE = f"a row of more than {MAX_ROW_BYTES} bytes"
NO_VALUE = "a message without a value"
NOT_JSON = "not one JSON value in UTF-8"
NOT_FINITE = "NaN or an infinity, which JSON does not have: write null"
NOT_AN_OBJECT = "not a JSON object"
UNKNOWN = "a column that the contract does not have"
NESTED = "a value that is neither number, text, boolean nor null, or a number out of range"
REPEATED = "a column is named twice"
EMPTY = "an object without a column"
TOO_WIDE = f"more than {MAX_COLUMNS} columns"

_NEWLINE = ord("\n")
_Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
CELL_TYPES: dict[LogicalType, Any] = {
    "integer": _Int64,
    "number": float,
    "string": str,
    "boolean": bool,
    "date": str,
    "timestamp": str,
}
_PLACE = re.compile(r" - at `\$\.(.*)`$", re.DOTALL)
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class BadRow:
    """A message of a topic that is no row: where it stands and why, never what it holds."""

    partition: int
    offset: int
    reason: str


@dataclass(frozen=True, slots=True)
class Misfit:
    """Columns that rows have and their contract does not, and columns of the contract that they do not have in its
    type.
    """

    unknown: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """``table`` holds the messages at ``kept`` (rising places in what was given), text as plain strings; ``bad`` says
    by place why a message was set aside.
    """

    table: "pa.Table"
    kept: npt.NDArray[np.int64]
    bad: Mapping[int, str] = field(default_factory=dict)
    misfit: Misfit = Misfit()


class RowDecoder(Protocol):
    """What makes rows of messages. Raises ``ContractError`` only where they are too many cells for one table."""

    def decode(self, messages: Sequence[bytes]) -> Rows: ...


class TypedRows:
    """Decodes rows of a contract: every cell has its column's type, an absent column is missing.

    Whole numbers are taken for numbers; dates and timestamps are ISO 8601 text. Columns of ``roles`` are kept.
    """

    def __init__(self, contract: Contract, roles: tuple[Role, ...] = SHIPPED) -> None:
        self._columns = contract.columns
        self._kept = tuple(column.name for column in contract.columns if column.role in roles)
        fields = [
            (f"f{at}", CELL_TYPES[column.type] | None | UnsetType, UNSET) for at, column in enumerate(self._columns)
        ]
        model = msgspec.defstruct(
            "Row",
            fields,
            rename={f"f{at}": column.name for at, column in enumerate(self._columns)},
            forbid_unknown_fields=True,
            gc=False,
        )
        self._parser = _Parser(msgspec.json.Decoder(model), frozenset(contract.names))

    def decode(self, messages: Sequence[bytes]) -> Rows:
        """Columns in the contract's order; int64, float64, string, bool and timestamp[us] (naive UTC)."""
        import pyarrow as pa

        rows, kept, bad = self._parser.parse(messages)
        width = len(self._columns)
        cells = list(chain.from_iterable(map(msgspec.structs.astuple, rows)))
        present = np.full(len(rows), width)
        arrays = [column_of(cells[at::width], column.type, present) for at, column in enumerate(self._columns)]
        texts = [array for array in arrays if pa.types.is_string(array.type)]
        left = messages if len(kept) == len(messages) else [messages[place] for place in kept]
        found = dict.fromkeys(np.flatnonzero(present == 0).tolist(), EMPTY)
        found |= dict.fromkeys(repeating(left, present, texts), REPEATED)
        for at, column in enumerate(self._columns):
            if column.type in ("date", "timestamp"):
                arrays[at], wrong = parsed_times(arrays[at])
                found |= dict.fromkeys(wrong, not_typed(column.name))
        named = dict(zip((column.name for column in self._columns), arrays, strict=True))
        return _without(pa.table({name: named[name] for name in self._kept}), kept, bad, found)


class PlainRows:
    """Decodes rows that no contract describes: a column is of the one type that all its cells of a block have.

    Whole and broken numbers together are float64; what is mixed otherwise is text.
    """

    def __init__(self) -> None:
        cells = bool | _Int64 | float | str | None
        self._parser = _Parser(msgspec.json.Decoder(dict[str, cells]), frozenset())

    def decode(self, messages: Sequence[bytes]) -> Rows:
        """Columns in the order in which they first appear."""
        import pyarrow as pa

        rows, kept, bad = self._parser.parse(messages)
        rows, kept, bad = _parted(rows, kept, bad, [at for at, row in enumerate(rows) if not row], EMPTY)
        names = dict.fromkeys(chain.from_iterable(rows))
        if len(names) > MAX_COLUMNS:
            rows, kept, bad = _parted(rows, kept, bad, _too_wide(rows), TOO_WIDE)
            names = dict.fromkeys(chain.from_iterable(rows))
        if len(names) * len(rows) > MAX_CELLS:
            raise ContractError(f"rows of more than {MAX_CELLS} cells together")
        arrays = [column_of([row.get(name) for row in rows], None) for name in names]
        texts = [array for array in arrays if pa.types.is_string(array.type)]
        present = np.fromiter(map(len, rows), np.int64, len(rows))
        left = messages if len(kept) == len(messages) else [messages[place] for place in kept]
        found = dict.fromkeys(repeating(left, present, texts), REPEATED)
        return _without(pa.table(arrays, names=list(names)), kept, bad, found)


def encode_rows(table: "pa.Table") -> bytes:
    """The block of a table of ``Rows``, its text dictionary-encoded; raises ``ContractError`` where it is too large."""
    import pyarrow as pa

    arrays = [
        array.combine_chunks().dictionary_encode() if pa.types.is_string(array.type) else array
        for array in table.columns
    ]
    return encode_table(pa.table(arrays, names=table.column_names))


class _Parser(Generic[Row]):
    """Messages to Python rows: all at once where all are rows, else one by one."""

    def __init__(self, decoder: "msgspec.json.Decoder[Row]", columns: frozenset[str]) -> None:
        self._decoder, self._columns = decoder, columns

    def parse(self, messages: Sequence[bytes]) -> tuple[list[Row], npt.NDArray[np.int64], dict[int, str]]:
        """The rows, their places, and by place why the others are none."""
        rows = self._whole(messages)
        if rows is not None:
            return rows, np.arange(len(rows)), {}
        rows, kept, bad = [], [], dict[int, str]()
        for place, message in enumerate(messages):
            found = self._one(message)
            if isinstance(found, _Refusal):
                bad[place] = found.reason
            else:
                rows.append(found)
                kept.append(place)
        return rows, np.array(kept, dtype=np.int64), bad

    def _whole(self, messages: Sequence[bytes]) -> list[Row] | None:
        """A line is one message and has one value where there are as many lines as values and no message spans lines:
        values start on different lines and lines without one are skipped.
        """
        if not messages or max(map(len, messages)) > MAX_ROW_BYTES:
            return None
        lines = b"\n".join(messages)
        if np.count_nonzero(np.frombuffer(lines, np.uint8) == _NEWLINE) != len(messages) - 1:
            return None
        try:
            rows = self._decoder.decode_lines(lines)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        return rows if len(rows) == len(messages) else None

    def _one(self, message: bytes) -> "Row | _Refusal":
        if len(message) > MAX_ROW_BYTES:
            return _Refusal(TOO_LARGE)
        if not message:
            return _Refusal(NO_VALUE)
        try:
            return self._decoder.decode(message)
        except msgspec.ValidationError as error:
            return _Refusal(self._reason(str(error)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _Refusal(why_no_json(message))

    def _reason(self, said: str) -> str:
        """The library's words may hold a name that the sender chose: only the contract's own names are repeated."""
        if said.startswith("Object contains unknown field"):
            return UNKNOWN
        place = _PLACE.search(said)
        if place is not None and place.group(1) in self._columns:
            return not_typed(place.group(1))
        return NESTED if " - at `" in said else NOT_AN_OBJECT


@dataclass(frozen=True, slots=True)
class _Refusal:
    reason: str


def not_typed(column: str) -> str:
    """The reason for a row with a cell of another type."""
    return f"column {column} is not of its type"


def why_no_json(body: bytes) -> str:
    """The reason for what is no JSON: ``NOT_FINITE`` where nothing but such numbers stands in its way."""
    odd: list[str] = []
    try:
        json.loads(body.decode(), parse_constant=odd.append)
    except (ValueError, RecursionError):
        return NOT_JSON
    return NOT_FINITE if odd else NOT_JSON


def _parted(
    rows: list[Row], kept: npt.NDArray[np.int64], bad: dict[int, str], wrong: list[int], reason: str
) -> tuple[list[Row], npt.NDArray[np.int64], dict[int, str]]:
    """Without the rows that are ``wrong``."""
    if not wrong:
        return rows, kept, bad
    out = set(wrong)
    bad = bad | {int(kept[at]): reason for at in wrong}
    return [row for at, row in enumerate(rows) if at not in out], np.delete(kept, wrong), bad


def _too_wide(rows: list[dict[str, Any]]) -> list[int]:
    """The rows that would take the block's columns over the limit."""
    names: set[str] = set()
    wide = []
    for at, row in enumerate(rows):
        together = names | row.keys()
        if len(together) > MAX_COLUMNS:
            wide.append(at)
        else:
            names = together
    return wide


def _without(table: "pa.Table", kept: npt.NDArray[np.int64], bad: dict[int, str], found: Mapping[int, str]) -> Rows:
    """The rows without those that were ``found`` (by row of the table) to be none."""
    if not found:
        return Rows(table, kept, bad)
    good = np.ones(len(kept), dtype=bool)
    good[list(found)] = False
    bad |= {int(kept[row]): reason for row, reason in found.items()}
    return Rows(table.filter(good), kept[good], dict(sorted(bad.items())))
