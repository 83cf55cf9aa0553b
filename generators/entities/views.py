"""Entity views: all rows of one entity, wherever they lie, as one unit that is split and bounded as a whole.

A table's rows belong to the entity that one of their columns names, or to the owner of the row that a reference leads
to (a transaction to the customer of its card). Who may look at one entity's rows is not decided here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from generators.entities.bounding import bounded_together
from generators.entities.units import split
from schemas.contract import Split
from schemas.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Direct:
    """``column`` of the table names the entity."""

    column: str


@dataclass(frozen=True, slots=True)
class Through:
    """``column`` holds a value of ``key`` in ``table``, whose row belongs to the entity."""

    column: str
    table: str
    key: str


Link = Direct | Through


@dataclass(frozen=True, slots=True)
class EntityView:
    """Tables, and for each row of each the entity that it belongs to (missing where it belongs to none)."""

    tables: "Mapping[str, pd.DataFrame]"
    owners: "Mapping[str, pd.Series[Any]]"

    @classmethod
    def of(cls, tables: "Mapping[str, pd.DataFrame]", links: Mapping[str, Link]) -> "EntityView":
        """Gather rows by their links. Raises ``ContractError`` on absent tables or columns, on links in a circle, and
        where a key that a link leads to is not unique.
        """
        if set(tables) != set(links):
            raise ContractError("every table needs a link to the entity, and every link a table")
        owners: dict[str, pd.Series[Any]] = {}
        for name in tables:
            _resolve(name, tables, links, owners, ())
        return cls(dict(tables), {name: owners[name] for name in tables})

    @property
    def entities(self) -> "pd.Index[Any]":
        """Every entity that has a row, once."""
        import pandas as pd

        every = pd.concat([owner.astype(object) for owner in self.owners.values()])
        found: pd.Index[Any] = pd.Index(every.dropna().drop_duplicates())
        return found

    def rows_of(self, entity: object) -> "dict[str, pd.DataFrame]":
        """One entity's rows in every table."""
        return {
            name: table[(self.owners[name] == entity).to_numpy(dtype=bool, na_value=False)].reset_index(drop=True)
            for name, table in self.tables.items()
        }

    def split(self, secret: bytes, shares: Split) -> "tuple[EntityView, ...]":
        """Train, holdout, second holdout and reference: an entity's rows of all tables fall alike, and as those of a
        single table do under the same secret. Rows of no entity are left out.
        """
        fates = {name: split(owner, secret, shares) for name, owner in self.owners.items()}
        present = {name: owner.notna().to_numpy(dtype=bool) for name, owner in self.owners.items()}
        return tuple(
            self._kept({name: (fates[name] == share) & present[name] for name in self.tables}) for share in range(4)
        )

    def bounded(self, secret: bytes, most: int, each: Mapping[str, int] | None = None) -> "EntityView":
        """At most ``most`` rows of each entity in all tables together, and ``each`` in the tables that it names.

        A row whose reference leads to a row that is not used is kept only where that table is not bounded away: rows
        that lost their parent are left out, so that references stay valid.
        """
        if most < 1 or any(bound < 0 for bound in (each or {}).values()):
            raise ContractError("an entity's rows are bounded by 1 at least in all, and by 0 at least in a table")
        if unknown := sorted(set(each or {}) - set(self.tables)):
            raise ContractError(f"a bound names a table that the view does not have: {', '.join(unknown[:5])}")
        pairs = {name: (table, self.owners[name]) for name, table in self.tables.items()}
        return self._kept(bounded_together(pairs, secret, most, each or {}))

    def without_orphans(self, links: Mapping[str, Link]) -> "EntityView":
        """Only rows whose referenced rows are there: for after bounding."""
        view = self
        for _ in self.tables:
            kept = {name: _has_parent(name, view.tables, links) for name in view.tables}
            if all(rows.all() for rows in kept.values()):
                return view
            view = view._kept(kept)
        return view

    def _kept(self, rows: "Mapping[str, np.ndarray[Any, np.dtype[np.bool_]]]") -> "EntityView":
        return EntityView(
            {name: table[rows[name]].reset_index(drop=True) for name, table in self.tables.items()},
            {name: owner[rows[name]].reset_index(drop=True) for name, owner in self.owners.items()},
        )


def _resolve(
    name: str,
    tables: "Mapping[str, pd.DataFrame]",
    links: Mapping[str, Link],
    owners: "dict[str, pd.Series[Any]]",
    on_the_way: tuple[str, ...],
) -> "pd.Series[Any]":
    if name in owners:
        return owners[name]
    if name in on_the_way:
        raise ContractError(f"the links of {', '.join(on_the_way)} lead in a circle: one must name the entity itself")
    if name not in tables:
        raise ContractError(f"a link leads to a table that is not there: {name}")
    table, link = tables[name].reset_index(drop=True), links[name]
    if link.column not in table.columns:
        raise ContractError(f"the table {name} lacks the column of its link: {link.column}")
    if isinstance(link, Direct):
        owners[name] = table[link.column]
        return owners[name]
    above = _resolve(link.table, tables, links, owners, (*on_the_way, name))
    owners[name] = _followed(table[link.column], _keys(link, tables), above)
    return owners[name]


def _followed(references: "pd.Series[Any]", keys: "pd.Index[Any]", owners: "pd.Series[Any]") -> "pd.Series[Any]":
    """The owner of the row that each reference leads to; none where it is missing or leads nowhere."""
    import pandas as pd

    found = keys.get_indexer(pd.Index(references))
    found[references.isna().to_numpy(dtype=bool)] = -1
    held = np.append(owners.astype(object).to_numpy(), np.array([None], dtype=object))
    return pd.Series(held[np.where(found < 0, len(owners), found)], dtype=object)


def _keys(link: Through, tables: "Mapping[str, pd.DataFrame]") -> "pd.Index[Any]":
    import pandas as pd

    if link.key not in tables[link.table].columns:
        raise ContractError(f"the table {link.table} lacks the key of a link: {link.key}")
    keys: pd.Index[Any] = pd.Index(tables[link.table][link.key])
    if not keys.is_unique:
        raise ContractError(f"the key {link.key} of {link.table} is not unique: a row would belong to several entities")
    return keys


def _has_parent(
    name: str, tables: "Mapping[str, pd.DataFrame]", links: Mapping[str, Link]
) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    link = links[name]
    if isinstance(link, Direct):
        return np.ones(len(tables[name]), dtype=bool)
    return tables[name][link.column].isin(tables[link.table][link.key]).to_numpy(dtype=bool)
