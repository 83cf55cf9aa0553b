"""What a detector did on streams whose changes are known: delays, false alarms, CPU."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_SHOWN = 20

Alarm = tuple[int, tuple[str, ...]]
"""After how many rows it came, and the columns that it names (none: it names none)."""


@dataclass(slots=True)
class Outcome:
    """Delays in rows (None: not found), false alarms in how many stationary rows, CPU seconds for how many rows.

    An alarm after the change counts whichever column it names: a delay as long as the rows between a detector's
    false alarms is chance. ``named`` counts the changes whose first alarm names one of the columns that changed.
    """

    delays: list[int | None] = field(default_factory=list)
    named: int = 0
    alarms: int = 0
    false: list[Alarm] = field(default_factory=list)
    stationary: int = 0
    seconds: float = 0.0
    rows: int = 0

    def add(self, alarms: Sequence[Alarm], rows: int, seconds: float) -> None:
        """A stream that never changes."""
        self.alarms += len({row for row, _ in alarms})
        self.false = [*self.false, *alarms][:_SHOWN]
        self.stationary += rows
        self.seconds, self.rows = self.seconds + seconds, self.rows + rows

    def add_change(
        self, alarms: Sequence[Alarm], change: int, columns: Sequence[str], rows: int, seconds: float
    ) -> None:
        """A stream that changes at row ``change``; alarms up to there are false."""
        self.add([alarm for alarm in alarms if alarm[0] <= change], change, seconds)
        self.rows += rows - change
        after = sorted(alarm for alarm in alarms if alarm[0] > change)
        self.delays.append(after[0][0] - change if after else None)
        first = {name for row, names in after if row == after[0][0] for name in names}
        self.named += bool(first & set(columns))

    def merge(self, other: "Outcome") -> None:
        """Take in what was seen on other streams, delays included."""
        self.delays += other.delays
        self.false = [*self.false, *other.false][:_SHOWN]
        for name in ("named", "alarms", "stationary", "seconds", "rows"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def delay(self) -> float | None:
        """The median over all runs, a change that was missed being later than any other; None where that is the
        median.
        """
        ordered = sorted(float("inf") if delay is None else delay for delay in self.delays)
        middle = statistics.median(ordered) if ordered else float("inf")
        return None if middle == float("inf") else middle

    @property
    def per_million(self) -> float:
        """False alarms in a million stationary rows."""
        return 1e6 * self.alarms / max(1, self.stationary)

    def document(self) -> dict[str, Any]:
        """As JSON: bounds are one-sided at 95 %."""
        found = sum(delay is not None for delay in self.delays)
        return {
            "delay_rows": self.delay,
            "delays": self.delays,
            "found": found,
            "named": self.named,
            "runs": len(self.delays),
            "false_alarms": self.alarms,
            "first_false_alarms": self.false,
            "stationary_rows": self.stationary,
            "false_alarms_per_million": round(self.per_million, 3),
            "false_alarms_per_million_at_most": round(at_most(self.alarms, self.stationary), 3),
            "cpu_us_per_row": round(1e6 * self.seconds / max(1, self.rows), 3),
        }


def at_most(alarms: int, rows: int) -> float:
    """The exact upper bound at 95 % of a Poisson rate per million rows (Garwood)."""
    from scipy.stats import chi2

    return float(chi2.ppf(0.95, 2 * (alarms + 1)) / 2 / max(1, rows) * 1e6)
