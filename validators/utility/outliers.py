"""Whether synthetic rows lie outside the bulk of the real ones more often than real rows do."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from schemas.finding import Finding, Gate
from validators.protocol import Evidence
from validators.statistics import Reals, clopper_pearson
from validators.utility.coarse import number_matrix, number_places
from validators.utility.conditioning import compared
from validators.utility.histograms import LEAST
from validators.verdicts import hold, require

if TYPE_CHECKING:
    import pandas as pd

BEYOND = 0.99
CAP = 10.0


@dataclass(frozen=True, slots=True)
class OutlierShare:
    """Share of synthetic rows whose scores are beyond those of 99 % of the train rows.

    A score adds up the squares of the distances of a row's numbers from the medians of train, each over the 99 %
    quantile of such distances (their standard deviation where that is 0) and capped at 10; missing cells count 0. The
    baseline is the holdout's own share; Clopper-Pearson interval. No finding without numbers.
    """

    metric: str = "outlier_share"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or none; raises ``InsufficientEvidence`` below 100 synthetic, train or holdout rows."""
        tables = compared(evidence)
        require(len(tables.synthetic), LEAST, "synthetic rows")
        require(min(len(tables.holdout), len(tables.train)), LEAST, "real rows")
        if not number_places(evidence):
            return ()
        train, holdout, fake = (scores(evidence, each) for each in (tables.train, tables.holdout, tables.synthetic))
        limit = float(np.quantile(train, BEYOND))
        beyond = int((fake > limit).sum())
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                beyond / len(fake),
                interval=clopper_pearson(beyond, len(fake)),
                rule="confident",
                baseline=float((holdout > limit).mean()),
                support=len(fake),
                samples=tables.samples,
                detail=tables.detail,
            ),
        )


def scores(evidence: Evidence, table: "pd.DataFrame") -> Reals:
    """(n_rows,) sums of squared robust distances from the middle."""
    middle, scale = evidence.memo.of("robust scale", (evidence.train,), lambda: _scale(evidence))

    def compute() -> Reals:
        with np.errstate(over="ignore", invalid="ignore"):
            z = np.abs(number_matrix(evidence, table) - middle) / scale
        return np.asarray((np.minimum(np.nan_to_num(z, nan=0.0, posinf=CAP), CAP) ** 2).sum(axis=1))

    return evidence.memo.of("outlier scores", (evidence.train, evidence.holdout, table), compute)


def _scale(evidence: Evidence) -> tuple[Reals, Reals]:
    numbers = number_matrix(evidence, evidence.train)
    middle, scale = np.zeros(numbers.shape[1]), np.ones(numbers.shape[1])
    for j, values in enumerate(numbers.T):
        present = values[~np.isnan(values)]
        if len(present):
            middle[j] = np.median(present)
            with np.errstate(over="ignore", invalid="ignore"):
                far = np.abs(present - middle[j])
                spread = np.quantile(far, BEYOND, method="inverted_cdf") or far.std()
            scale[j] = spread if np.isfinite(spread) and spread > 0 else 1.0
    return middle, scale
