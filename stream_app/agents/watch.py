"""One dataset under watch: its counter and aggregator, the drift that is being followed, and the events it gives."""

from dataclasses import dataclass, field

from schemas.contract import Contract
from schemas.drift import Kind
from schemas.errors import ContractError
from schemas.events import derive_id
from schemas.events.sources import DriftDetected, ShareMoved, SourceRef, WindowSealed
from stream_app.agents.profiling import Profiled
from stream_app.core.drift.aggregator import Aggregator, Span
from stream_app.core.drift.bins import ColumnBins
from stream_app.core.drift.counter import RowCounter
from stream_app.core.drift.live import LiveSummary
from stream_app.core.drift.severity import severity
from stream_app.core.drift.sign import DriftSign
from stream_app.core.drift.wire import Counted
from stream_app.core.drift.wording import said, shares_moved

DETECTOR = "perennial-drift-2"
_COUNTED: frozenset[Kind] = frozenset(("marginal", "missingness", "new_category"))


@dataclass(slots=True)
class Watch:
    """The live rows of one dataset since its snapshot: a function of the counts in log order.

    Once a sign is found, the caller waits until ``window_rows`` rows of the new kind have come, reads them again where
    ``spans`` says and seals them. A later sign begins a window of its own.
    """

    contract: Contract
    source: SourceRef
    profiled: Profiled
    counter: RowCounter
    aggregator: Aggregator
    window_rows: int
    shape: str = ""
    sign: DriftSign | None = None
    checked: int = 0
    summary: LiveSummary = field(default_factory=LiveSummary)

    @classmethod
    def of(
        cls, contract: Contract, source: SourceRef, profiled: Profiled, secret: bytes, window_rows: int, shape: str = ""
    ) -> "Watch":
        """A fresh watch against a profile."""
        counter = RowCounter(profiled.reference, contract, secret, profiled.concept)
        aggregator = Aggregator(profiled.reference, contract.policy.drift, profiled.concept)
        return cls(contract, source, profiled, counter, aggregator, window_rows, shape)

    @property
    def rows(self) -> int:
        """Rows since the profile."""
        return self.aggregator.rows

    def take(self, origin: str, first_offset: int, last_offset: int, counted: Counted) -> tuple[DriftSign, ...]:
        """Take one message's counts; the signs found. Raises ``ContractError`` on counts that do not belong here."""
        signs = self.aggregator.take(origin, first_offset, last_offset, counted)
        for sign in signs:
            if sign.kind != "schema":
                self.sign = sign
        since = self.rows - self.window_rows if self.sign is None else min(self.sign.since_row, self.rows)
        self.aggregator.forget(since)
        return signs

    @property
    def due(self) -> bool:
        """Whether the rows since the drift are enough for a window."""
        return self.sign is not None and self.rows - self.sign.since_row >= self.window_rows

    @property
    def check_due(self) -> bool:
        """Whether the current release is to be measured on fresh rows, no drift being followed."""
        wanted = self.contract.policy.monitoring.check_rows
        return self.sign is None and self.rows - self.checked >= max(wanted, self.window_rows)

    def spans(self) -> tuple[int, list[Span]]:
        """The first row of the window that is due, and where its rows lie."""
        first = self.sign.since_row if self.sign is not None else max(0, self.rows - self.window_rows)
        return first, [span for span in self.aggregator.spans if span.first + span.rows > first or not span.rows]

    def followed(self) -> None:
        """The window was sealed: wait for the next drift."""
        self.sign, self.checked = None, self.rows

    def window_name(self) -> str:
        """What the window that is due is called, the same in every replay."""
        kind = "window" if self.sign is not None else "check"
        return f"{kind}.{self.contract.dataset}.{self.source.sha256[:12]}.{self.rows}"

    def event(self, sign: DriftSign, window: SourceRef | None) -> DriftDetected:
        """The event of a sign; its id is a function of the profile and of the counts, so a replay repeats it."""
        stage = "sealed" if window else "seen"
        name = derive_id("drift", self.source.sha256, self.shape, sign.row, sign.kind, *sign.columns, stage)
        text, effect, unit = self._said(sign)
        weight = severity(sign.kind, effect, unit, sign.columns, dict(self.profiled.told), self.contract.policy.target)
        return DriftDetected(
            event_id=name,
            dataset=self.contract.dataset,
            kind=sign.kind,
            onset=sign.onset,
            columns=sign.columns,
            group=self._group(sign),
            effect=effect,
            effect_unit=unit,
            severity=weight.value,
            said=text,
            shares=self._shares(sign),
            statistic=sign.statistic,
            threshold=sign.threshold,
            row=sign.row,
            since_row=sign.since_row,
            since_time=_shown(sign.since_time),
            detector=DETECTOR,
            window=window,
        )

    def check(self, window: SourceRef, rows: int) -> WindowSealed:
        """The event of a window that the current release is measured on."""
        first = max(0, self.rows - rows)
        name = derive_id("window", self.source.sha256, self.shape, self.rows)
        return WindowSealed(
            event_id=name,
            dataset=self.contract.dataset,
            window=window,
            rows=rows,
            first_row=first,
            last_row=max(first, self.rows - 1),
        )

    def _said(self, sign: DriftSign) -> tuple[str | None, float, str]:
        """Words, effect and unit: those of the words where they can be given from counts, else the sign's own."""
        columns = [column for name in sign.columns for column in self.profiled.reference.bins if column.name == name]
        evidence = sign.evidence
        try:
            if sign.kind in ("schema", "concept"):
                found = said(sign.kind, columns, self.contract, figures=sign.errors)
            elif sign.kind in _COUNTED:
                found = said(sign.kind, columns, self.contract, evidence.before, evidence.after)
            elif sign.kind == "correlation":
                found = said(sign.kind, columns, self.contract, figures=evidence.correlations, effect=sign.effect)
            else:
                return self._said_of_group(sign, columns), sign.effect, sign.unit
        except ContractError:
            return None, sign.effect, sign.unit
        return found.text, found.effect, found.unit

    def _said_of_group(self, sign: DriftSign, columns: list[ColumnBins]) -> str:
        group = self._group(sign)
        where = f"{sign.columns[0]} = {group}" if group is not None else f"one group of {sign.columns[0]}"
        how = "standard deviations" if sign.unit == "standard_deviations" else "of its rows"
        what = "the mean" if sign.unit == "standard_deviations" else "the share of one category"
        went = "rose" if sign.effect > 0 else "fell"
        return f"in the group {where}: {what} of {columns[-1].name} {went} by {abs(sign.effect):.2g} {how}"

    def _group(self, sign: DriftSign) -> str | None:
        """The group's value, where the contract names it."""
        if sign.group is None:
            return None
        domain = self.contract.column(sign.columns[0]).domain
        named = {str(value) for value in getattr(domain, "values", ())}
        return sign.group if sign.group in named else None

    def _shares(self, sign: DriftSign) -> tuple[ShareMoved, ...]:
        evidence = sign.evidence
        if not sum(evidence.before) or not sum(evidence.after):
            return ()
        column = next(column for column in self.profiled.reference.bins if column.name == sign.columns[0])
        return shares_moved(column, self.contract, evidence.before, evidence.after)


def _shown(seconds: float | None) -> str | None:
    """A time as a data owner would write it, in UTC."""
    import pandas as pd

    try:
        return None if seconds is None else str(pd.Timestamp(seconds, unit="s"))
    except (ValueError, OverflowError):
        return None  # a producer may send any number
