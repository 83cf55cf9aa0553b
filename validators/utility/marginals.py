"""Whether each column by itself is distributed as in rows that no generator saw."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from schemas.finding import Finding, Gate
from validators.encoding import Codes, binned
from validators.protocol import Evidence
from validators.statistics import generator, normal_interval
from validators.utility.conditioning import compared
from validators.utility.histograms import resampled_deviation, similarity
from validators.verdicts import hold, require

LEAST = 100
BOOTSTRAP_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class MarginalFidelity:
    """Mean over columns of 1 - total variation against the holdout, on up to 20 shared bins or 40 categories, missing
    as one more.

    The baseline is the train rows' own value. The worst columns stand in the detail.
    """

    metric: str = "marginal_fidelity"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` below 100 synthetic or holdout rows."""
        tables = compared(evidence)
        require(len(tables.synthetic), LEAST, "synthetic rows")
        require(len(tables.holdout), LEAST, "holdout rows")
        columns = evidence.contract.modelled
        coded = binned([tables.train, tables.holdout], columns)
        train, holdout, fake = (coded.codes(table) for table in (tables.train, tables.holdout, tables.synthetic))
        each = {column.name: similarity(holdout[:, j], fake[:, j], coded.sizes[j]) for j, column in enumerate(columns)}
        value = float(np.mean(list(each.values())))
        baseline = (
            [similarity(holdout[:, j], train[:, j], size) for j, size in enumerate(coded.sizes)] if len(train) else []
        )
        deviation = _deviation(holdout, fake, coded.sizes, generator(evidence.seed, self.metric))
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                value,
                interval=normal_interval(value, deviation),
                support=min(len(holdout), len(fake)),
                baseline=float(np.mean(baseline)) if baseline else None,
                detail=tables.detail | {"worst": worst(each)},
            ),
        )


def worst(each: dict[str, float], shown: int = 5) -> dict[str, float]:
    """The lowest few, lowest first."""
    return dict(sorted(each.items(), key=lambda item: (item[1], item[0]))[:shown])


def _deviation(holdout: Codes, fake: Codes, sizes: tuple[int, ...], rng: np.random.Generator) -> float:
    """By resampling at most 5,000 rows of each side, scaled to all of them."""
    some, other = (rng.permutation(len(table))[:BOOTSTRAP_ROWS] for table in (holdout, fake))
    columns = range(len(sizes))
    found = resampled_deviation(
        [holdout[some, j] for j in columns], [fake[other, j] for j in columns], list(sizes), rng
    )
    return found * float(np.sqrt((1 / len(holdout) + 1 / len(fake)) / (1 / len(some) + 1 / len(other))))
