"""Whether synthetic numbers stay within what real rows reach."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from schemas.finding import Finding, Gate
from validators.protocol import Evidence
from validators.statistics import Reals, clopper_pearson
from validators.utility.coarse import number_matrix, number_places
from validators.utility.conditioning import compared
from validators.utility.histograms import LEAST
from validators.utility.marginals import worst
from validators.verdicts import hold, require


@dataclass(frozen=True, slots=True)
class BoundaryAdherence:
    """The lowest share, over columns, of present synthetic numbers and times within the range of train and holdout.

    The baseline asks it of the holdout against train alone; Clopper-Pearson interval of the worst column. No finding
    without such columns.
    """

    metric: str = "boundary_adherence"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or none; raises ``InsufficientEvidence`` below 100 synthetic or real rows."""
        tables = compared(evidence)
        require(len(tables.synthetic), LEAST, "synthetic rows")
        require(len(tables.holdout), LEAST, "holdout rows")
        places = number_places(evidence)
        if not places:
            return ()
        train, holdout, fake = (
            number_matrix(evidence, each) for each in (evidence.train, evidence.holdout, tables.synthetic)
        )
        real = (evidence.train, evidence.holdout)
        within, present = _within(
            fake, evidence.memo.of("range", real, lambda: _range(np.concatenate([train, holdout])))
        )
        share = np.where(present > 0, within / np.maximum(1, present), 1.0)
        k = int(share.argmin())
        names = [evidence.contract.modelled[j].name for j in places]
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                float(share[k]),
                interval=clopper_pearson(int(within[k]), int(present[k])) if present[k] else None,
                baseline=_lowest(*_within(holdout, _range(train))) if len(train) else None,
                support=int(present[k]),
                samples=tables.samples,
                detail=tables.detail
                | {"column": names[k], "worst": worst(dict(zip(names, share.tolist(), strict=True)))},
            ),
        )


def _range(numbers: Reals) -> tuple[Reals, Reals]:
    """(n_columns,) smallest and largest present number; nothing lies within those of an empty column."""
    missing = np.isnan(numbers)
    low = np.where(missing, np.inf, numbers).min(axis=0, initial=np.inf)
    return low, np.where(missing, -np.inf, numbers).max(axis=0, initial=-np.inf)


def _within(numbers: Reals, ends: tuple[Reals, Reals]) -> tuple[Reals, Reals]:
    """(n_columns,) how many numbers lie within ``ends``, and how many there are."""
    inside = ((numbers >= ends[0]) & (numbers <= ends[1])).sum(axis=0)
    return inside.astype(np.float64), (~np.isnan(numbers)).sum(axis=0).astype(np.float64)


def _lowest(within: Reals, present: Reals) -> float:
    return float(np.where(present > 0, within / np.maximum(1, present), 1.0).min())
