"""What is kept of a fit to several tables: pools of synthetic rows and their places in each other, no real key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from generators.arrays import Ints
from generators.artefact import Artefact, pack, unpack
from generators.domains.assembly import Assembly
from generators.domains.constraints import repaired, satisfied
from generators.domains.contract_facts import shape_digest
from generators.domains.keys import synthetic_keys
from generators.keeping import kept, opened, positions_of
from generators.sampling.sampled import listed
from generators.sdv.links import Related, related
from schemas.cells import typed
from schemas.contract import Contract, LogicalType
from schemas.errors import ArtefactError, InputError
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd

FAMILY, VERSION = "hma", 1


@dataclass(frozen=True, slots=True)
class TablePool:
    """Synthetic rows of one table: (rows, free columns) ``positions``; ``owner`` is each row's place in the pool of the
    table that it belongs to, -1 for none. ``spreads`` hold for each further reference how many rows of that table are
    referred to how often: (n, 2) of times and rows, times -1 being rows that refer to none. ``rows`` were fitted.
    """

    related: Related
    assembly: Assembly
    positions: Ints
    owner: Ints
    spreads: tuple[Ints, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class TablesModel:
    """Pools by table, each after those that it refers to."""

    pools: Mapping[str, TablePool]

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """None: the certificates say "empirical"."""
        return ()

    def sample(self, scale: float, seed: int) -> "dict[str, pd.DataFrame]":
        """All tables at ``scale`` times the size of the fitted ones; every reference names a key that is there.

        Raises ``InputError`` where a domain has too few keys, or a table's constraints cannot be kept.
        """
        if not 0 < scale < 1e6:
            raise InputError("the scale of the tables is a number above 0")
        rng = np.random.default_rng(np.random.SeedSequence([seed & (2**64 - 1), 0x43A]))
        drawn: dict[str, tuple[Ints, Ints]] = {}
        keys: dict[str, pd.Series[Any]] = {}
        tables: dict[str, pd.DataFrame] = {}
        for name, pool in self.pools.items():
            drawn[name] = _drawn(pool, drawn, self.pools, scale, rng)
            places, owners = drawn[name]
            table = _kept_constraints(pool, pool.assembly.table(listed(pool.positions[places], pool.assembly)), rng)
            table = pool.assembly.finished(table, rng)
            contract = pool.related.contract
            if pool.related.key is not None:
                keys[name] = synthetic_keys(contract.column(pool.related.key), len(places), rng)
                table[pool.related.key] = keys[name]
            for place, link in enumerate(pool.related.references):
                above = keys[str(link.table)]
                chosen = owners if place == 0 else _spread(pool.spreads[place - 1], len(above), len(places), rng)
                table[link.column] = _referring(above, chosen, contract.column(link.column).type)
            tables[name] = table[[column.name for column in contract.modelled]]
        return tables

    def to_bytes(self) -> bytes:
        """One container with one container a table."""
        bodies = {name: np.frombuffer(_table_bytes(pool), dtype=np.uint8) for name, pool in self.pools.items()}
        return pack({"family": FAMILY, "version": VERSION, "kind": "tables"}, bodies)


def opened_tables(body: bytes, contracts: Mapping[str, Contract]) -> TablesModel:
    """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""
    artefact = unpack(body)
    tables = related(contracts, FAMILY)
    if artefact.header.get("kind") != "tables" or set(artefact.arrays) != set(tables):
        raise ArtefactError("the model is of other tables")
    pools = {name: _table_pool(artefact.arrays[name].tobytes(), one) for name, one in tables.items()}
    for pool in pools.values():
        above = pools[str(pool.related.owner.table)] if pool.related.owner is not None else None
        if (pool.owner >= (len(above.positions) if above is not None else 0)).any():
            raise ArtefactError("the model's tables do not fit together")
    return TablesModel(pools)


