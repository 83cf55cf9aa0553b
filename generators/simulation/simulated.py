"""From aggregates to a typed table: a market is run, its payments get the other columns, and all get synthetic keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.domains.grid import Grid, grid_of
from generators.domains.keys import synthetic_keys
from generators.sampling.drawing import drawn
from generators.sampling.sampled import listed
from generators.simulation.aggregates import Aggregates
from generators.simulation.parts import Parts, parts_of
from generators.simulation.scenarios import Scenarios
from schemas.contract import Categories, Contract, Scalar

if TYPE_CHECKING:
    import pandas as pd

    from generators.simulation.market import Ledger, Population

MOST_LABELS, CELLS = 256, 64
MARGIN, ROUNDS = 1.05, 50
HIDDEN = ("\0customer", "\0terminal", "\0merchant")
"""Who takes part in a payment, beside the columns until the keys are given."""


@dataclass(frozen=True, slots=True)
class _Scene:
    contract: Contract
    assembly: Assembly
    aggregates: Aggregates
    scenarios: Scenarios
    parts: Parts
    population: "Population"

    def payments(self, rows: int, rng: np.random.Generator) -> "pd.DataFrame":
        """Exactly so many typed payments with their hidden numbers, in order of time."""
        ledger = self._ledger(rows, rng)
        found = np.zeros((rows, len(self.assembly.free)), dtype=np.int64)
        for name, positions in self._others(ledger, rng).items():
            found[:, self.assembly.free.index(name)] = positions
        for name, values in ((self.parts.time, ledger.seconds), (self.parts.amount, ledger.amount)):
            found[:, self.assembly.free.index(name)] = _nearest(self.assembly.grids[name], values)
        table = self.assembly.table(listed(found, self.assembly))
        numbers = (ledger.customer, ledger.terminal, self.population.merchant[ledger.terminal])
        for hidden, who in zip(HIDDEN, numbers, strict=True):
            table[hidden] = who
        return table

    def _ledger(self, rows: int, rng: np.random.Generator) -> "Ledger":
        from generators.simulation.market import Ledger, Market, joined

        expected = float(self.population.rate.sum()) * self.aggregates.fact("days")
        parts: list[Ledger] = []
        for _ in range(ROUNDS):
            lacking = rows - sum(len(part.customer) for part in parts)
            if lacking <= 0:
                break
            intensity = (MARGIN * lacking + 10) / max(expected, 1e-9)
            seed = int(rng.integers(2**62))
            parts.append(Market(self.aggregates, self.population, self.scenarios, intensity, seed).run())
        ledger = joined(parts)
        chosen = rng.permutation(len(ledger.customer))[:rows]
        chosen = chosen[np.argsort(ledger.seconds[chosen], kind="stable")]
        fields = ("customer", "terminal", "seconds", "amount", "scenario")
        return Ledger(*(getattr(ledger, name)[chosen] for name in fields))

    def _others(self, ledger: "Ledger", rng: np.random.Generator) -> dict[str, Ints]:
        """Positions of the columns that no agent decides, by amount; and of the labels of injected fraud."""
        found = {}
        bands = np.searchsorted(self.aggregates.edges, ledger.amount, side="right")
        for place, name in enumerate(other_columns(self.assembly, self.parts, self.scenarios)):
            counts, grid = self.aggregates.others[place], self.assembly.grids[name]
            cells = np.zeros(len(bands), dtype=np.int64)
            for band in np.unique(bands):
                own = np.flatnonzero(bands == band)
                cells[own] = rng.choice(counts.shape[1], own.size, p=counts[band] / counts[band].sum())
            found[name] = _uncelled(grid, cells, rng)
        return found | self._labels(ledger, found)

    def _labels(self, ledger: "Ledger", drawn: Mapping[str, Ints]) -> dict[str, Ints]:
        """Positions of the columns that tell fraud: of what was injected, or alike where both columns were drawn."""
        found: dict[str, Ints] = {}
        fraud, scenario = self.parts.fraud, self.parts.scenario
        if scenario in self.assembly.free:
            grid = self.assembly.grids[str(scenario)]
            places = np.array([grid.position_of(number) or 0 for number in range(4)])
            told = places[ledger.scenario] if self.scenarios.asked else drawn[str(scenario)]
            found = {str(scenario): told, str(fraud): (told != places[0]).astype(np.int64)}
        elif self.scenarios.asked:
            found = {str(fraud): (ledger.scenario > 0).astype(np.int64)}
        return {name: positions for name, positions in found.items() if name in self.assembly.free}


def simulated(
    contract: Contract,
    assembly: Assembly,
    aggregates: Aggregates,
    scenarios: Scenarios,
    rows: int,
    seed: int,
    where: Mapping[str, tuple[Scalar, float]] | None,
) -> "pd.DataFrame":
    """``rows`` typed rows of the contract's modelled columns; the same seed gives the same ones."""
    from generators.simulation.market import peopled

    rng = np.random.default_rng(np.random.SeedSequence([seed & (2**64 - 1), 0xA6E7]))
    parts = parts_of(contract)
    customers, terminals = _sizes(contract, parts, aggregates, rows)
    scene = _Scene(contract, assembly, aggregates, scenarios, parts, peopled(aggregates, customers, terminals, rng))
    table = drawn(scene.payments, rows, rng, contract, assembly.grids, where)
    table = table.sort_values(parts.time, kind="stable", ignore_index=True)
    for name, hidden in zip(parts.keys, HIDDEN, strict=False):
        numbers = table[hidden].to_numpy()
        unique, back = np.unique(numbers, return_inverse=True)
        keys = synthetic_keys(contract.column(name), len(unique), rng)
        table[name] = keys.iloc[back].reset_index(drop=True)
    table = table.drop(columns=list(HIDDEN))
    return assembly.finished(table, rng)[[column.name for column in contract.modelled]]


