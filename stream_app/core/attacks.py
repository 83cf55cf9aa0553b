"""When a release that is in use meets the attacks again; no clock and no state of its own."""

from dataclasses import dataclass
from typing import Literal

DAY_MS = 86_400_000
Cause = Literal["schedule", "suite"]


@dataclass(frozen=True, slots=True)
class LastAttack:
    """The last time that a release met the attacks: when (milliseconds, broker time), which suite, which look it was.

    The gate before certification is the first. ``suite`` is absent where nobody wrote it down.
    """

    at: int
    suite: str | None
    look: int


def due(last: LastAttack, suite: str, now: int, days: int) -> Cause | None:
    """Why a release must be attacked now, or nothing. Attacks that changed come before the schedule."""
    if last.suite != suite:
        return "suite"
    return "schedule" if now - last.at >= days * DAY_MS else None
