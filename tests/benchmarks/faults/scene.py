"""What a fault is planted in, and what a fault is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from schemas.contract import Contract, Policy
from validators.encoding import is_category

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scene:
    """Real tables of one random split, a candidate for release, and the contract that it is held against.

    ``pool`` are fresh real rows that are in no other table, for planting. ``related`` are other released tables.
    ``columns`` are those of the candidate. Tables are never changed in place.
    """

    contract: Contract
    train: pd.DataFrame
    holdout: pd.DataFrame
    reference: pd.DataFrame
    synthetic: pd.DataFrame
    pool: pd.DataFrame
    related: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        return [column.name for column in self.contract.modelled]

    @property
    def categorical(self) -> list[str]:
        return [column.name for column in self.contract.modelled if is_category(column)]

    @property
    def numeric(self) -> list[str]:
        return [name for name in self.columns if self.contract.column(name).type in ("integer", "number")]

    def releasing(self, synthetic: pd.DataFrame) -> "Scene":
        """The same with another candidate."""
        return replace(self, synthetic=synthetic.reset_index(drop=True))

    def setting(self, **columns: Any) -> "Scene":
        """The same with whole columns of the candidate replaced."""
        return self.releasing(self.synthetic.assign(**columns))

    def setting_at(self, rows: Rows, column: str, values: Any) -> "Scene":
        """The same with some cells of a column replaced; the column's type widens where it must."""
        cells = self.synthetic[column].to_numpy(copy=True)
        given = np.broadcast_to(np.asarray(values), (len(rows),))
        if cells.dtype != object and given.dtype.kind not in "biufM":
            cells = cells.astype(object)
        cells[rows] = given
        return self.setting(**{column: pd.Series(cells, index=self.synthetic.index).infer_objects()})

    def replacing(self, rows: Rows, others: pd.DataFrame) -> "Scene":
        """The same with some rows of the candidate replaced by ``others``, in the places of the old ones."""
        kept = self.synthetic.drop(index=rows)
        moved = others[self.columns].set_axis(pd.Index(rows), axis=0)
        return self.releasing(pd.concat([kept, moved]).sort_index())

    def deciding(self, **policy: Any) -> "Scene":
        """The same under a changed policy, which is validated as if it had been read from a file."""
        document = self.contract.policy.model_dump() | policy
        decided = Policy.model_validate(document)
        return replace(self, contract=Contract.model_validate(self.contract.model_dump() | {"policy": decided}))

    def without_domain(self, *columns: str) -> "Scene":
        """The same under a contract that leaves open what these columns may hold."""
        opened = tuple(
            column.model_copy(update={"domain": None}) if column.name in columns else column
            for column in self.contract.columns
        )
        return replace(self, contract=self.contract.model_copy(update={"columns": opened}))

    def some(self, share: float, rng: np.random.Generator) -> Rows:
        """Random rows of the candidate, that share of them."""
        rows = len(self.synthetic)
        return np.sort(rng.permutation(rows)[: round(share * rows)]).astype(np.int64)


Plant = Callable[[Scene, np.random.Generator], Scene]


@dataclass(frozen=True, slots=True)
class Fault:
    """One planted fault: the base that it changes, how, and the metrics of which one at least must refuse it.

    Its name and what it simulates are those of ``plant``.
    """

    base: str
    plant: Plant
    metrics: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.plant.__name__

    @property
    def simulates(self) -> str:
        return (self.plant.__doc__ or "").strip().splitlines()[0].rstrip(".").replace("``", "`")
