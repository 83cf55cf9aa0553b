"""Times in the synthetic table that lie beyond what its contract or the real rows allow; no clock is read."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from schemas.cells import typed
from schemas.contract import Column, Range
from schemas.finding import Finding, Gate
from schemas.table import bounds
from validators.protocol import Evidence
from validators.verdicts import hold, require

if TYPE_CHECKING:
    import pandas as pd

_DAY = np.timedelta64(86_400_000_000, "us")


@dataclass(frozen=True, slots=True)
class FutureDates:
    """Cells of dates and timestamps later than the upper end of the column's domain.

    Without a domain, later than the newest real time by more than the span of the real times (a day at least). Columns
    without any real time are not judged. No finding where the release has no times.
    """

    metric: str = "future_dates"
    gate: Gate = "schema"
    looks_at: Literal["synthetic", "members"] = "synthetic"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or none; raises ``InsufficientEvidence`` on an empty table."""
        times = [column for column in evidence.contract.modelled if column.type in ("date", "timestamp")]
        if not times:
            return ()
        require(len(evidence.synthetic), 1, "synthetic rows")
        counts = {column.name: _beyond(evidence, column) for column in times}
        late = {name: count for name, count in counts.items() if count}
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                float(sum(late.values())),
                support=len(evidence.synthetic),
                samples={"synthetic": len(evidence.synthetic)},
                reason=f"in {', '.join(list(late)[:5])}" if late else None,
                detail={"columns": late, "judged": len(times)},
            ),
        )


def _beyond(evidence: Evidence, column: Column) -> int:
    latest = _latest(evidence, column)
    return 0 if latest is None else int((_arrived(evidence, column) > latest).sum())


def _arrived(evidence: Evidence, column: Column) -> "pd.Series[Any]":
    """The column as it came, for typing clips it to its domain."""
    raw = evidence.raw_synthetic
    places = [k for k, name in enumerate(raw.columns) if str(name) == column.name] if raw is not None else []
    return (
        evidence.synthetic[column.name] if raw is None or not places else typed(raw.iloc[:, places[0]], column.type)[0]
    )


def _latest(evidence: Evidence, column: Column) -> "np.datetime64 | None":
    if isinstance(column.domain, Range):
        end: np.datetime64 = bounds(column, column.domain)[1]
        return end
    real = (evidence.train, evidence.holdout, evidence.reference)
    return evidence.memo.of(
        ("latest", column.name), real, lambda: _extrapolated([table[column.name] for table in real])
    )


def _extrapolated(parts: "list[pd.Series[Any]]") -> "np.datetime64 | None":
    times = np.concatenate([part.dropna().to_numpy(dtype="datetime64[us]") for part in parts])
    return times.max() + max(times.max() - times.min(), _DAY) if len(times) else None
