"""What a range of messages of a topic becomes: blocks of rows for ``source.records``, and letters for bad rows."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from schemas.contract import Contract
from schemas.errors import ContractError
from schemas.events import derive_id
from schemas.events.releases import DeadLettered
from schemas.events.sources import RecordsObserved
from schemas.factorized import factorized
from stream_app.adapters.debezium import ChangeEvents, Changes
from stream_app.adapters.drifting_rows import DriftingRows, told
from stream_app.adapters.json_rows import PlainRows, RowDecoder, encode_rows
from stream_app.adapters.partitioning import partitions_of_tokens

if TYPE_CHECKING:
    import pyarrow as pa

STATION = "packer"
MAX_BLOCK_BYTES = 1_900_000
"""Below what ``source.records`` takes a message, with its headers."""

Operation = Literal["insert", "delete"]
Read = Callable[[Sequence[bytes]], Changes]


@dataclass(frozen=True, slots=True)
class Span:
    """Messages ``first`` to ``last`` of one partition of a topic."""

    topic: str
    partition: int
    first: int
    last: int

    @property
    def origin(self) -> str:
        return f"{self.topic}/{self.partition}"


@dataclass(frozen=True, slots=True)
class Block:
    """A block and the partition of ``source.records`` it belongs to; none where its key decides."""

    event: RecordsObserved
    partition: int | None = None


class Route(Protocol):
    """Which rows of a table go together, and to which partition."""

    def parts(self, table: "pa.Table") -> "Sequence[tuple[int | None, pa.Table]]": ...


@dataclass(frozen=True, slots=True)
class ByDataset:
    """All rows of a dataset go where its key leads."""

    def parts(self, table: "pa.Table") -> "Sequence[tuple[int | None, pa.Table]]":
        return ((None, table),)


@dataclass(frozen=True, slots=True)
class ByEntity:
    """Rows of one entity meet in one partition: the one that its token, as a key, leads to.

    ``secret`` is that of the workplace for entities. Rows without an entity are in partition 0.
    """

    column: str
    secret: bytes
    partitions: int

    def parts(self, table: "pa.Table") -> "Sequence[tuple[int | None, pa.Table]]":
        import numpy as np
        import pandas as pd

        from generators.entities.tokens import tokenise

        codes, unique = factorized(pd.Series(table[self.column].to_pylist(), dtype=object))
        tokens = list(tokenise(pd.Series(unique, dtype=object), self.secret))
        places = np.append(partitions_of_tokens(tokens, self.partitions), 0)[codes]
        return tuple((int(place), table.filter(places == place)) for place in np.unique(places))


def reader_of(contract: Contract | None, debezium: bool = False) -> Read:
    """How messages are read: as rows of the contract, or of none; bare, or as Debezium's change events."""
    rows: RowDecoder = PlainRows() if contract is None else DriftingRows(contract)
    return ChangeEvents(rows, contract).decode if debezium else lambda messages: _inserted(rows, messages)


def route_of(contract: Contract | None, secret: bytes, partitions: int) -> Route:
    """By token where the contract's privacy unit is an entity, else by dataset."""
    column = None if contract is None else contract.policy.privacy.unit.column
    return ByDataset() if column is None else ByEntity(column, secret, partitions)


def blocks_of(dataset: str, span: Span, changes: Changes, route: Route) -> tuple[Block, ...]:
    """Rows that came, then rows that went: a row that came and went within the span was there before it went.

    Ids derive from dataset, span, operation and partition, so the same span packed again gives the same events. Raises
    ``ContractError`` where a block is too large.
    """
    found: list[Block] = []
    tables: tuple[tuple[Operation, pa.Table | None], ...] = (("insert", changes.inserts), ("delete", changes.deletes))
    for operation, table in tables:
        if table is not None and table.num_rows:
            found += [
                Block(_event(dataset, span, operation, partition, part), partition)
                for partition, part in route.parts(table)
            ]
    return tuple(found)


def letters_of(
    dataset: str, span: Span, offsets: Sequence[int], messages: Sequence[bytes], bad: Mapping[int, str]
) -> tuple[DeadLettered, ...]:
    """A dead letter for each bad row: where it stands and why, its content only as a digest."""
    return tuple(
        DeadLettered(
            event_id=derive_id("dead", STATION, span.topic, span.partition, offsets[place]),
            dataset=dataset,
            station=STATION,
            topic=span.topic,
            partition=span.partition,
            offset=offsets[place],
            sha256=hashlib.sha256(messages[place]).hexdigest(),
            error=ContractError.__name__,
            reason=reason[:500],
        )
        for place, reason in bad.items()
    )


def _inserted(rows: RowDecoder, messages: Sequence[bytes]) -> Changes:
    found = rows.decode(messages)
    return Changes(told(found.table, found.misfit), None, found.bad)


def _event(dataset: str, span: Span, operation: Operation, partition: int | None, table: "pa.Table") -> RecordsObserved:
    block = encode_rows(table)
    if len(block) > MAX_BLOCK_BYTES:
        raise ContractError(f"a block of {len(block)} bytes is too large; at most {MAX_BLOCK_BYTES}")
    target = "" if partition is None else partition
    return RecordsObserved(
        event_id=derive_id("packed", dataset, span.topic, span.partition, span.first, span.last, operation, target),
        dataset=dataset,
        operation=operation,
        first_row=span.first,
        rows=table.num_rows,
        block=block,
        origin=span.origin,
        first_offset=span.first,
        last_offset=span.last,
    )
