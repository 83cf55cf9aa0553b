"""Live rows fall into the shares of a contract's privacy units, as the rows of its snapshots do."""

import numpy as np
import numpy.typing as npt

from generators.entities.units import add_cells, fates, last_kept
from schemas.contract import Contract
from schemas.errors import ContractError
from schemas.keyed_hash import Bools, Hashes, Path, RowHash, fastest
from schemas.keyed_hash import Cells as HashedCells
from stream_app.core.drift.coding.cells import Cells, Columns, Numbers, Words
from stream_app.core.drift.coding.conforming import Conforming
from stream_app.core.drift.sharing.entity_keys import EntityKeys

Shares = npt.NDArray[np.int8]


class Splitter:
    """Which share each live row belongs to: ``generators.entities.units.split`` of the conformed rows, from arrays.

    A stream remembers no rows: rows that are equal share the fate of the first such row of a snapshot, which tells its
    duplicates apart. A function of contract, secret and cells alone, whatever the ``path``. Keys and shares say who is
    held out: count with them, never show them.
    """

    def __init__(self, contract: Contract, secret: bytes, path: Path | None = None) -> None:
        path = path or fastest()
        self._split, self._last_kept = contract.policy.split, last_kept(contract.policy.split)
        self._entity = contract.policy.privacy.unit.column
        self._entities = None if self._entity is None else EntityKeys(contract.column(self._entity), secret, path)
        self._columns = tuple(Conforming(column, path) for column in contract.modelled)
        self._hash = RowHash(secret, [column.name for column in contract.modelled], path)

    def shares(self, columns: Columns) -> Shares:
        """(rows,) 0 train, 1 holdout, 2 second holdout, 3 reference, also for rows without an entity.

        A modelled column that is absent is missing throughout; raises ``ContractError`` where the entity's is absent.
        """
        return self.shares_of(self.units(columns)[0])

    def shares_of(self, keys: Hashes) -> Shares:
        """The shares of keys that ``units`` gave."""
        return fates(keys, self._split)

    def held_out(self, keys: Hashes) -> Bools:
        """Which of keys that ``units`` gave are in any share but the train share."""
        found: Bools = keys > self._last_kept
        return found

    def units(self, columns: Columns) -> tuple[Hashes, Bools | None]:
        """(rows,) the keyed hash of each row's privacy unit, by which an ``EntityBound`` counts, and whether it has
        one: rows without an entity are left out of everything that is counted. None where every row is a unit.
        """
        if self._entities is None or self._entity is None:
            return self._row_keys(columns), None
        if self._entity not in columns.cells:
            raise ContractError(f"the rows lack the column of their privacy unit: {self._entity}")
        return self._entities.keys(columns.cells[self._entity])

    def _row_keys(self, columns: Columns) -> Hashes:
        content = np.zeros(columns.rows, dtype=np.uint64)
        ready = [self._ready(each, columns.cells.get(each.column.name), content) for each in self._columns]
        self._hash.add_columns(ready, content)
        return self._hash.keys(content)

    def _ready(self, conforming: Conforming, cells: Cells | None, content: Hashes) -> "HashedCells | None":
        """Arrays to be added; others are added at once."""
        name = conforming.column.name
        if cells is None:
            self._hash.add_missing(name, content, words=not conforming.numeric)
            return None
        conformed = conforming(cells)
        if isinstance(conformed, Numbers):
            return conformed.values
        if isinstance(conformed, Words):
            return conformed.indices, conformed.values
        add_cells(self._hash, name, conformed, content)
        return None
