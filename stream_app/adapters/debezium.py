"""Debezium's change events into rows that come and rows that go.

The value of a message is an envelope of ``op`` (``c`` create, ``r`` read by a snapshot, ``u`` update, ``d`` delete,
``t`` truncate, ``m`` message), ``before`` and ``after`` (images of the row) and ``source``, bare or as ``payload``
beside its ``schema``; after a delete comes a tombstone, a message without a value. Source: "Data change events" in the
documentation of Debezium's connectors (https://debezium.io/documentation/reference/stable/connectors/postgresql.html).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import UNSET, Raw, UnsetType

from schemas.contract import Contract
from schemas.errors import ContractError
from stream_app.adapters.debezium_values import Convert, convert_cells, converters
from stream_app.adapters.drifting_rows import told
from stream_app.adapters.json_rows import (
    MAX_ROW_BYTES,
    NESTED,
    NOT_JSON,
    REPEATED,
    TOO_LARGE,
    RowDecoder,
    Rows,
    why_no_json,
)
from stream_app.adapters.repeated_keys import names_twice

if TYPE_CHECKING:
    import pyarrow as pa

MAX_EVENT_BYTES = 8 * MAX_ROW_BYTES
"""Of a whole event: two images, the schema and the source."""
NO_CHANGE = "not a change event"
NO_OP = "not a change event: it has no op"
UNKNOWN_OP = "a change event of unknown op"
TRUNCATED = "a truncate cannot be taken back row by row: announce a new snapshot"
NO_AFTER = "a change event without the image that its op has"
_ABSENT = b"null"
_LEFT_OUT = "__debezium_unavailable_value"
_SCHEMAS = 64
_IMAGES = {"postgresql": "REPLICA IDENTITY FULL", "mysql": "binlog_row_image=FULL", "mariadb": "binlog_row_image=FULL"}


class _Source(msgspec.Struct, gc=False):
    connector: str = ""


class _Change(msgspec.Struct, gc=False):
    op: str | UnsetType = UNSET
    before: Raw = Raw(_ABSENT)
    after: Raw = Raw(_ABSENT)
    source: _Source | None = None


class _Message(_Change, gc=False):
    schema: Raw = Raw(_ABSENT)
    payload: _Change | UnsetType | None = UNSET


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What messages did: rows that came, rows that went, and by place why a message was set aside."""

    inserts: "pa.Table"
    deletes: "pa.Table | None" = None
    bad: Mapping[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Images:
    """Row images with the places of the messages that they come from."""

    places: list[int] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)

    def add(self, place: int, row: bytes) -> None:
        self.places.append(place)
        self.rows.append(row)


