"""What a data owner sends: the announcement of a snapshot, and a file as micro-batches of live rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from schemas.errors import InputError
from schemas.events import derive_id
from schemas.events.sources import RecordsObserved, SnapshotAnnounced, SourceRef
from stream_app.adapters.arrow_blocks import encode_block
from stream_app.adapters.sources import blocks, digest_of, format_of


def snapshot_of(dataset: str, uri: str, first: str | None = None, last: str | None = None) -> SnapshotAnnounced:
    """The announcement of the file as it is now; the same bytes of the same dataset give the same event."""
    kind = format_of(uri)
    absolute = uri if "://" in uri else str(Path(uri).resolve())
    source = SourceRef(uri=absolute, sha256=digest_of(uri), format=kind)
    return SnapshotAnnounced(
        event_id=derive_id("snapshot", dataset, source.sha256), dataset=dataset, source=source, first=first, last=last
    )


def batches_of(
    dataset: str,
    uri: str,
    rows: int,
    first_row: int = 0,
    operation: Literal["insert", "delete", "label"] = "insert",
    target: str | None = None,
) -> Iterator[RecordsObserved]:
    """The file's rows in order, ``rows`` a message, numbered from ``first_row``; raises ``InputError`` on an empty
    file, and where a ``target`` is named and its column is not there.
    """
    at = first_row
    for frame in blocks(uri, rows):
        if target is not None and target not in frame.columns:
            raise InputError(f"{uri} lacks the target {target}: rows without it label nothing")
        block = encode_block(frame)
        yield RecordsObserved(
            event_id=derive_id("records", dataset, operation, at, block.hex()),
            dataset=dataset,
            operation=operation,
            first_row=at,
            rows=len(frame),
            block=block,
        )
        at += len(frame)
    if at == first_row:
        raise InputError(f"{uri} has no rows")
