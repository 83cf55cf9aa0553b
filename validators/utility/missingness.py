"""Whether cells are missing as often, and together with the same others, as in rows that no generator saw."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from schemas.finding import Finding, Gate
from validators.encoding import MISSING
from validators.protocol import Evidence
from validators.statistics import Z95, Reals
from validators.utility.conditioning import compared
from validators.utility.histograms import LEAST
from validators.verdicts import hold, require
from validators.views import codes

if TYPE_CHECKING:
    import pandas as pd

RATIO = 0.05


@dataclass(frozen=True, slots=True)
class Missingness:
    """Largest difference from the holdout of the share of rows in which a column, or two columns both, are missing.

    What a column loses by itself counts in proportion too, .05 times the logarithm of the ratio of its shares: a factor
    of five is as much as .08, so that 6 % of missing cells cannot be lost unseen. Of all columns and pairs that one
    counts whose difference is surest; adjusted Wald interval of a difference of shares. The baseline is the train rows'
    own value.
    """

    metric: str = "missingness"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` below 100 synthetic or holdout rows."""
        tables = compared(evidence)
        require(len(tables.synthetic), LEAST, "synthetic rows")
        require(len(tables.holdout), LEAST, "holdout rows")
        train, holdout, fake = (_both(evidence, each) for each in (tables.train, tables.holdout, tables.synthetic))
        value, half = _with_ratios(holdout, fake, len(tables.holdout), len(tables.synthetic))
        place = np.unravel_index(np.lexsort((value.ravel(), (value - half).ravel()))[-1], value.shape)
        found = float(value[place])
        columns, n = evidence.contract.modelled, len(tables.holdout)
        alone = np.abs(np.diag(holdout) / n - np.diag(fake) / len(tables.synthetic))
        named = {columns[j].name: float(alone[j]) for j in np.argsort(-alone, kind="stable")[:10] if alone[j] > 0}
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                found,
                interval=(max(0.0, found - float(half[place])), min(1.0, found + float(half[place]))),
                rule="confident",
                baseline=float(_difference(holdout, train, n, len(tables.train))[0].max())
                if len(tables.train)
                else None,
                support=min(n, len(tables.synthetic)),
                samples=tables.samples,
                detail=tables.detail | {"columns": sorted({columns[int(j)].name for j in place}), "differences": named},
            ),
        )


def _both(evidence: Evidence, table: "pd.DataFrame") -> Reals:
    """(n_columns, n_columns) rows in which both columns are missing; each column's own on the diagonal."""

    def compute() -> Reals:
        missing = (codes(evidence, table) == MISSING).astype(np.float64)
        return np.asarray(missing.T @ missing, dtype=np.float64)

    return evidence.memo.of("missing", (evidence.train, evidence.holdout, table), compute)


def _with_ratios(left: Reals, right: Reals, rows: int, others: int) -> tuple[Reals, Reals]:
    """The differences; a column's own is how many times fewer the right has where that is surer to be large."""
    value, half = _difference(left, right, rows, others)
    many, few = np.diag(left) + 0.5, np.diag(right) + 0.5
    ratio = RATIO * np.maximum(0.0, np.log(many / (rows + 1)) - np.log(few / (others + 1)))
    reach = RATIO * Z95 * np.sqrt(1 / few + 1 / many)
    surer = ratio - reach > np.diag(value) - np.diag(half)
    np.fill_diagonal(value, np.where(surer, np.minimum(1.0, ratio), np.diag(value)))
    np.fill_diagonal(half, np.where(surer, reach, np.diag(half)))
    return value, half


def _difference(left: Reals, right: Reals, rows: int, others: int) -> tuple[Reals, Reals]:
    """|difference of shares| and half of its 95 % interval's width (Agresti and Caffo 2000)."""
    shares = [(left + 1) / (rows + 2), (right + 1) / (others + 2)]
    spread = shares[0] * (1 - shares[0]) / (rows + 2) + shares[1] * (1 - shares[1]) / (others + 2)
    return np.abs(left / rows - right / others), Z95 * np.sqrt(spread)
