"""Whether the target's classes keep their shares."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from schemas.finding import Finding, Gate
from validators.protocol import Evidence
from validators.statistics import Z95
from validators.utility.coarse import column_counts
from validators.utility.conditioning import compared
from validators.utility.histograms import LEAST, noise, shares, total_variation
from validators.verdicts import hold, require

SHOWN = 20


@dataclass(frozen=True, slots=True)
class ClassBalance:
    """Total variation of the target from the holdout: classes, or up to 20 bins of a number, missing as one more.

    The interval's lower end allows for what sampling adds. The baseline is the train rows' own value. Detail: shares by
    code, real beside synthetic. No finding without a target.
    """

    metric: str = "class_balance"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or none; raises ``InsufficientEvidence`` below 100 synthetic or holdout rows."""
        name = evidence.contract.policy.target
        if name is None:
            return ()
        tables = compared(evidence)
        require(len(tables.synthetic), LEAST, "synthetic rows")
        require(len(tables.holdout), LEAST, "holdout rows")
        place = [column.name for column in evidence.contract.modelled].index(name)
        train, real, fake = (
            column_counts(evidence, each)[place] for each in (tables.train, tables.holdout, tables.synthetic)
        )
        value, half = total_variation(real, fake), 0.5 * Z95 * float(np.sqrt(1 / real.sum() + 1 / fake.sum()))
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                value,
                interval=(max(0.0, value - half - noise(real, fake)), min(1.0, value + half)),
                rule="confident",
                baseline=total_variation(real, train) if len(tables.train) else None,
                support=min(len(tables.holdout), len(tables.synthetic)),
                samples=tables.samples,
                detail=tables.detail
                | {"real": shares(real)[:SHOWN].tolist(), "synthetic": shares(fake)[:SHOWN].tolist()},
            ),
        )
