"""The drift station's work on rows: a reference from a snapshot, and the watch over what comes after it."""

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.contract import Contract, Role
from schemas.events import derive_id
from schemas.events.sources import DriftDetected, SourceRef
from schemas.table import conform
from stream_app.adapters.jobs import Progress
from stream_app.adapters.workplace import Workplace
from stream_app.agents.inputs import TRAIN, read_source
from stream_app.core.drift.live import LiveSummary
from stream_app.core.drift.reference import Reference, build_reference
from stream_app.core.drift.sign import DriftSign
from stream_app.core.drift.tracker import Tracker

if TYPE_CHECKING:
    import pandas as pd

WATCHED: tuple[Role, ...] = ("modelled", "entity", "time")
DETECTOR = "perennial-drift-1"


@dataclass(frozen=True, slots=True)
class Profiled:
    """What the first look at a snapshot gave: the reference to compare with, and what may be said of it."""

    reference: Reference
    rows: int
    train_rows: int


def profile(workplace: Workplace, contract: Contract, source: SourceRef, progress: Progress) -> Profiled:
    """Read a snapshot and count it, on a pool process; raises what ``read_source`` raises."""
    from generators.entities import split, units

    progress(0.1, "reading the snapshot")
    table = conform(read_source(workplace, source), contract, roles=WATCHED).table
    progress(0.6, "counting the reference profile")
    share = split(units(table, contract), workplace.secret("split"), contract.policy.split)
    return Profiled(build_reference(table, contract), len(table), int((share == TRAIN).sum()))


def rebase(window: "pd.DataFrame", contract: Contract, _: Progress) -> Reference:
    """A new reference from a window of live rows, on a pool process."""
    return build_reference(window, contract)


@dataclass(slots=True)
class Watch:
    """The live rows of one dataset since its snapshot: a pure function of the rows and of the window size.

    Watching: the tracker looks for drift. Once a sign is found, rows are gathered until ``window_rows`` of the new kind
    are there; then the caller seals the window, and ``follow`` makes it the reference for what comes next.
    """

    contract: Contract
    source: SourceRef
    tracker: Tracker
    window_rows: int
    rows: int = 0
    sign: DriftSign | None = None
    base: int = 0
    recent: "deque[tuple[int, pd.DataFrame]]" = field(default_factory=deque)
    shape: str = ""
    summary: LiveSummary = field(default_factory=LiveSummary)

    def observe(self, frame: "pd.DataFrame") -> DriftSign | None:
        """Take typed rows; the first sign of a drift, or nothing."""
        self.recent.append((self.rows, frame))
        self.rows += len(frame)
        if self.sign is None:
            signs = self.tracker.observe(frame)
            self.sign = signs[0] if signs else None
            self._forget()
            return self.sign
        return None

    def window(self) -> "pd.DataFrame | None":
        """The rows since the drift began, once there are enough of them."""
        import pandas as pd

        if self.sign is None or self.rows - self.since < self.window_rows:
            return None
        kept = pd.concat([frame for _, frame in self.recent], ignore_index=True)
        return kept.iloc[max(0, len(kept) - (self.rows - self.since)) :].reset_index(drop=True)

    def remove(self, frame: "pd.DataFrame") -> None:
        """Take deleted rows out of what a window would hold; counts that were compared already stay as they were."""
        import pandas as pd

        gone = set(pd.util.hash_pandas_object(frame, index=False))
        self.recent = deque(
            (start, kept[~pd.util.hash_pandas_object(kept, index=False).isin(gone)]) for start, kept in self.recent
        )

    def follow(self, reference: Reference) -> None:
        """Compare with a new reference from here on."""
        self.tracker = Tracker(reference)
        self.sign, self.base = None, self.rows
        self.recent.clear()

    @property
    def modelled(self) -> tuple[str, ...]:
        """The columns that the figures for operators speak of: neither the entity nor the time."""
        return tuple(column.name for column in self.contract.modelled)

    @property
    def since(self) -> int:
        """The row of the stream since which the drift holds."""
        return self.base + (0 if self.sign is None else self.sign.since_row)

    def event(self, sign: DriftSign, window: SourceRef | None) -> DriftDetected:
        """The event of a sign; its id is a function of the profile and of the rows, so a replay repeats it."""
        row = self.base + sign.row
        stage = "sealed" if window else "seen"
        name = derive_id("drift", self.source.sha256, self.shape, row, sign.kind, *sign.columns, stage)
        return DriftDetected(
            event_id=name,
            dataset=self.contract.dataset,
            kind=sign.kind,
            columns=sign.columns,
            effect=sign.effect,
            effect_unit=sign.unit,
            statistic=sign.statistic,
            threshold=sign.threshold,
            row=row,
            since_row=self.since,
            since_time=self._time_of(self.since),
            detector=DETECTOR,
            window=window,
        )

    def _time_of(self, row: int) -> str | None:
        column = self.contract.time
        if column is None:
            return None
        for start, frame in self.recent:
            if start <= row < start + len(frame) and column in frame.columns:
                value = frame[column].iloc[row - start]
                return None if value is None or value != value else str(value)
        return None

    def _forget(self) -> None:
        """Keep what a window may still need: the rows of the last ``window_rows``."""
        while len(self.recent) > 1 and self.rows - self.recent[1][0] >= self.window_rows:
            self.recent.popleft()


def typed(frame: "pd.DataFrame", contract: Contract) -> "pd.DataFrame":
    """Live rows as the watch wants them."""
    return conform(frame, contract, roles=WATCHED).table
