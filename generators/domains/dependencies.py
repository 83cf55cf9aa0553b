"""Declared dependencies: columns that are public functions of others are never modelled, and unlisted combinations
never occur.

Dependencies that share columns are joined into one ``Support``: all combinations of its determinants that the contract
allows, as grid positions, each with the positions of what follows from it. All of it is public, so it costs no budget.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Bools, Ints
from generators.domains.grid import MISSING, Grid
from schemas.cells import typed
from schemas.contract import Contract, Dependency
from schemas.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 2_000_000


@dataclass(frozen=True, slots=True)
class Support:
    """(n, k) positions of the determinants, distinct and sorted, and (n, m) positions of their dependents."""

    determinants: tuple[str, ...]
    dependents: tuple[str, ...]
    combinations: Ints
    consequences: Ints
    sizes: tuple[int, ...]

    def rows_of(self, positions: Ints) -> Ints:
        """The row of each combination in (rows, k) ``positions``; -1 where it is not listed or a part is missing."""
        known: Bools = np.all((positions >= 0) & (positions < np.array(self.sizes)), axis=1)
        keys, wanted = self._keys(self.combinations), self._keys(np.where(known[:, None], positions, 0))
        found = np.clip(np.searchsorted(keys, wanted), 0, max(keys.size - 1, 0))
        listed = known & (keys[found] == wanted) if keys.size else np.zeros(known.size, dtype=bool)
        return np.where(listed, found, -1)

    def dependents_of(self, positions: Ints) -> Ints:
        """(rows, m) positions of the dependents, missing where the combination is not listed or incomplete."""
        rows = self.rows_of(positions)
        return np.where(rows[:, None] < 0, MISSING, self.consequences[np.maximum(rows, 0)])

    def _keys(self, positions: Ints) -> Ints:
        keys = np.zeros(positions.shape[0], dtype=np.int64)
        for part, size in enumerate(self.sizes):
            keys = keys * size + positions[:, part]
        return keys


def supports(contract: Contract, grids: Mapping[str, Grid]) -> tuple[Support, ...]:
    """One support for each group of dependencies among modelled columns that share a column."""
    usable = [item for item in contract.policy.dependencies if {*item.determinants, item.dependent} <= set(grids)]
    derived = _derived(usable)
    frames = [_listing(item, grids) for item in usable]
    joined: list[pd.DataFrame] = []
    for frame in frames:
        for other in [known for known in joined if set(known.columns) & set(frame.columns)]:
            joined = [known for known in joined if known is not other]
            frame = frame.merge(other, on=sorted(set(frame.columns) & set(other.columns)), how="inner")
            if len(frame) > LARGEST:
                raise ContractError("the declared dependencies allow too many combinations to list")
        joined.append(frame)
    return tuple(_support(frame.drop_duplicates(), derived, grids) for frame in joined)


def _derived(dependencies: list[Dependency]) -> set[str]:
    """Dependents that can be computed from the rest; one that would close a circle is modelled, and its table still
    binds.
    """
    derived: set[str] = set()
    for item in dependencies:
        if item.dependent not in derived and _computable(derived | {item.dependent}, dependencies):
            derived.add(item.dependent)
    return derived


def _computable(derived: set[str], dependencies: list[Dependency]) -> bool:
    unknown = set(derived)
    while found := {
        item.dependent for item in dependencies if item.dependent in unknown and not set(item.determinants) & unknown
    }:
        unknown -= found
    return not unknown


def _listing(dependency: Dependency, grids: Mapping[str, Grid]) -> "pd.DataFrame":
    import pandas as pd

    names = (*dependency.determinants, dependency.dependent)
    columns = zip(*dependency.table, strict=True) if dependency.table else ([] for _ in names)
    positions = {name: _exact_positions(cells, grids[name]) for name, cells in zip(names, columns, strict=True)}
    frame = pd.DataFrame(positions, dtype=np.int64)
    frame = frame[(frame[list(dependency.determinants)] >= 0).all(axis=1)]
    if frame.empty:
        raise ContractError(f"the table of {dependency.dependent} lists no combination of its determinants' domains")
    if (frame[dependency.dependent] < 0).any():
        raise ContractError(f"the table of {dependency.dependent} holds values outside that column's domain")
    return frame


def _exact_positions(cells: object, grid: Grid) -> Ints:
    import pandas as pd

    values, _ = typed(pd.Series(list(cells), dtype=object), grid.column.type)  # type: ignore[call-overload]
    positions = grid.positions(values)
    same = (grid.values(positions) == values).fillna(False).to_numpy(dtype=bool)
    return np.where(same, positions, MISSING)


def _support(frame: "pd.DataFrame", derived: set[str], grids: Mapping[str, Grid]) -> Support:
    order = [name for name in grids if name in frame.columns]
    determinants = tuple(name for name in order if name not in derived)
    dependents = tuple(name for name in order if name in derived)
    if frame.empty:
        raise ContractError(
            f"the dependencies of {', '.join(dependents)} contradict each other: no combination is left"
        )
    if frame.duplicated(list(determinants)).any():
        raise ContractError(f"the dependencies give {', '.join(dependents)} two values for one combination")
    sizes = tuple(grids[name].size for name in determinants)
    if np.prod([float(size) for size in sizes]) > 2**62:
        raise ContractError(f"the domains of {', '.join(determinants)} are too wide for a declared dependency")
    frame = frame.sort_values(list(determinants))
    return Support(
        determinants,
        dependents,
        frame[list(determinants)].to_numpy(np.int64).reshape(-1, len(determinants)),
        frame[list(dependents)].to_numpy(np.int64).reshape(-1, len(dependents)),
        sizes,
    )
