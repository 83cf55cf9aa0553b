"""Several tables as a fit sees them: positions of their columns, and places of rows in place of keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.preparing import bounded, prepared_empirically
from generators.protocol import FitRequest
from generators.sdv.links import Related
from generators.sdv.tables import FAMILY
from schemas.errors import InputError, InsufficientEvidence

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Rows:
    """The usable rows of one table: (rows, free columns) positions; for each reference the place of the row that is
    referred to, -1 for none (``links``, the owner's first).
    """

    related: Related
    assembly: Assembly
    positions: Ints
    links: tuple[Ints, ...]

    def taken(self, places: Ints, owners: Ints) -> "Rows":
        """Some of the rows, with new places of their owners."""
        links = tuple(owners if place == 0 else link[places] for place, link in enumerate(self.links))
        return Rows(self.related, self.assembly, self.positions[places], links)


def usable_rows(
    tables: "Mapping[str, pd.DataFrame]", order: Mapping[str, Related], request: FitRequest
) -> dict[str, Rows]:
    """The rows whose values have positions and whose references are there, tables in ``order``.

    Raises ``InsufficientEvidence`` below two rows a table, ``InputError`` for keys that are missing or repeated.
    """
    import pandas as pd

    found: dict[str, Rows] = {}
    keys: dict[str, pd.Index[Any]] = {}
    for name, one in order.items():
        assembly = prepared_empirically(
            tables[name], FitRequest(one.reduced, request.seed, parameters=request.parameters), FAMILY
        ).assembly
        rows = bounded(tables[name], FitRequest(one.contract, request.seed))
        rows = rows[assembly.valid(rows)].reset_index(drop=True)
        links = [
            np.where(rows[link.column].isna(), -1, _places(keys[str(link.table)], rows[link.column]))
            for link in one.references
        ]
        usable = np.all([link > -2 for link in links], axis=0) if links else np.ones(len(rows), dtype=bool)
        rows = rows[usable].reset_index(drop=True)
        if len(rows) < 2:
            raise InsufficientEvidence(f"hma needs two usable rows at least in {name}")
        if one.key is not None:
            keys[name] = pd.Index(rows[one.key].astype(object))
            if rows[one.key].isna().any() or not keys[name].is_unique:
                raise InputError(f"{one.key} of {name} is referred to, but has missing or repeated values")
        positions = np.stack(assembly.positions(rows), axis=1)
        found[name] = Rows(one, assembly, positions, tuple(link[usable].astype(np.int64) for link in links))
    return found


def _places(keys: "pd.Index[Any]", values: "pd.Series[Any]") -> Ints:
    """The places of keys, -2 for one that is not there."""
    places = keys.get_indexer(values.astype(object)).astype(np.int64)  # type: ignore[arg-type]
    return np.where(places < 0, -2, places)


def some_rows(full: Mapping[str, Rows], roots: int, rng: np.random.Generator) -> dict[str, Rows]:
    """A few rows of each root table, and all that is made below them; at least two rows of every table."""
    kept: dict[str, Ints] = {}
    some: dict[str, Rows] = {}
    for name, rows in full.items():
        owner = rows.related.owner
        if owner is None:
            kept[name] = np.sort(rng.permutation(len(rows.positions))[:roots])
            some[name] = rows.taken(kept[name], np.zeros(0, dtype=np.int64))
            continue
        renumbered = np.full(len(full[str(owner.table)].positions) + 1, -2, dtype=np.int64)
        renumbered[kept[str(owner.table)]] = np.arange(len(kept[str(owner.table)]))
        renumbered[-1] = -1
        owners = renumbered[rows.links[0]]
        kept[name] = np.flatnonzero(owners > -2)
        some[name] = rows.taken(kept[name], owners[kept[name]])
        if len(kept[name]) < 2:
            raise InsufficientEvidence(
                f"too few rows of {name} belong to the rows looked at: raise the parameter roots"
            )
    return some


def spread_of(link: Ints, above: int) -> Ints:
    """How many of the ``above`` rows are referred to how often: (n, 2) of times and rows; times -1 counts the rows that
    refer to none.
    """
    times, counts = np.unique(np.bincount(link[link >= 0], minlength=above), return_counts=True)
    loose = int((link < 0).sum())
    spread = np.stack([times, counts], axis=1).astype(np.int64)
    return np.concatenate([[[-1, loose]], spread]).astype(np.int64) if loose else spread
