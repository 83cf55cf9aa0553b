"""Whether synthetic rows lie nearer to the rows that were fitted than to rows that were not."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from schemas.finding import Finding, Gate
from validators.distances.points import METRICS, Metric
from validators.distances.views import points
from validators.privacy.sides import Compared, Share, drawn, sides
from validators.protocol import Evidence
from validators.statistics import Interval, Reals, generator
from validators.verdicts import hold, require

ROWS = 10_000
LEAST = 100
LEVELS = tuple(level / 20 for level in range(21))


@dataclass(frozen=True, slots=True)
class NeighbourRisk:
    """max(0, 2 (share - 1/2)), where ``share`` of the synthetic rows is nearer to train than to an equally large
    holdout: 0 without a leak, 1 for a copy.

    The worst of six: nearest distance (DCR), and nearest over second nearest distance (NNDR), under Gower's, Euclid's
    and Mahalanobis's distance, exact. For DCR sides of unequal size are not cut down: a row's nearest neighbour is a
    train row with odds n_train / n_holdout under the null, and the share is corrected for these. For NNDR, whose
    null has no such form, the larger side is cut to the smaller's size. Of rows equally near one is drawn, so that the
    null holds on a lattice too, where the larger side would else win ties by its size. Drawn by seed are at most
    10,000 synthetic rows, and 32,768 of either side. The baseline is the worst share's risk for the attacker's
    reference rows. Clopper-Pearson interval over synthetic rows, carried to the risk.
    """

    metric: str = "neighbour_risk"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` below 100 rows on any of the three sides."""
        require(len(evidence.synthetic), LEAST, "synthetic rows")
        require(len(evidence.train), LEAST, "training rows")
        require(len(evidence.holdout), LEAST, "holdout rows")
        found = {metric: _compared(evidence, metric, "synthetic", ROWS) for metric in METRICS}
        shares: dict[tuple[Metric, str], Share] = {}
        for metric, each in found.items():
            shares |= {(metric, "dcr"): each.dcr, (metric, "nndr"): each.nndr}
        worst = max(shares, key=lambda name: shares[name].value)
        real = sides(evidence, "gower")
        used = shares[worst].rows
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                risk(shares[worst].value),
                rule="cautious",
                support=used,
                samples={"synthetic": used, "train": real.train_rows, "holdout": real.holdout_rows},
                interval=_risks(shares[worst].interval),
                baseline=_baseline(evidence, *worst),
                detail={
                    "worst": list(worst),
                    "synthetic_rows_used": used,
                    "training_rows_used": real.train_rows,
                    "holdout_rows_used": real.holdout_rows,
                    "quantile_levels": list(LEVELS),
                    "rows_a_side_of_quantiles": min(real.train_rows, real.holdout_rows),
                    "distances": {metric: _told(each) for metric, each in found.items()},
                },
            ),
        )


def risk(share: float) -> float:
    """0 where the share is at most a half, 1 where it is 1."""
    return max(0.0, 2 * (share - 0.5))


def _risks(interval: Interval) -> Interval:
    return risk(interval[0]), risk(interval[1])


def _compared(evidence: Evidence, metric: Metric, which: Literal["synthetic", "reference"], most: int) -> Compared:
    table = evidence.synthetic if which == "synthetic" else evidence.reference
    queries = drawn(points(evidence, table, metric), most, evidence.seed, f"neighbour_risk {which}")
    return sides(evidence, metric).compare(queries, generator(evidence.seed, f"neighbour_risk {which} {metric}"))


def _baseline(evidence: Evidence, metric: Metric, kind: str) -> float | None:
    """The reference rows' own risk, the same for each candidate."""
    if len(evidence.reference) < LEAST:
        return None
    real = (evidence.train, evidence.holdout, evidence.reference)
    found = evidence.memo.of(
        ("neighbour risk of the reference", metric, evidence.seed),
        real,
        lambda: _compared(evidence, metric, "reference", ROWS // 2),
    )
    return risk((found.dcr if kind == "dcr" else found.nndr).value)


def _told(found: Compared) -> dict[str, Any]:
    """Shares, and quantiles of the distance to the nearest row of sides of one size."""
    return {
        "dcr_share": found.dcr.value,
        "dcr_share_interval": list(found.dcr.interval),
        "nndr_share": found.nndr.value,
        "nndr_share_interval": list(found.nndr.interval),
        "dcr_to_train": _quantiles(found.to_train),
        "dcr_to_holdout": _quantiles(found.to_holdout),
        "median_dcr": [float(np.median(found.to_train)), float(np.median(found.to_holdout))],
        "low_dcr": [float(np.quantile(side, 0.05)) for side in (found.to_train, found.to_holdout)],
        "copies": [float((side == 0).mean()) for side in (found.to_train, found.to_holdout)],
    }


def _quantiles(distance: Reals) -> list[float]:
    return [float(f"{value:.6g}") for value in np.quantile(distance, LEVELS)]
