"""Whether synthetic rows are as many different ones as real rows are: mode collapse and repetition."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from schemas.finding import Finding, Gate
from validators.keys import row_keys
from validators.protocol import Evidence
from validators.statistics import generator, normal_interval
from validators.utility.coarse import TRIPLES, coarse_codes
from validators.utility.conditioning import Compared, compared
from validators.utility.histograms import LEAST
from validators.verdicts import hold, require

if TYPE_CHECKING:
    import pandas as pd

Rows = npt.NDArray[np.int64]
MOST = 4.0
"""Ratios above this are reported as this."""


@dataclass(frozen=True, slots=True)
class Diversity:
    """The smaller of two ratios of synthetic to as many real rows: distinct rows, and the effective number (the
    exponential of the entropy) of cells that the coarse codes of all columns make.

    Real are the rows of train and holdout together; the larger side is thinned by seed to the smaller one's size. The
    baseline is the holdout against train. Delta-method interval.
    """

    metric: str = "diversity"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` below 100 synthetic or holdout rows."""
        tables = compared(evidence)
        require(len(tables.synthetic), LEAST, "synthetic rows")
        require(len(tables.holdout), LEAST, "holdout rows")
        real = evidence.memo.of("all real", (tables.train, tables.holdout), lambda: _joined(tables))
        found = _ratios(evidence, real, tables.synthetic)
        which = "distinct rows" if found.distinct <= found.cells else "effective cells"
        value, spread = min((found.distinct, found.distinct_deviation), (found.cells, found.cells_deviation))
        fresh = _ratios(evidence, tables.train, tables.holdout) if len(tables.train) >= LEAST else None
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                value,
                interval=normal_interval(value, spread, high=MOST),
                rule="confident",
                baseline=min(fresh.distinct, fresh.cells) if fresh is not None else None,
                support=found.rows,
                samples=tables.samples,
                detail=tables.detail
                | {"by": which, "distinct_rows": found.distinct, "effective_cells": found.cells, "rows": found.rows},
            ),
        )


def _joined(tables: Compared) -> "pd.DataFrame":
    import pandas as pd

    return pd.concat([part for part in (tables.train, tables.holdout) if len(part)], ignore_index=True)


@dataclass(frozen=True, slots=True)
class _Ratios:
    distinct: float
    distinct_deviation: float
    cells: float
    cells_deviation: float
    rows: int


def _ratios(evidence: Evidence, real: "pd.DataFrame", fake: "pd.DataFrame") -> _Ratios:
    rng, size = generator(evidence.seed, "diversity"), min(len(real), len(fake))
    kept = [np.sort(rng.permutation(len(table))[:size]) for table in (real, fake)]
    distinct = [
        evidence.memo.of(("distinct", evidence.seed, size), (real,), lambda: _distinct(real, kept[0])),
        _distinct(fake, kept[1]),
    ]
    ratio = distinct[1] / distinct[0]
    spread = np.sqrt(sum((1 - share) / (share * size) for share in distinct))
    keys = row_keys(
        [coarse_codes(evidence, table, TRIPLES)[rows] for table, rows in zip((real, fake), kept, strict=True)]
    )
    entropies = [_entropy(each) for each in keys]
    cells = float(np.exp(entropies[1][0] - entropies[0][0]))
    log_spread = float(np.sqrt(entropies[0][1] + entropies[1][1]))
    return _Ratios(min(MOST, ratio), float(ratio * spread), min(MOST, cells), min(MOST, cells * log_spread), size)


def _distinct(table: "pd.DataFrame", rows: Rows) -> float:
    return 1 - float(table.iloc[rows].duplicated().mean())


def _entropy(keys: Rows) -> tuple[float, float]:
    """In nats, with its variance over samples of as many rows."""
    counts = np.unique(keys, return_counts=True)[1]
    shares = counts / len(keys)
    logs = np.log(shares)
    entropy = -float(shares @ logs)
    return entropy, max(0.0, float(shares @ logs**2) - entropy**2) / len(keys)
