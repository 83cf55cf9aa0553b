"""Whether everything that is common enough in the real table occurs in the synthetic one."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from schemas.finding import Finding, Gate
from validators.protocol import Evidence
from validators.statistics import Reals, generator, normal_interval
from validators.utility.coarse import column_counts
from validators.utility.conditioning import compared
from validators.utility.histograms import LEAST
from validators.utility.marginals import worst
from validators.verdicts import hold, require

EXPECTED = 5


@dataclass(frozen=True, slots=True)
class Coverage:
    """Mean over columns of the share of the real categories and ranges (20 bins) that occur in the synthetic table.

    Counted are those of which a fresh sample as large as the synthetic table would hold 5 or more. The baseline asks
    the same of as many holdout rows. The interval resamples columns.
    """

    metric: str = "coverage"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` below 100 synthetic or real rows."""
        tables, columns = compared(evidence), evidence.contract.modelled
        require(len(tables.synthetic), LEAST, "synthetic rows")
        require(min(len(tables.holdout), len(tables.train)), LEAST, "real rows")
        train, holdout, fake = (
            column_counts(evidence, table) for table in (tables.train, tables.holdout, tables.synthetic)
        )
        each = {column.name: _covered(train[j], fake[j]) for j, column in enumerate(columns)}
        baseline = [_covered(train[j], holdout[j]) for j in range(len(columns))]
        values = np.array(list(each.values()))
        rng = generator(evidence.seed, self.metric)
        deviation = float(values[rng.integers(0, len(values), (200, len(values)))].mean(axis=1).std())
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                float(values.mean()),
                interval=normal_interval(float(values.mean()), deviation),
                baseline=float(np.mean(baseline)),
                support=len(tables.synthetic),
                samples=tables.samples,
                detail=tables.detail | {"worst": worst(each)},
            ),
        )


def _covered(real: Reals, fake: Reals) -> float:
    common = real * min(1.0, fake.sum() / real.sum()) >= EXPECTED
    return float((fake[common] > 0).mean()) if common.any() else 1.0
