"""The rows of a ``RecordsObserved`` event, however its sender wrote them: an Arrow block or row JSON."""

from typing import TYPE_CHECKING

import msgspec

from schemas.contract import Contract
from schemas.errors import ContractError
from schemas.events.sources import RecordsObserved
from stream_app.adapters.arrow_blocks import MAX_BYTES, MAX_ROWS, decode_block, decode_columns
from stream_app.adapters.arrow_columns import columns_in, frame_of
from stream_app.adapters.json_rows import NOT_AN_OBJECT, PlainRows, RowDecoder, TypedRows, why_no_json
from stream_app.core.drift.coding.cells import Columns

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def rows_of(event: RecordsObserved, contract: Contract | None = None) -> "pd.DataFrame":
    """The rows as ``decode_block`` gives them; raises ``ContractError``.

    Row JSON with one bad row is refused whole: the batch is the sender's to mend. With a ``contract`` its cells must
    have the contract's types, without one they are taken as they come.
    """
    return decode_block(event.block) if event.encoding == "arrow" else frame_of(_table(event.block, contract))


def columns_of_rows(event: RecordsObserved, contract: Contract | None = None) -> Columns:
    """The same rows as arrays, without pandas; raises ``ContractError``."""
    return decode_columns(event.block) if event.encoding == "arrow" else columns_in(_table(event.block, contract))


def _table(body: bytes, contract: Contract | None) -> "pa.Table":
    if len(body) > MAX_BYTES:
        raise ContractError(f"a batch of {len(body)} bytes is too large; at most {MAX_BYTES}")
    messages = _items(body) if body.lstrip()[:1] == b"[" else [line for line in body.split(b"\n") if line.strip()]
    if len(messages) > MAX_ROWS:
        raise ContractError(f"a batch of {len(messages)} rows is too large; at most {MAX_ROWS}")
    decoder: RowDecoder = PlainRows() if contract is None else TypedRows(contract)
    rows = decoder.decode(messages)
    if rows.bad:
        first = min(rows.bad)
        raise ContractError(f"{len(rows.bad)} of {len(messages)} rows are none; row {first}: {rows.bad[first]}")
    return rows.table


def _items(body: bytes) -> list[bytes]:
    try:
        return [bytes(item) for item in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except msgspec.ValidationError:
        raise ContractError(NOT_AN_OBJECT) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ContractError(why_no_json(body)) from None
