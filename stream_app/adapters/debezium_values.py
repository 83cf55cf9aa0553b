"""Cells as Debezium writes them, into what a contract's types are: dates, times and decimals of the Connect schema.

Names of schemas and their units: "Temporal types" and "Decimal types" under "Data type mappings" in the documentation
of Debezium's connectors (https://debezium.io/documentation/reference/stable/connectors/postgresql.html); how decimals
become bytes: ``org.apache.kafka.connect.data.Decimal``, an unscaled big-endian two's complement number, its scale a
parameter of the schema.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from schemas.errors import ContractError

Convert = Callable[[Any], Any]
_EPOCH = datetime(1970, 1, 1)
_LARGEST_SCALE = 1_000
_LONGEST = 512


def converters(schema: Any) -> dict[str, Convert]:
    """By column, what its cells need, from an envelope's ``schema``; raises ``ContractError`` where that is none."""
    found: dict[str, Convert] = {}
    for image in _fields(schema):
        if image.get("field") in ("before", "after"):
            for column in _fields(image):
                convert = _converter(column)
                if convert is not None and isinstance(column.get("field"), str):
                    found[column["field"]] = convert
    return found


def convert_cells(cells: Mapping[str, Any], wanted: Mapping[str, Convert]) -> dict[str, Any]:
    """The row with its cells converted; raises ``ContractError`` where one cannot be."""
    converted = dict(cells)
    for column in wanted.keys() & cells.keys():
        if cells[column] is not None:
            try:
                converted[column] = wanted[column](cells[column])
            except (ValueError, TypeError, OverflowError, ArithmeticError, KeyError, binascii.Error):
                raise ContractError("a date, time or decimal is not what the schema says") from None
    return converted


def _fields(schema: Any) -> list[dict[str, Any]]:
    fields = schema.get("fields", []) if isinstance(schema, dict) else None
    if not isinstance(fields, list) or not all(isinstance(field, dict) for field in fields):
        raise ContractError("the schema of a change event cannot be read")
    return fields


def _converter(column: Mapping[str, Any]) -> Convert | None:
    name = column.get("name")
    if name == "org.apache.kafka.connect.data.Decimal":
        return _decimal_of(column.get("parameters"))
    return _BY_NAME.get(name) if isinstance(name, str) else None


def _decimal_of(parameters: Any) -> Convert:
    try:
        scale = int(parameters["scale"])
    except (ValueError, TypeError, KeyError):
        raise ContractError("the schema of a decimal says no scale") from None
    return lambda cell: _decimal(cell, scale)


def _decimal(cell: str, scale: int) -> int | float:
    """A whole number where the scale leaves no digits behind the point, else a float."""
    if len(cell) > _LONGEST or abs(scale) > _LARGEST_SCALE:
        raise ValueError
    unscaled = int.from_bytes(base64.b64decode(cell, validate=True), "big", signed=True)
    exact = Decimal(unscaled).scaleb(-scale)
    return int(exact) if scale <= 0 else float(exact)


def _variable_decimal(cell: Mapping[str, Any]) -> int | float:
    return _decimal(cell["value"], int(cell["scale"]))


def _days(cell: int) -> str:
    return (_EPOCH + timedelta(days=_whole(cell))).date().isoformat()


def _since_epoch(per_second: int) -> Convert:
    def convert(cell: int) -> str:
        return (_EPOCH + timedelta(microseconds=_whole(cell) * 1_000_000 // per_second)).isoformat()

    return convert


def _zoned(cell: str) -> str:
    return datetime.fromisoformat(cell).astimezone(UTC).replace(tzinfo=None).isoformat()


def _whole(cell: Any) -> int:
    if type(cell) is not int:
        raise TypeError
    return cell


_BY_NAME: Mapping[str, Convert] = {
    "io.debezium.time.Date": _days,
    "org.apache.kafka.connect.data.Date": _days,
    "io.debezium.time.Timestamp": _since_epoch(1_000),
    "org.apache.kafka.connect.data.Timestamp": _since_epoch(1_000),
    "io.debezium.time.MicroTimestamp": _since_epoch(1_000_000),
    "io.debezium.time.NanoTimestamp": _since_epoch(1_000_000_000),
    "io.debezium.time.ZonedTimestamp": _zoned,
    "io.debezium.data.VariableScaleDecimal": _variable_decimal,
}