def _drawn(
    pool: TablePool,
    drawn: Mapping[str, tuple[Ints, Ints]],
    pools: Mapping[str, TablePool],
    scale: float,
    rng: np.random.Generator,
) -> tuple[Ints, Ints]:
    """The places in the pool of the rows to make, and which of the owner's rows each belongs to (-1: none)."""
    size = len(pool.positions)
    if pool.related.owner is None:
        wanted = max(1, round(scale * pool.rows))
        rounds = np.concatenate([rng.permutation(size) for _ in range(-(-wanted // size))])
        return rounds[:wanted].astype(np.int64), np.full(wanted, -1, dtype=np.int64)
    above, _ = drawn[str(pool.related.owner.table)]
    total = len(pools[str(pool.related.owner.table)].positions)
    order = np.argsort(pool.owner, kind="stable")
    firsts = np.searchsorted(pool.owner[order], np.arange(total + 1))
    counts = (firsts[1:] - firsts[:-1])[above]
    owners = np.repeat(np.arange(len(above)), counts)
    within = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    places = order[firsts[above[owners]] + within]
    free = order[: firsts[0]]
    loose = rng.choice(free, round(len(free) * len(above) / total)) if free.size else free
    return (
        np.concatenate([places, loose]).astype(np.int64),
        np.concatenate([owners, np.full(len(loose), -1)]).astype(np.int64),
    )


def _spread(spread: Ints, above: int, rows: int, rng: np.random.Generator) -> Ints:
    """For each row which of the ``above`` rows it refers to, some far more often than others, as in the fit."""
    times, counts = spread[spread[:, 0] >= 0].T
    loose = int(spread[spread[:, 0] < 0, 1].sum())
    weights = rng.choice(times, above, p=counts / counts.sum()).astype(np.float64)
    weights = weights if weights.sum() > 0 else np.ones(above)
    chosen = rng.choice(above, rows, p=weights / weights.sum()).astype(np.int64)
    present = int((times * counts).sum())
    return np.where(rng.random(rows) < loose / max(1, loose + present), -1, chosen)


def _referring(keys: "pd.Series[Any]", chosen: Ints, kind: LogicalType) -> "pd.Series[Any]":
    cells = keys.astype(object).iloc[np.maximum(chosen, 0)].reset_index(drop=True)
    cells[chosen < 0] = None
    return typed(cells, kind)[0]


def _kept_constraints(pool: TablePool, table: "pd.DataFrame", rng: np.random.Generator) -> "pd.DataFrame":
    """Rows that break a constraint are repaired, and else replaced by others: a row that is referred to stays."""
    constraints = pool.related.reduced.policy.constraints
    if satisfied(table, constraints).all():
        return table
    bound = {name for item in pool.assembly.supports for name in (*item.determinants, *item.dependents)}
    table = repaired(table, constraints, pool.assembly.grids, frozenset(bound))
    kept_rows = satisfied(table, constraints)
    if not kept_rows.any():
        raise InputError(f"no drawn row of {pool.related.name} keeps the constraints")
    places = np.arange(len(table))
    places[~kept_rows] = rng.choice(np.flatnonzero(kept_rows), int((~kept_rows).sum()))
    return table.iloc[places].reset_index(drop=True)


def _table_bytes(pool: TablePool) -> bytes:
    arrays = {"pool": pool.positions, "owner": pool.owner}
    arrays.update({f"spread{place}": spread for place, spread in enumerate(pool.spreads)})
    released = shape_digest(pool.related.contract)
    return kept(FAMILY, VERSION, pool.related.reduced, pool.assembly, pool.rows, arrays, released=released)


def _table_pool(body: bytes, one: Related) -> TablePool:
    artefact, assembly, rows = opened(body, one.reduced, FAMILY, VERSION)
    if artefact.header.get("released") != shape_digest(one.contract):
        raise ArtefactError("the model was fitted under a contract with other columns or dependencies")
    positions = positions_of(artefact.arrays, "pool", assembly)
    owner = artefact.arrays.get("owner")
    if owner is None or owner.dtype != np.int64 or owner.shape != (len(positions),) or (owner < -1).any():
        raise ArtefactError("the model's content does not fit together")
    return TablePool(one, assembly, positions, owner, _spreads(artefact, len(one.others)), rows)


def _spreads(artefact: Artefact, count: int) -> tuple[Ints, ...]:
    found = tuple(artefact.arrays.get(f"spread{place}") for place in range(count))
    for spread in found:
        if spread is None or spread.dtype != np.int64 or spread.ndim != 2 or spread.shape[1] != 2:
            raise ArtefactError("the model's content does not fit together")
        if not (spread[:, 0] >= 0).any() or (spread[:, 1] < 1).any():
            raise ArtefactError("the model's content does not fit together")
    return tuple(spread for spread in found if spread is not None)
