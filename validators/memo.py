"""Results kept by name and by the tables they came from: the real side is worked out once, not once a candidate."""

from collections.abc import Callable, Hashable
from typing import TypeVar, cast

T = TypeVar("T")


class Memo:
    """A store of results; tables are told apart by identity and kept alive, so an equal name never means other rows.

    Whoever judges many candidates against one snapshot hands the same memo and the same table objects to each, and
    calls ``forget`` with a candidate's table when done with it. Tables must not be changed in place. Not thread-safe.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[Hashable, tuple[int, ...]], tuple[tuple[object, ...], object]] = {}

    def of(self, name: Hashable, tables: tuple[object, ...], compute: Callable[[], T]) -> T:
        """What ``compute`` returned the first time that it was asked for by this name and these very tables."""
        key = (name, tuple(map(id, tables)))
        if key not in self._kept:
            self._kept[key] = (tables, compute())
        return cast(T, self._kept[key][1])

    def forget(self, table: object) -> None:
        """Drop everything that ``table`` had a part in."""
        for key in [key for key, (tables, _) in self._kept.items() if any(table is each for each in tables)]:
            del self._kept[key]