def other_columns(assembly: Assembly, parts: Parts, scenarios: Scenarios) -> tuple[str, ...]:
    """The free columns that no agent decides; the labels of fraud among them where none is injected."""
    decided = {parts.time, parts.amount}
    if scenarios.asked:
        decided |= {str(parts.fraud), str(parts.scenario)}
    return tuple(name for name in assembly.free if name not in decided)


def cells_of(assembly: Assembly, parts: Parts, scenarios: Scenarios) -> tuple[int, ...]:
    """How many cells each other column is counted in, a missing one included."""
    return tuple(
        min(assembly.grids[name].size, _most(assembly.grids[name])) + 1
        for name in other_columns(assembly, parts, scenarios)
    )


def celled(grid: Grid, positions: Ints) -> Ints:
    """The cell of each position: its own where there are few, else one of ``CELLS`` equal ones; missing comes last."""
    most = min(grid.size, _most(grid))
    return np.where(positions < 0, most, positions * most // grid.size)


def _uncelled(grid: Grid, cells: Ints, rng: np.random.Generator) -> Ints:
    most = min(grid.size, _most(grid))
    low = -(-cells * grid.size // most)
    high = np.maximum(low + 1, -(-(cells + 1) * grid.size // most))
    inside = np.minimum((low + rng.random(len(cells)) * (high - low)).astype(np.int64), grid.size - 1)
    return np.where(cells >= most, grid.size if grid.nullable else 0, inside)


def _most(grid: Grid) -> int:
    return MOST_LABELS if grid.labels is not None else CELLS


def _nearest(grid: Grid, values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Ints:
    """The position at or below a time, the nearest to an amount, within the grid."""
    scaled = (values - grid.lower) / grid.resolution
    rounded = np.floor(scaled) if grid.column.type in ("date", "timestamp") else np.rint(scaled)
    return np.clip(rounded, 0, grid.size - 1).astype(np.int64)


def _sizes(contract: Contract, parts: Parts, aggregates: Aggregates, rows: int) -> tuple[int, int]:
    """As many customers as make the rows in the period, and their share of terminals, within the domains' keys."""
    size = aggregates.of_class("customers")
    rate = float((size * aggregates.of_class("rate")).sum() / size.sum())
    customers = max(1, round(rows / max(rate * aggregates.fact("days"), 1e-9)))
    customers = min(customers, _keys(contract, parts.customer))
    terminals = max(1, round(customers * aggregates.fact("terminals") / aggregates.fact("customers")))
    return customers, min(terminals, _keys(contract, parts.terminal), _merchants(contract, parts, aggregates))


def _merchants(contract: Contract, parts: Parts, aggregates: Aggregates) -> int:
    """Terminals that the merchants' keys are enough for."""
    if parts.merchant is None:
        return 2**62
    return max(1, int(_keys(contract, parts.merchant) * aggregates.fact("terminals_a_merchant")))


def _keys(contract: Contract, name: str) -> int:
    """How many keys the domain of a column has."""
    column = contract.column(name)
    if column.domain is None:
        return 2**62
    return len(column.domain.values) if isinstance(column.domain, Categories) else grid_of(column, False).size
