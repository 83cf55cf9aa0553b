"""One dataset under watch: its counter and aggregator, the drift that is being followed, and the events it gives."""

from dataclasses import dataclass, field

from schemas.contract import Contract
from schemas.counts import TableCounts
from schemas.events import derive_id
from schemas.events.sources import DriftDetected, SourceRef, WindowSealed
from stream_app.agents.profiling import Profiled
from stream_app.core.drift.aggregator import Aggregator, Span
from stream_app.core.drift.counter import RowCounter
from stream_app.core.drift.counts.handing_over import counts_for_generator
from stream_app.core.drift.explained import explained, shown_time
from stream_app.core.drift.live import LiveSummary
from stream_app.core.drift.sign import DriftSign
from stream_app.core.drift.wire import Counted

DETECTOR = "perennial-drift-2"


@dataclass(slots=True)
class Watch:
    """The live rows of one dataset since its snapshot: a function of the counts in log order.

    Once a sign is found, the caller waits until ``window_rows`` rows of the new kind have come, reads them again where
    ``spans`` says and seals them. ``began`` is the row of those that windows can hold (``Aggregator.whole_rows``) from
    which on they are of the new kind, ``waiting`` the one since which a window is owed.

    Where labels come late, only a drift that labelled rows show is followed: the concept's. Which labelled rows came
    after a change of the columns nobody can tell; of that the checks will, which are made on labelled rows, too.
    """

    contract: Contract
    source: SourceRef
    profiled: Profiled
    counter: RowCounter
    aggregator: Aggregator
    window_rows: int
    shape: str = ""
    sign: DriftSign | None = None
    began: int = 0
    checked: int = 0
    waiting: int = 0
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
            if self._followed(sign):
                self.began = self.seen if self.late else sign.since_row
                self.waiting = self.began if self.sign is None else self.waiting
                self.sign = sign
        since = self.seen - self.window_rows if self.sign is None else min(self.began, self.seen)
        self.aggregator.forget(since)
        return signs

    def _followed(self, sign: DriftSign) -> bool:
        return sign.kind == "concept" if self.late else sign.kind != "schema"

    @property
    def late(self) -> bool:
        """Whether labels come late, and windows hold labelled rows alone."""
        return self.aggregator.policy.late_labels

    @property
    def seen(self) -> int:
        """Rows since the profile that windows can hold."""
        return self.aggregator.whole_rows

    @property
    def due(self) -> bool:
        """Whether the rows since the drift are enough for a window.

        Where one drift follows another, the window has the rows since the last and is not put off for ever: it is due
        when the first drift's would have been, once a quarter of it is of the new kind.
        """
        if self.sign is None or self.seen - self.waiting < self.window_rows:
            return False
        return self.seen - self.began >= self.window_rows // 4

    @property
    def check_due(self) -> bool:
        """Whether the current release is to be measured on fresh rows, no drift being followed."""
        wanted = self.contract.policy.monitoring.check_rows
        return self.sign is None and self.seen - self.checked >= max(wanted, self.window_rows)

    @property
    def counts(self) -> TableCounts | None:
        """The live counts of the train share since the drift was found, for generators that need no more; or none.

        Only where the contract has them on public bins, with a target that comes with its row. Where the unit is an
        entity, its rows were bounded anew in each of several windows of time, and a fit to the window's own rows needs
        less noise: then there are none.
        """
        policy = self.contract.policy
        if self.sign is None or self.late or policy.privacy.unit.column is not None:
            return None
        if policy.generation.counts != "public_bins":
            return None
        found = counts_for_generator(self.profiled.reference, self.contract, self.aggregator.train)
        return found if found.rows > 0 else None

    def spans(self) -> tuple[int, list[Span]]:
        """The first row of the window that is due, and where its rows lie.

        Where counts go with it they begin where it begins: the gates compare with the rows that were fitted to.
        """
        first = self.began if self.sign is not None else max(0, self.seen - self.window_rows)
        if self.counts is not None:
            first = self.aggregator.since
        return first, [span for span in self.aggregator.spans if span.first + span.rows > first or not span.rows]

    def followed(self) -> None:
        """The window was sealed: wait for the next drift."""
        self.sign, self.checked = None, self.seen

    def window_name(self) -> str:
        """What the window that is due is called, the same in every replay."""
        kind = "window" if self.sign is not None else "check"
        return f"{kind}.{self.contract.dataset}.{self.source.sha256[:12]}.{self.seen}"

    def event(self, sign: DriftSign, window: SourceRef | None) -> DriftDetected:
        """The event of a sign; its id is a function of the profile and of the counts, so a replay repeats it."""
        stage = "sealed" if window else "seen"
        name = derive_id("drift", self.source.sha256, self.shape, sign.row, sign.kind, *sign.columns, stage)
        found = explained(sign, self.profiled.reference, self.contract, dict(self.profiled.told))
        return DriftDetected(
            event_id=name,
            dataset=self.contract.dataset,
            kind=sign.kind,
            onset=sign.onset,
            columns=sign.columns,
            group=found.group,
            effect=found.effect,
            effect_unit=found.unit,
            severity=found.severity.value,
            said=found.text,
            shares=found.shares,
            statistic=sign.statistic,
            threshold=sign.threshold,
            row=sign.row,
            since_row=sign.since_row,
            since_time=shown_time(sign.since_time),
            detector=DETECTOR,
            window=window,
        )

    def check(self, window: SourceRef, rows: int) -> WindowSealed:
        """The event of a window that the current release is measured on."""
        first = max(0, self.seen - rows)
        name = derive_id("window", self.source.sha256, self.shape, self.seen)
        return WindowSealed(
            event_id=name,
            dataset=self.contract.dataset,
            window=window,
            rows=rows,
            first_row=first,
            last_row=max(first, self.seen - 1),
        )
