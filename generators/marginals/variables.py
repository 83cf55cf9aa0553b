"""The free columns of a table as they are measured: positions, sizes, and what declared dependencies allow."""

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.marginals.heaping import lattice_of
from generators.marginals.measurement import Variable


def variables_of(assembly: Assembly, positions: list[Ints], target: str | None) -> tuple[list[Variable], int | None]:
    """The free columns at the rows' ``positions``, and which of them is the target, if any."""
    variables = []
    for name, column in zip(assembly.free, positions, strict=True):
        grid = assembly.grids[name]
        listed = [
            support.combinations[:, support.determinants.index(name)]
            for support in assembly.supports
            if name in support.determinants
        ]
        allowed = np.isin(np.arange(grid.size), listed[0]) if listed and grid.size <= 2**20 else None
        variables.append(Variable(column, grid.size, grid.ordered, grid.nullable, allowed, lattice_of(grid)))
    return variables, assembly.free.index(target) if target in assembly.free else None
