"""The contract's target as numbers that models learn: classes by frequency, or standardised numbers."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from schemas.bins import Reals
from schemas.contract import Column
from validators.encoding import Tables, is_category, numbers
from validators.models.design import Standardised, standardised
from validators.protocol import Evidence

if TYPE_CHECKING:
    import pandas as pd

Task = Literal["classes", "number"]
FEW_VALUES = 10
MOST_CLASSES = 20
FEWEST = 50
TAIL = 0.001
"""Numbers are clipped to these quantiles, so that R squared speaks of more than the few largest."""


@dataclass(frozen=True, slots=True)
class Target:
    """Fitted on real tables: ``index`` holds the classes, most frequent first, ``scale`` the range of a number.

    With ``cuts`` a number's ranges are the classes, in their order.
    """

    column: Column
    index: Any
    scale: Standardised | None
    cuts: Reals | None = None

    @property
    def task(self) -> Task:
        return "number" if self.scale is not None and self.cuts is None else "classes"

    @property
    def classes(self) -> int:
        """How many, 0 for numbers."""
        if self.cuts is not None:
            return len(self.cuts) + 1
        return len(self.index) if self.scale is None else 0

    @property
    def name(self) -> tuple[str, int]:
        """What its results are kept by."""
        return self.column.name, -1 if self.cuts is None else len(self.cuts)

    def labels(self, table: "pd.DataFrame") -> Reals:
        """(n_rows,) class numbers from 0, or standardised numbers; NaN for missing cells and classes not kept."""
        if self.scale is not None:
            values = self.scale.apply(numbers(table, self.column))
            if self.cuts is None:
                return values
            return np.where(np.isnan(values), np.nan, np.searchsorted(self.cuts, values).astype(np.float64))
        cells = table[self.column.name].astype(object)
        found = np.where(cells.isna().to_numpy(), -1, self.index.get_indexer(cells))
        return np.where(found < 0, np.nan, found.astype(np.float64))


def target_of(tables: Tables, column: Column) -> Target:
    """Classes for categories and for numbers of at most 10 values.

    The 20 most frequent are kept, beyond the first two only those of 50 rows: a mean over classes is no steadier than
    its rarest.
    """
    import pandas as pd

    real = pd.concat([table[column.name] for table in tables], ignore_index=True)
    if not is_category(column) and (column.type in ("date", "timestamp") or real.nunique() > FEW_VALUES):
        return Target(column, None, standardised(column, tables, TAIL))
    counts = real.astype(object).value_counts()
    many = int((counts >= FEWEST).sum())
    return Target(column, pd.Index(counts.index[: min(MOST_CLASSES, max(2, many))], dtype=object), None)


def target(evidence: Evidence) -> Target | None:
    """The contract's target as train and holdout have it, worked out once; none where the contract names none."""
    name = evidence.contract.policy.target
    if name is None:
        return None
    column, real = evidence.contract.column(name), (evidence.train, evidence.holdout)
    return evidence.memo.of(("target", name), real, lambda: target_of(real, column))


def labels(evidence: Evidence, table: "pd.DataFrame", found: Target) -> Reals:
    """The labels of ``table``, worked out once."""
    key = ("labels", found.name)
    return evidence.memo.of(key, (evidence.train, evidence.holdout, table), lambda: found.labels(table))


def in_classes(evidence: Evidence, found: Target) -> Target:
    """The target as classes: itself, or the quarters of a number as real rows have them."""
    if found.task == "classes":
        return found
    known = np.concatenate([labels(evidence, table, found) for table in (evidence.train, evidence.holdout)])
    known = known[~np.isnan(known)]
    if not len(known):
        return replace(found, cuts=np.zeros(0))
    return replace(found, cuts=np.unique(np.quantile(known, [0.25, 0.5, 0.75], method="lower")))
