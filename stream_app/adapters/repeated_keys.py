"""Finds JSON objects that name a key twice, which parsers pass over in silence, at next to no cost where none does."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

_COLON = ord(":")
_ESCAPED_COLON = b"\\u003"


def repeating(messages: Sequence[bytes], present: npt.NDArray[np.int64], texts: Sequence["pa.Array"]) -> list[int]:
    """Places of the messages that name a key twice.

    All are valid JSON objects of scalars; ``present`` counts the different keys that each has, ``texts`` are all their
    cells that are text. Every key has a colon after it, so an object has at least as many colons as keys, and the
    colons that its text does not account for are exactly as many as its keys only where none comes twice.
    """
    if not messages:
        return []
    whole = b"".join(messages)
    colons = int(np.count_nonzero(np.frombuffer(whole, np.uint8) == _COLON))
    keys = int(present.sum())
    if colons == keys:
        return []
    if colons - sum(map(_colons, texts)) == keys and _ESCAPED_COLON not in whole:
        return []
    inside = _colons_in(texts, len(messages))
    return [
        place
        for place, message in enumerate(messages)
        if (_ESCAPED_COLON in message or message.count(b":") - inside[place] != present[place]) and names_twice(message)
    ]


def names_twice(message: bytes) -> bool:
    """Whether an object in this valid JSON, at any depth, names a key twice."""
    found = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({key for key, _ in pairs}) != len(pairs)

    json.loads(message, object_pairs_hook=look)
    return found


def _colons(text: "pa.Array") -> int:
    """In the bytes of all cells together; the array is no slice of another."""
    _, offsets, data = text.buffers()
    if data is None or not len(text):
        return 0
    end = int(np.frombuffer(offsets, np.int32)[len(text)])
    return int(np.count_nonzero(np.frombuffer(data, np.uint8)[:end] == _COLON))


def _colons_in(texts: Sequence["pa.Array"], rows: int) -> npt.NDArray[np.int64]:
    import pyarrow.compute as pc

    found = np.zeros(rows, dtype=np.int64)
    for text in texts:
        found += pc.count_substring(text, ":").fill_null(0).to_numpy(zero_copy_only=False)
    return found