class ChangeEvents:
    """Decodes change events. An update is a delete of ``before`` and an insert of ``after``; either both count or
    neither.

    An image is a row as ``rows`` decodes it. Where the envelope brings its schema, dates, times and decimals are
    converted; without it nobody said in which unit they are. With a contract an image of a deleted row in which nothing
    but keys stands is refused, for that is what a database sends that keeps no whole images.
    """

    def __init__(self, rows: RowDecoder, contract: Contract | None = None) -> None:
        self._rows = rows
        self._telling = [] if contract is None else [column.name for column in contract.modelled if not column.unique]
        self._decoder = msgspec.json.Decoder(_Message)
        self._schemas: dict[bytes, dict[str, Convert]] = {}

    def decode(self, messages: Sequence[bytes]) -> Changes:
        """Inserts and deletes each in the order of their messages; a tombstone (no value) is neither."""
        inserts, deletes, bad = _Images(), _Images(), dict[int, str]()
        connectors: dict[int, str] = {}
        for place, message in enumerate(messages):
            try:
                change = self._change(message)
                if change is not None:
                    connectors[place] = change.source.connector if change.source else ""
                    self._take(place, change, inserts, deletes)
            except ContractError as error:
                bad[place] = str(error)
        came, went = self._rows.decode(inserts.rows), self._rows.decode(deletes.rows)
        bad |= {inserts.places[row]: reason for row, reason in came.bad.items()}
        bad |= {deletes.places[row]: reason for row, reason in went.bad.items()}
        bad |= {place: _no_image(connectors[place]) for place in self._blank(went, deletes)}
        gone = _left(went, deletes, bad)
        return Changes(
            told(_left(came, inserts, bad), came.misfit), gone if gone.num_rows else None, dict(sorted(bad.items()))
        )

    def _change(self, message: bytes) -> "_Change | None":
        """The event, its images converted; nothing for a tombstone. Raises ``ContractError``."""
        if not message:
            return None
        if len(message) > MAX_EVENT_BYTES:
            raise ContractError(f"a change event of more than {MAX_EVENT_BYTES} bytes")
        try:
            envelope = self._decoder.decode(message)
            if _may_name_twice(message) and names_twice(message):
                raise ContractError(REPEATED)
        except msgspec.ValidationError:
            raise ContractError(NO_CHANGE) from None
        except (msgspec.DecodeError, ValueError, RecursionError):
            raise ContractError(why_no_json(message)) from None
        change = envelope if isinstance(envelope.payload, UnsetType) else envelope.payload
        if change is None:
            return None
        return self._converted(change, bytes(envelope.schema))

    def _take(self, place: int, change: _Change, inserts: _Images, deletes: _Images) -> None:
        before, after = bytes(change.before), bytes(change.after)
        if isinstance(change.op, UnsetType):
            raise ContractError(NO_OP)
        if change.op == "t":
            raise ContractError(TRUNCATED)
        if change.op not in ("c", "r", "u", "d"):
            raise ContractError(UNKNOWN_OP)
        if change.op in ("u", "d") and before == _ABSENT:
            raise ContractError(_no_image(change.source.connector if change.source else ""))
        if change.op != "d" and after == _ABSENT:
            raise ContractError(NO_AFTER)
        if change.op in ("u", "d"):
            deletes.add(place, before)
        if change.op != "d":
            inserts.add(place, after)

    def _converted(self, change: _Change, schema: bytes) -> _Change:
        wanted = self._converters(schema)
        left_out = _LEFT_OUT.encode() in bytes(change.after)
        if not wanted and not left_out:
            return change
        before, after = _cells(change.before), _cells(change.after)
        if left_out and after is not None:
            after = {name: _restored(name, cell, before, change) for name, cell in after.items()}
        for name, cells in (("before", before), ("after", after)):
            if cells is not None:
                setattr(change, name, _encoded(convert_cells(cells, wanted)))
        return change

    def _converters(self, schema: bytes) -> dict[str, Convert]:
        if schema == _ABSENT:
            return {}
        if schema not in self._schemas:
            if len(self._schemas) >= _SCHEMAS:
                self._schemas.clear()
            self._schemas[schema] = converters(_parsed(schema))
        return self._schemas[schema]

    def _blank(self, went: Rows, deletes: _Images) -> list[int]:
        """Messages whose image of the row before holds nothing that tells rows apart from one another."""
        names = [name for name in self._telling if name in went.table.column_names]
        if len(names) < 2:
            return []
        blank = np.ones(went.table.num_rows, dtype=bool)
        for name in names:
            blank &= went.table[name].is_null().to_numpy(zero_copy_only=False)
        return [deletes.places[row] for row in went.kept[blank]]


def _left(rows: Rows, images: _Images, bad: Mapping[int, str]) -> "pa.Table":
    """The rows whose message was not set aside, for its other image or for any reason."""
    good = np.array([images.places[row] not in bad for row in rows.kept], dtype=bool)
    return rows.table if good.all() else rows.table.filter(good)


def _cells(image: Raw) -> dict[str, Any] | None:
    """Raises ``ContractError`` where the image is neither an object nor null, names a column twice or is too large."""
    raw = bytes(image)
    if len(raw) > MAX_ROW_BYTES:
        raise ContractError(TOO_LARGE)
    try:
        cells = msgspec.json.decode(raw, type=dict[str, Any] | None)
        if cells is not None and names_twice(raw):
            raise ContractError(REPEATED)
    except msgspec.ValidationError:
        raise ContractError(NO_CHANGE) from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise ContractError(NOT_JSON) from None
    return cells


def _parsed(schema: bytes) -> Any:
    try:
        return msgspec.json.decode(schema)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise ContractError(NOT_JSON) from None


def _encoded(cells: Mapping[str, Any]) -> Raw:
    try:
        return Raw(msgspec.json.encode(cells))
    except (OverflowError, ValueError, RecursionError, msgspec.MsgspecError):
        raise ContractError(NESTED) from None


def _restored(name: str, cell: Any, before: Mapping[str, Any] | None, change: _Change) -> Any:
    """A large value that did not change is left out of ``after`` and stands in ``before``."""
    if cell != _LEFT_OUT:
        return cell
    if before is None or before.get(name, _LEFT_OUT) == _LEFT_OUT:
        raise ContractError(_no_image(change.source.connector if change.source else ""))
    return before[name]


def _no_image(connector: str) -> str:
    setting = _IMAGES.get(connector, "REPLICA IDENTITY FULL on PostgreSQL, binlog_row_image=FULL on MySQL")
    return f"a change without a whole image of the row before: set {setting}"


def _may_name_twice(message: bytes) -> bool:
    """Whether the envelope's own names come more often than once, or could be spelled otherwise; images are looked at
    as rows.
    """
    return b"\\u00" in message or any(
        message.count(name) > 1 for name in (b'"op"', b'"before"', b'"after"', b'"payload"', b'"schema"')
    )
