"""Results kept by name and by the tables they came from: the real side is worked out once, not once a candidate."""

from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from typing import TypeVar, cast

T = TypeVar("T")
_Key = tuple[Hashable, tuple[int, ...]]
_Entry = tuple[tuple[object, ...], object]


class Memo:
    """A store of results; tables are told apart by identity and kept alive, so an equal name never means other rows.

    Whoever judges many candidates against one snapshot hands the same memo and the same table objects to each, and
    calls ``keep_only`` with the real tables when done with one. Tables must not be changed in place. Not thread-safe.
    """

    def __init__(self) -> None:
        self._kept: dict[_Key, _Entry] = {}

    def of(self, name: Hashable, tables: tuple[object, ...], compute: Callable[[], T]) -> T:
        """What ``compute`` returned the first time that it was asked for by this name and these very tables."""
        key = (name, tuple(map(id, tables)))
        if key not in self._kept:
            self._kept[key] = (tables, compute())
        return cast(T, self._kept[key][1])

    def keep_only(self, tables: tuple[object, ...]) -> None:
        """Drop all that rests on anything but ``tables`` and what was worked out from them alone."""
        known, kept, size = {id(table) for table in tables}, dict[_Key, _Entry](), -1
        while size != len(kept):
            size = len(kept)
            for key, entry in self._kept.items():
                if key not in kept and known.issuperset(key[1]):
                    kept[key] = entry
                    known |= {id(part) for part in _parts(entry[1])}
        self._kept = kept


def _parts(value: object) -> list[object]:
    """The value, and what a tuple or a frozen record of tables holds."""
    if isinstance(value, tuple):
        return [value, *value]
    if is_dataclass(value):
        return [value, *(getattr(value, item.name) for item in fields(value))]
    return [value]
