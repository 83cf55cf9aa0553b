"""Whether everything that is common enough in the real table occurs in the synthetic one."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from schemas.finding import Finding, Gate
from validators.encoding import Codes, binned
from validators.protocol import Evidence
from validators.statistics import generator, normal_interval
from validators.utility.conditioning import compared
from validators.utility.marginals import LEAST, worst
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
        coded = binned([tables.train, tables.holdout], columns)
        train, holdout, fake = (coded.codes(table) for table in (tables.train, tables.holdout, tables.synthetic))
        each = {column.name: _covered(train[:, j], fake[:, j], coded.sizes[j]) for j, column in enumerate(columns)}
        baseline = [_covered(train[:, j], holdout[:, j], size) for j, size in enumerate(coded.sizes)]
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
                support=len(fake),
                detail=tables.detail | {"worst": worst(each)},
            ),
        )


def _covered(real: Codes, fake: Codes, size: int) -> float:
    counts = np.bincount(real, minlength=size)
    common = counts * min(1.0, len(fake) / len(real)) >= EXPECTED
    return float((np.bincount(fake, minlength=size)[common] > 0).mean()) if common.any() else 1.0
