"""Tables as sequences of events: rows in order of entity and time, states and levels coded alike on every table."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from schemas.contract import Column
from schemas.errors import ContractError
from schemas.factorized import factorized
from validators.encoding import Ranks, cells_of, is_category, numbers, ranks
from validators.protocol import Evidence
from validators.statistics import Reals, midranks

if TYPE_CHECKING:
    import pandas as pd

Integers = npt.NDArray[np.int64]
_COLUMNS: Final = 8
_STATES: Final = 5
_GAPS: Final = 12


@dataclass(frozen=True, slots=True)
class Events:
    """Rows in order of entity and time; ``steps`` are the row numbers whose next row is of the same entity.

    (n_rows,) ``entity`` from 0, ``time``; (n_rows, n_columns) ``states`` codes below ``Coding.sizes`` and ``levels``,
    ranks, NaN where missing.
    """

    entity: Integers
    time: Reals
    states: Integers
    levels: Reals
    steps: Integers

    @property
    def entities(self) -> int:
        return int(self.entity[-1]) + 1 if len(self.entity) else 0


@dataclass(frozen=True, slots=True)
class Coding:
    """How tables become events: the same for every candidate of a snapshot."""

    time: Column
    entity: Column
    states: tuple[Ranks, ...]
    levels: tuple[Column, ...]
    gap_edges: Reals

    @classmethod
    def of(cls, evidence: Evidence) -> "Coding":
        stated, real = evidence.contract.policy.sequence, (evidence.train, evidence.holdout)
        if stated is None:
            raise ContractError("the contract states no sequence")
        others = [item for item in evidence.contract.modelled if item.name not in (stated.entity, stated.time)]
        states = tuple(ranks(real, column, _STATES) for column in others if is_category(column))[:_COLUMNS]
        levels = tuple(column for column in others if not is_category(column))[:_COLUMNS]
        column = evidence.contract.column
        bare = cls(column(stated.time), column(stated.entity), states, levels, np.empty(0))
        gaps = np.concatenate([gaps_of(bare.events(table)) for table in real])
        edges = np.unique(np.quantile(gaps, np.arange(1, _GAPS) / _GAPS)) if len(gaps) else np.empty(0)
        return cls(bare.time, bare.entity, states, levels, edges)

    def events(self, table: "pd.DataFrame") -> Events:
        """Rows without an entity or a time are left out; events at one time keep the table's order."""

        time = numbers(table, self.time)
        codes = factorized(cells_of(table, self.entity))[0]
        kept = np.flatnonzero((codes >= 0) & ~np.isnan(time))
        order = kept[np.lexsort((time[kept], codes[kept]))]
        entity = np.unique(codes[order], return_inverse=True)[1].astype(np.int64)
        ordered = table.iloc[order]
        states = [coder.codes(ordered).astype(np.int64) for coder in self.states]
        levels = [_ranked(numbers(ordered, column)) for column in self.levels]
        return Events(
            entity,
            time[order],
            np.column_stack(states) if states else np.empty((len(order), 0), dtype=np.int64),
            np.column_stack(levels) if levels else np.empty((len(order), 0)),
            np.flatnonzero(entity[1:] == entity[:-1]),
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(coder.size for coder in self.states)


def _ranked(values: Reals) -> Reals:
    """Midranks of the present values: one that lies far out has no more weight than another."""
    ranked = np.full(len(values), np.nan)
    present = ~np.isnan(values)
    ranked[present] = midranks(values[present])
    return ranked


def gaps_of(events: Events) -> Reals:
    """(n_steps,) time from each event to the next of its entity, at least 0."""
    with np.errstate(over="ignore"):
        return np.nan_to_num(events.time[events.steps + 1] - events.time[events.steps])
