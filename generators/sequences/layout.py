"""What the columns of a sequence are for: whose rows, when, at which keys, and what happens in them."""

from dataclasses import dataclass

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.domains.grid import Grid
from schemas.contract import Contract
from schemas.errors import ContractError

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Layout:
    """Places among the free columns. ``keys``: columns that refer to a key, other than the entity. ``attributes``: the
    rest, the target first where there is one; ``marked`` tells whether it is and has few values; ``listed``, whether
    entities are keys of another table, of which those that were seen are given out again.
    """

    entity: int
    time: int
    keys: tuple[int, ...]
    attributes: tuple[int, ...]
    marked: bool
    listed: bool
    grids: tuple[Grid, ...]

    @property
    def measured(self) -> tuple[int, ...]:
        """Which of the attributes lie on a range."""
        return tuple(at for at, place in enumerate(self.attributes) if self.grids[place].labels is None)

    @property
    def seconds(self) -> float:
        """Seconds of one position of the time's grid; of a time that is a plain number, a minute each."""
        grid = self.grids[self.time]
        if grid.column.type not in ("date", "timestamp"):
            return 60.0
        return grid.resolution if grid.labels is None else float(DAY)

    def clock(self, positions: Ints) -> tuple[Ints, Ints]:
        """Hour of the day and day of the week of each time."""
        grid = self.grids[self.time]
        lower = grid.lower if grid.labels is None and grid.column.type in ("date", "timestamp") else 0.0
        seconds = (lower + positions * self.seconds).astype(np.int64)
        # 1 January 1970 was a Thursday.
        return seconds // 3_600 % 24, (seconds // DAY + 3) % 7


def layout_of(contract: Contract, assembly: Assembly) -> Layout:
    """A contract's layout; raises ``ContractError`` where a dependency derives the sequence's entity or time."""
    sequence = contract.policy.sequence
    assert sequence is not None
    free = assembly.free
    if absent := [name for name in (sequence.entity, sequence.time) if name not in free]:
        raise ContractError(f"a sequence's entity and time cannot be derived by a dependency: {', '.join(absent)}")
    referring = {reference.column for reference in contract.policy.references if reference.table is not None}
    keys = tuple(place for place, name in enumerate(free) if name in referring - {sequence.entity, sequence.time})
    taken = {free.index(sequence.entity), free.index(sequence.time), *keys}
    target = contract.policy.target
    rest = [place for place in range(len(free)) if place not in taken]
    rest.sort(key=lambda place: (free[place] != target, place))
    grids = tuple(assembly.grids[name] for name in free)
    marked = bool(rest) and free[rest[0]] == target and grids[rest[0]].size <= 8
    entity, time = free.index(sequence.entity), free.index(sequence.time)
    # Where entities are who is protected, their keys alone would tell whom the model was fitted to.
    listed = sequence.entity in referring and sequence.entity != contract.policy.privacy.unit.column
    return Layout(entity, time, keys, tuple(rest), marked, listed, grids)
