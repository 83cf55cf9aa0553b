"""How far a topic is packed, read off what stands in ``source.records``: commits may lag behind, blocks cannot."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.cloudevents import attributes_of
from schemas.errors import ContractError
from schemas.events.attributes import whole_number
from schemas.events.sources import RecordsObserved
from stream_app.adapters.packing import Span
from stream_app.adapters.reader import StoredMessage, read_new

RECORDS = "source.records"
_MARK = "records:"
_LARGEST_NOTE = 4_000
"""Brokers take notes of 4,096 bytes beside a committed offset (``offset.metadata.max.bytes``)."""


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest span of an origin partition, and the ids of its blocks that stand in the log."""

    span: Span
    ids: frozenset[str]


def packed_since(
    bootstrap: str, dataset: str, topic: str, partitions: Iterable[int], positions: Mapping[int, int]
) -> tuple[dict[int, Newest], dict[int, int]]:
    """By origin partition the newest span in ``source.records``, and how far each of its partitions was read.

    Looked for from ``positions`` on, in a partition without one from the beginning. Raises ``TransientError``.
    """
    origins = {f"{topic}/{partition}": partition for partition in partitions}
    newest: dict[int, Newest] = {}
    at = {(RECORDS, partition): offset for partition, offset in positions.items()}
    for message in read_new(bootstrap, at, RECORDS):
        found = _span_in(message, dataset, origins)
        if found is not None:
            name, span = found
            known = newest.get(span.partition)
            if known is None or span.last > known.span.last:
                newest[span.partition] = Newest(span, frozenset((name,)))
            elif span == known.span:
                newest[span.partition] = Newest(span, known.ids | {name})
    return newest, {partition: offset for (_, partition), offset in at.items()}


def note_of(positions: Mapping[int, int]) -> str:
    """What is written beside a committed offset: how long ``source.records`` was in each partition, at the least.

    Empty where it would be too long: then the whole topic is read at the next start.
    """
    text = _MARK + ",".join(f"{partition}={offset}" for partition, offset in sorted(positions.items()))
    return text if len(text) <= _LARGEST_NOTE else ""


def read_note(note: str | None) -> dict[int, int]:
    """The positions in a note; none where it is no note of ours."""
    if not note or not note.startswith(_MARK):
        return {}
    try:
        pairs = [part.split("=") for part in note.removeprefix(_MARK).split(",") if part]
        return {whole_number(partition): whole_number(offset) for partition, offset in pairs}
    except (ContractError, ValueError):
        return {}


def _span_in(message: StoredMessage, dataset: str, origins: Mapping[str, int]) -> tuple[str, Span] | None:
    """The id and span of a block of ours; nothing for other events, and for what is none."""
    try:
        attributes = attributes_of(message.headers)
        origin = attributes.get("origin", "")
        if attributes.get("type") != RecordsObserved.type or origin not in origins:
            return None
        if attributes.get("dataset") != dataset:
            return None
        first, last = whole_number(attributes["firstoffset"]), whole_number(attributes["lastoffset"])
        return attributes["id"], Span(origin.rpartition("/")[0], origins[origin], first, last)
    except (ContractError, KeyError):
        return None
