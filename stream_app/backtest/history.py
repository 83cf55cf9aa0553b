"""A recorded history in the order of its time, cut into a first snapshot and the rows that stream in after it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from schemas.contract import Contract
from schemas.errors import ContractError, InputError
from schemas.table import conform
from stream_app.core.drift.reference import MINIMUM_ROWS, in_time_order

if TYPE_CHECKING:
    import pandas as pd

Times = npt.NDArray[np.int64]
DAY_MS = 86_400_000
MOST_DAYS = 36_525
"""A longer history has a wrong time in it: every one of its days would be replayed."""

_LAST_MS = 9_214_646_400_000
"""2262, the end of pandas' time."""
SHARE, MOST_ROWS = 5, 10_000
"""A snapshot is a fifth of the rows, at most so many, unless the caller says otherwise."""


@dataclass(frozen=True)
class History:
    """``times`` (rows,) int64 milliseconds since 1970 of the rows of ``frame``, never falling; the first
    ``reference_rows`` are the snapshot. ``timed``: the times are the rows' own, not those of an assumed rate.
    """

    frame: "pd.DataFrame"
    times: Times
    reference_rows: int
    timed: bool
    sha256: str

    @property
    def rows(self) -> int:
        """Rows that stream in."""
        return len(self.frame) - self.reference_rows

    def shown(self, at: int) -> str:
        """A time for people: as in UTC, or days since the first row where the clock is assumed."""
        if not self.timed:
            return f"day {(at - int(self.times[0])) / DAY_MS:.1f}"
        return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M}"

    def row_at(self, at: int) -> int:
        """The first row that came at this time or later (milliseconds)."""
        return int(np.searchsorted(self.times, at))

    def shuffled(self, seed: int, time: str | None) -> "History":
        """The same rows in random order, at the same times: a stream in which nothing ever moves."""
        order = np.random.default_rng(seed).permutation(len(self.frame))
        mixed = self.frame.iloc[order].reset_index(drop=True)
        if time is not None:
            mixed[time] = self.frame[time].array
        return replace(self, frame=mixed)


def history_of(
    frame: "pd.DataFrame", contract: Contract, sha256: str, reference_rows: int | None, rows_per_day: int
) -> History:
    """The rows by the contract's time column where it has one, else as given, at ``rows_per_day``.

    Raises ``InputError`` on too few rows, ``ContractError`` where columns of the contract are absent or cannot order.
    """
    _check_columns(frame, contract)
    reference_rows = (
        min(max(MINIMUM_ROWS, len(frame) // SHARE), MOST_ROWS) if reference_rows is None else reference_rows
    )
    if reference_rows < MINIMUM_ROWS:
        raise InputError(f"a snapshot needs at least {MINIMUM_ROWS} rows; {reference_rows} were asked for")
    if len(frame) <= reference_rows:
        raise InputError(
            f"the history has {len(frame)} rows: more than the {reference_rows} of the snapshot are needed, "
            "or nothing is left to stream"
        )
    ordered = _ordered(frame, contract).reset_index(drop=True)
    seconds = _seconds(ordered, contract)
    if seconds is None:
        times = DAY_MS + np.arange(len(ordered), dtype=np.int64) * DAY_MS // rows_per_day
    else:
        times = np.maximum.accumulate((seconds * 1000).astype(np.int64))
    if times[0] < 0 or times[-1] >= _LAST_MS:
        raise InputError("the history has times before 1970 or after 2261: these cannot be replayed")
    if (days := int(times[-1] - times[0]) // DAY_MS) > MOST_DAYS:
        raise InputError(f"the history spans {days} days, at most {MOST_DAYS} are replayed: look at its times")
    return History(ordered, times, reference_rows, seconds is not None, sha256)


def _check_columns(frame: "pd.DataFrame", contract: Contract) -> None:
    names = [str(name) for name in frame.columns]
    if len(set(names)) != len(names):
        raise InputError("the history names a column twice")
    needed = [column.name for column in contract.columns if column.role in ("modelled", "entity", "time")]
    if missing := sorted(set(needed) - set(names)):
        raise ContractError(f"the history lacks columns of the contract: {', '.join(missing)}")


def _ordered(frame: "pd.DataFrame", contract: Contract) -> "pd.DataFrame":
    if contract.time is None:
        return frame
    cells = conform(frame[[contract.time]], contract, roles=("time",)).table[contract.time]
    if bool(cells.isna().any()):
        raise ContractError(f"{int(cells.isna().sum())} rows have no time in {contract.time}: none can order them")
    return in_time_order(frame, contract)


def _seconds(frame: "pd.DataFrame", contract: Contract) -> "npt.NDArray[np.float64] | None":
    """(rows,) seconds since 1970, where the time column tells dates or times."""
    if contract.time is None or contract.column(contract.time).type not in ("date", "timestamp"):
        return None
    cells: Any = conform(frame[[contract.time]], contract, roles=("time",)).table[contract.time]
    found: npt.NDArray[np.float64] = cells.to_numpy(dtype="datetime64[us]").astype(np.int64) / 1e6
    return found
