"""The synthetic table as it would be without the shares that the run asked for, so that no metric punishes
obedience.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from validators.encoding import binned
from validators.protocol import Evidence
from validators.statistics import generator

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Compared:
    """The three tables of a utility metric, and what was done to them."""

    synthetic: "pd.DataFrame"
    train: "pd.DataFrame"
    holdout: "pd.DataFrame"
    detail: dict[str, Any]

    @property
    def samples(self) -> dict[str, int]:
        """Rows of each table, for a finding."""
        return {"synthetic": len(self.synthetic), "train": len(self.train), "holdout": len(self.holdout)}


def compared(evidence: Evidence) -> Compared:
    """Tables to compare. Where the run fixed shares of conditioned columns, synthetic rows are thinned by seed to the
    real shares.

    Thinned without replacement, so that no row counts twice. Real rows whose conditioned value the synthetic table has
    nowhere (a run asked for one value only) are left out on the real side: the metric then speaks of the rest.
    """
    tables = (evidence.train, evidence.holdout, evidence.synthetic)
    name = ("compared", evidence.conditioned, evidence.seed)
    return evidence.memo.of(name, tables, lambda: _compared(evidence))


def _compared(evidence: Evidence) -> Compared:
    names = [name for name in evidence.conditioned if name in {column.name for column in evidence.contract.modelled}]
    if not names or not len(evidence.synthetic) or not len(evidence.holdout):
        return Compared(evidence.synthetic, evidence.train, evidence.holdout, {})
    columns = [column for column in evidence.contract.modelled if column.name in names]
    tables = [evidence.train, evidence.holdout, evidence.synthetic]
    book = binned(tables[:2], columns)
    cells = _cells([book.codes(table) for table in tables])
    occurring = np.intersect1d(cells[1], cells[2])
    kept = [np.flatnonzero(np.isin(cell, occurring)) for cell in cells]
    kept[2] = _thinned(cells[1], cells[2], kept[2], generator(evidence.seed, "conditioned"))
    train, holdout, synthetic = (
        table.iloc[rows].reset_index(drop=True) for table, rows in zip(tables, kept, strict=True)
    )
    detail = {
        "conditioned": names,
        "conditioned_rule": "synthetic rows thinned to the real shares of these columns",
        "synthetic_rows_after_thinning": len(synthetic),
        "real_share_compared": len(holdout) / len(tables[1]),
    }
    return Compared(synthetic, train, holdout, detail)


def _cells(codes: Any) -> list[Any]:
    """One number for each combination of the conditioned columns' codes."""
    _, numbers = np.unique(np.concatenate(codes), axis=0, return_inverse=True)
    return list(np.split(numbers.ravel(), np.cumsum([len(code) for code in codes])[:-1]))


def _thinned(real: Any, fake: Any, kept: Any, rng: np.random.Generator) -> Any:
    size = int(max(real.max(initial=0), fake.max(initial=0))) + 1
    wanted = np.bincount(real, minlength=size) / max(1, len(real))
    present = np.bincount(fake[kept], minlength=size) / max(1, len(kept))
    ratio = np.divide(wanted, present, out=np.zeros(size), where=present > 0)
    return kept[rng.random(len(kept)) * ratio.max(initial=1e-300) < ratio[fake[kept]]]
