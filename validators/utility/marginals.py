"""Whether each column by itself is distributed as in rows that no generator saw."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from schemas.finding import Finding, Gate
from validators.protocol import Evidence
from validators.statistics import Z95, generator, normal_interval
from validators.utility.coarse import column_counts, number_places, samples
from validators.utility.conditioning import Compared, compared
from validators.utility.histograms import LEAST, deviation, rows_of, sampled, shares
from validators.utility.shapes import Shape, shape
from validators.verdicts import hold, require
from validators.views import codes, names

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 12


@dataclass(frozen=True, slots=True)
class MarginalFidelity:
    """Mean over columns of 1 - total variation against the holdout, on up to 20 shared bins or 40 categories, missing
    as one more; and the worst column, so that one broken among many does not hide in a mean.

    The worst column's value is 1 - the larger of Kolmogorov-Smirnov and total variation; only where sampling cannot
    explain it does it fail. The baselines are the train rows' own values. Detail: Kolmogorov-Smirnov, total variation,
    Cramer's V of column against table, and Wasserstein of the worst columns; ``column_shapes`` is the mean score as
    ``sdmetrics`` defines it.
    """

    metric: str = "marginal_fidelity"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """Two findings; raises ``InsufficientEvidence`` below 100 synthetic or holdout rows."""
        tables = compared(evidence)
        require(len(tables.synthetic), LEAST, "synthetic rows")
        require(len(tables.holdout), LEAST, "holdout rows")
        each = column_shapes(evidence, tables.holdout, tables.synthetic)
        real = (evidence.train, evidence.holdout, tables.train, tables.holdout)
        fresh = evidence.memo.of("real shapes", real, lambda: _fresh(evidence, tables))
        return self._mean(evidence, tables, each, fresh), self._worst(evidence, tables, each, fresh)

    def _mean(self, evidence: Evidence, tables: Compared, each: tuple[Shape, ...], fresh: tuple[Shape, ...]) -> Finding:
        value = 1 - float(np.mean([found.variation for found in each]))
        named = dict(zip(names(evidence.contract.modelled), each, strict=True))
        lowest = worst({name: 1 - found.variation for name, found in named.items()}, SHOWN)
        detail = tables.detail | {
            "worst": dict(list(lowest.items())[:5]),
            "columns": {name: named[name].figures() for name in lowest},
            "column_shapes": float(np.mean([found.reported for found in each])),
        }
        return hold(
            evidence.contract,
            self.metric,
            self.gate,
            value,
            interval=normal_interval(value, self._deviation(evidence, tables)),
            baseline=1 - float(np.mean([found.variation for found in fresh])) if len(tables.train) else None,
            support=min(len(tables.holdout), len(tables.synthetic)),
            samples=tables.samples,
            detail=detail,
        )

    def _worst(
        self, evidence: Evidence, tables: Compared, each: tuple[Shape, ...], fresh: tuple[Shape, ...]
    ) -> Finding:
        k = int(np.argmin([found.similarity for found in each]))
        value = each[k].similarity
        # No influence on either distance exceeds 1/2 a row; sampling noise only ever adds to them.
        half = 0.5 * Z95 * float(np.sqrt(1 / len(tables.holdout) + 1 / len(tables.synthetic)))
        detail = {"column": evidence.contract.modelled[k].name, "noise": each[k].noise} | each[k].figures()
        return hold(
            evidence.contract,
            "worst_column",
            self.gate,
            value,
            interval=(max(0.0, value - half), min(1.0, value + half + each[k].noise)),
            rule="confident",
            baseline=min(found.similarity for found in fresh) if len(tables.train) else None,
            support=min(len(tables.holdout), len(tables.synthetic)),
            samples=tables.samples,
            detail=tables.detail | detail,
        )

    def _deviation(self, evidence: Evidence, tables: Compared) -> float:
        rng = generator(evidence.seed, self.metric)
        sides = [codes(evidence, table) for table in (tables.holdout, tables.synthetic)]
        some, other = (rows_of(side, sampled(len(side), rng)) for side in sides)
        left, right = (column_counts(evidence, table) for table in (tables.holdout, tables.synthetic))
        signs = [np.sign(shares(a) - shares(b)) for a, b in zip(left, right, strict=True)]
        drawn = ((some[:, j], other[:, j], sign) for j, sign in enumerate(signs))
        return deviation(drawn, (len(sides[0]), len(sides[1])))


def _fresh(evidence: Evidence, tables: Compared) -> tuple[Shape, ...]:
    return column_shapes(evidence, tables.holdout, tables.train) if len(tables.train) else ()


def column_shapes(evidence: Evidence, real: "pd.DataFrame", fake: "pd.DataFrame") -> tuple[Shape, ...]:
    """One for each modelled column."""
    place = {j: k for k, j in enumerate(number_places(evidence))}
    counts = [column_counts(evidence, table) for table in (real, fake)]
    numbers = list(zip(*(samples(evidence, table) for table in (real, fake)), strict=True))
    return tuple(
        shape(a, b, numbers[place[j]] if j in place else None) for j, (a, b) in enumerate(zip(*counts, strict=True))
    )


def worst(each: dict[str, float], shown: int = 5) -> dict[str, float]:
    """The lowest few, lowest first."""
    return dict(sorted(each.items(), key=lambda item: (item[1], item[0]))[:shown])
