"""Whose rows are trained on: privacy units, each with its rows, and true Poisson samples of them.

Each unit is in a step's sample by a coin of its own, from the secret stream; a sample may be empty, and its size is
random. With an entity as the unit whole entities are drawn, never single rows: a row's coin would let one entity into a
step with any number of rows, and the subsampling theorem speaks of units that are in or out.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.entities.bounding import bound
from generators.preparing import prepared
from generators.private.noise import NoiseStream
from generators.protocol import FitRequest
from schemas.factorized import factorized

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Population:
    """(rows, free columns) positions under ``assembly``, sorted by unit: unit u has rows ``start[u]`` to
    ``start[u + 1]``.
    """

    assembly: Assembly
    positions: Ints
    start: Ints

    @property
    def units(self) -> int:
        """How many there are: secret, as the rows are."""
        return int(self.start.size) - 1


def population(table: "pd.DataFrame", request: FitRequest) -> Population:
    """The rows that a fit may use, by unit; raises what ``prepared`` raises."""
    ready = prepared(table, request)
    unit = request.contract.policy.privacy.unit
    if unit.column is None:
        return Population(ready.assembly, ready.positions, np.arange(len(ready.positions) + 1))
    names = list(dict.fromkeys([unit.column, *(column.name for column in request.contract.modelled)]))
    rows = bound(table[names], unit.column, unit.max_rows, request.seed)
    codes = factorized(rows[unit.column])[0][ready.assembly.valid(rows)]
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    sizes = sizes[sizes > 0]
    return Population(ready.assembly, ready.positions[order], np.append(0, np.cumsum(sizes)))


def sample(people: Population, secret: bytes, step: int, rate: float) -> tuple[Ints, Ints]:
    """The rows of a Poisson sample of units, and whose each is, both ascending. The step's own coins: the same again on
    a second call.
    """
    words = NoiseStream(secret, f"coins/{step}").words(people.units)
    chosen = np.flatnonzero(words >> np.uint64(11) < np.uint64(int(rate * 2.0**53)))
    sizes = people.start[chosen + 1] - people.start[chosen]
    first = np.repeat(people.start[chosen] - (np.cumsum(sizes) - sizes), sizes)
    return first + np.arange(int(sizes.sum())), np.repeat(chosen, sizes)
