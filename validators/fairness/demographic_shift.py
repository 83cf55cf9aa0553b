"""Whether subgroups have the shares that they have in real rows, all of them together."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from schemas.finding import Finding, Gate
from validators.fairness.slices import slice_codes, subgroup_columns
from validators.protocol import Evidence
from validators.statistics import Z95
from validators.utility.learning import as_compared
from validators.verdicts import hold, require

LEAST = 100
Shares = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DemographicShift:
    """Total variation between the joint shares of the contract's subgroup columns in synthetic and in real rows.

    Real rows are train and holdout together. What two samples of one population differ by on average is taken off in
    quadrature. The interval is that of the rows, and only one that lies above the limit fails. The baseline compares
    train and holdout. Each column by itself stands in the detail.
    """

    metric: str = "demographic_shift"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding, or none without subgroups; raises ``InsufficientEvidence`` below 100 rows of any table."""
        columns = subgroup_columns(evidence)
        if not columns:
            return ()
        changed, detail = as_compared(evidence)
        tables = {"synthetic": changed.synthetic, "train": changed.train, "holdout": changed.holdout}
        for what, table in tables.items():
            require(len(table), LEAST, f"{what} rows")
        fake, train, held = (slice_codes(changed, table) for table in tables.values())
        real = np.concatenate([train, held])
        value, low, high = shift(*_counts(fake, real))
        each = {column.name: shift(*_counts(fake[:, [j]], real[:, [j]]))[0] for j, column in enumerate(columns)}
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                value,
                interval=(low, high),
                rule="confident",
                baseline=shift(*_counts(train, held))[0],
                support=len(fake),
                samples={what: len(table) for what, table in tables.items()},
                detail=detail | {"columns": each},
            ),
        )


def shift(fake: Shares, real: Shares) -> tuple[float, float, float]:
    """Total variation of two tables of counts beyond sampling noise, with a 95 % interval."""
    n, m = fake.sum(), real.sum()
    p, q, pooled = fake / n, real / m, (fake + real) / (n + m)
    noise = 0.5 * float(np.sqrt(2 / np.pi * pooled * (1 - pooled) * (1 / n + 1 / m)).sum())
    variation, sign = 0.5 * float(np.abs(p - q).sum()), np.sign(p - q)
    spread = sum(0.25 * float((s * sign**2).sum() - (s * sign).sum() ** 2) / k for s, k in ((p, n), (q, m)))
    half = Z95 * float(np.sqrt(max(0.0, spread)))
    value, low, high = (
        float(np.sqrt(max(0.0, max(0.0, each) ** 2 - noise**2)))
        for each in (variation, variation - half, variation + half)
    )
    return value, low, high


def _counts(fake: Any, real: Any) -> tuple[Shares, Shares]:
    """How many rows of either side have each combination of codes."""
    _, cells = np.unique(np.concatenate([fake, real]), axis=0, return_inverse=True)
    cells = cells.ravel()
    size = int(cells.max()) + 1
    counted = (
        np.bincount(side, minlength=size).astype(np.float64) for side in (cells[: len(fake)], cells[len(fake) :])
    )
    left, right = counted
    return left, right
