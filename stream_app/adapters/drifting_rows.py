"""Rows of a contract from a source whose columns may change, so that a packed topic shows it as any other does.

The drift station reads off a block which columns its rows have. So a block names what the rows had besides the
contract, as a column without cells, and lacks what they no longer have or what is of another type throughout. Rows keep
what the contract has; no cell of another column goes any further.

What becomes of a row hangs on that row alone, and what a block lacks are cells that are missing in all of its rows: so
a row more or less changes one row of what generators and private tests count.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw

from schemas.cells import says_missing
from schemas.contract import Contract
from stream_app.adapters.json_rows import CELL_TYPES, UNKNOWN, Misfit, Rows, TypedRows, not_typed
from stream_app.adapters.repeated_keys import names_twice

if TYPE_CHECKING:
    import pyarrow as pa

FEWEST = 20
"""Rows of a block from which a column is of another type, or gone though it is required; fewer are mistakes."""
MANY = 1_000
"""Rows of a block from which a column is gone that a row may do without."""
MOST_NAMES = 50
"""Unknown columns that a block names: a source that makes names up row by row is told all the same."""
LONGEST_NAME = 200


class DriftingRows:
    """Decodes as ``TypedRows`` does, and tells by ``Rows.misfit`` where the source's columns are not the contract's.

    A row is kept without its further columns, and a cell of another type is missing; without what orders it or says
    whose it is, or with nothing left, it is set aside. A function of the messages.
    """

    def __init__(self, contract: Contract) -> None:
        self._rows = TypedRows(contract)
        self._names = frozenset(contract.names)
        self._modelled = contract.modelled
        self._kinds = {column.name: column.type for column in contract.columns}
        spared = [column for column in contract.columns if column.role not in ("entity", "time")]
        self._of_reason = {not_typed(column.name): column.name for column in spared}
        self._cells = msgspec.json.Decoder(dict[str, Raw])
        self._typed = {column.name: msgspec.json.Decoder(CELL_TYPES[column.type] | None) for column in spared}

    def decode(self, messages: Sequence[bytes]) -> Rows:
        """As ``TypedRows.decode``; the table has all of its columns, those that do not fit without a cell."""
        given, unknown, mistyped = list(messages), dict[str, None](), Counter[str]()
        found = self._rows.decode(given)
        odd = set(found.bad)
        while odd:
            # Of a row that does not fit one thing is told at a time; that text is no time shows only at the end.
            odd = {place for place in odd if self._fitted(given, place, found.bad.get(place, ""), unknown, mistyped)}
            found = self._rows.decode(given) if odd else found
        names = [column.name for column in self._modelled if mistyped[column.name] >= FEWEST]
        gone = self._gone(found, given) | {name for name in names if _is_empty(found.table, name)}
        return replace(found, misfit=Misfit(tuple(unknown)[:MOST_NAMES], tuple(sorted(gone))))

    def _fitted(
        self, given: list[bytes], place: int, reason: str, unknown: dict[str, None], mistyped: Counter[str]
    ) -> bool:
        """Take out of a message what it was refused for; whether anything was, and something is left.

        It stays as it is where it names a column twice, and where what comes after the refused cell is no JSON.
        """
        wrong = self._of_reason.get(reason)
        if wrong is None and reason != UNKNOWN:
            return False
        try:
            cells = self._cells.decode(given[place])
            if _repeats(given[place], cells):
                return False
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return False
        others = [name for name in cells if name not in self._names]
        odd = [] if wrong is None else [name for name in cells if name == wrong or not self._is_typed(name, cells)]
        amiss = [name for name in odd if not self._says_missing(name, cells[name])]
        cells |= dict.fromkeys(odd, Raw(b"null"))
        for name in {*others, *amiss}:
            del cells[name]
        if not cells:
            return False
        given[place] = msgspec.json.encode(cells)
        unknown.update(dict.fromkeys(name for name in others if len(name) <= LONGEST_NAME))
        mistyped.update(amiss)
        return True

    def _is_typed(self, name: str, cells: Mapping[str, Raw]) -> bool:
        """True of the entity and of the time."""
        if name not in self._typed:
            return True
        try:
            self._typed[name].decode(cells[name])
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return False
        return True

    def _says_missing(self, name: str, cell: Raw) -> bool:
        """Whether the cell of another type is text that stands for a missing one."""
        try:
            text = msgspec.json.decode(cell, type=str)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return False
        return says_missing(text, self._kinds[name])

    def _gone(self, found: Rows, given: Sequence[bytes]) -> set[str]:
        """Columns that no row names, not even to say that the cell is missing."""
        gone = {
            column.name
            for column in self._modelled
            if len(found.kept) >= (FEWEST if column.required else MANY) and _is_empty(found.table, column.name)
        }
        for place in found.kept:
            if not gone:
                break
            gone -= self._cells.decode(given[place]).keys()
        return gone


def _repeats(message: bytes, cells: Mapping[str, Raw]) -> bool:
    """Whether the object names a key twice: it then has colons that neither its keys nor its cells account for."""
    if b"\\u003" in message:
        return names_twice(message)
    colons = message.count(b":") - len(cells)
    return colons > 0 and colons != "".join(cells).count(":") + b"".join(map(bytes, cells.values())).count(b":")


def told(table: "pa.Table", misfit: Misfit) -> "pa.Table":
    """The rows as a block shows them: without the columns that are gone, unknown ones there and without a cell."""
    import pyarrow as pa

    shown = table.drop_columns([name for name in misfit.gone if name in table.column_names])
    for name in misfit.unknown:
        shown = shown.append_column(name, pa.nulls(table.num_rows, pa.string()))
    return shown


def _is_empty(table: "pa.Table", name: str) -> bool:
    return bool(table[name].null_count == table.num_rows)
