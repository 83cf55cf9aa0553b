"""A history goes through drift, planner and ledger as live rows would, by the same code, and nothing is released."""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from generators.entities.units import split, units
from schemas.contract import Contract
from schemas.events import derive_id
from schemas.events.budget import TriggerReserved
from schemas.events.runs import CandidateCleared, CandidateRejected, GenerationRequested
from schemas.events.sources import ProfileTaken, SourceRef
from schemas.table import conform
from stream_app.adapters.arrow_blocks import decode_columns, encode_block
from stream_app.agents.choosing import FamilySelection
from stream_app.agents.inputs import TRAIN
from stream_app.agents.profiling import WATCHED, Profiled, target_model
from stream_app.agents.watch import Watch
from stream_app.backtest.candidates import outcome
from stream_app.backtest.history import DAY_MS, History
from stream_app.backtest.private import PrivateTest
from stream_app.backtest.stations import Stations
from stream_app.core.drift.coding.cells import Columns
from stream_app.core.drift.reference import build_reference
from stream_app.core.drift.wire import Operation

SECRET = b"a backtest keeps no secret, for it releases nothing"
Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a backtest supposes: rows a message, rows a window, the share of attempts that gates refuse, the seconds
    that one fit takes, and after how many further rows a label comes where the contract has them late.
    """

    batch_rows: int = 500
    window_rows: int = 20_000
    reject_rate: float = 0.0
    fit_seconds: float | None = None
    seed: int = 0
    label_delay: int = 0


@dataclass(frozen=True)
class Replayed:
    """What is left of a replay; ``scores`` are (row, time, the tracker's score) after each message."""

    history: History
    contract: Contract
    terms: Terms
    stations: Stations
    watch: Watch
    scores: list[tuple[int, int, float]]
    checks_due: int
    cpu_seconds: float


def replay(history: History, contract: Contract, terms: Terms, progress: Progress | None = None) -> Replayed:
    """Replay the whole history; the same history, contract and terms give the same in every respect but CPU time.

    Raises ``ContractError``, ``InsufficientEvidence`` where the snapshot or the rows cannot be watched.
    """
    return _Replay(history, contract, terms).run(progress or (lambda _fraction, _message: None))


@dataclass
class _Replay:
    history: History
    contract: Contract
    terms: Terms
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    armed: int = 0
    checks: int = 0

    def run(self, progress: Progress) -> Replayed:
        began, history = time.process_time(), self.history
        progress(0.0, "counting the reference profile")
        self.watch, self.labelled = self._watch(), history.reference_rows
        start = int(history.times[history.reference_rows - 1])
        fit = self.terms.fit_seconds or 0.0
        self.stations = Stations(self.contract.dataset, FamilySelection(), self._work, fit, start)
        self.private = PrivateTest(self.contract, self.terms.seed)
        self.stations.row = history.reference_rows
        self._begin()
        scores = []
        for number, (first, last) in enumerate(self._messages()):
            self._message(number, first, last)
            scores.append((last, self.stations.now, self.watch.aggregator.tracker.score))
            if number % 100 == 99:
                progress((last - history.reference_rows) / history.rows, f"{last} rows")
        progress(1.0, f"{len(history.frame)} rows")
        spent = time.process_time() - began
        return Replayed(
            history, self.contract, self.terms, self.stations, self.watch, scores, self.checks, spent
        )  # fmt: skip

    def _messages(self) -> Iterator[tuple[int, int]]:
        rows, step = len(self.history.frame), self.terms.batch_rows
        for first in range(self.history.reference_rows, rows, step):
            yield first, min(first + step, rows)

    def _watch(self) -> Watch:
        """As the drift station's first look at a snapshot."""
        snapshot = self.history.frame.iloc[: self.history.reference_rows]
        table = conform(snapshot, self.contract, roles=WATCHED).table
        reference = build_reference(table, self.contract)
        share = split(units(table, self.contract), SECRET, self.contract.policy.split)
        profiled = Profiled(
            reference, len(table), int((share == TRAIN).sum()), *target_model(reference, table, self.contract)
        )
        source = self._source("snapshot", 0, len(table))
        return Watch.of(self.contract, source, profiled, SECRET, self.terms.window_rows, self.contract.digest())

    def _begin(self) -> None:
        watch, contract = self.watch, self.contract
        self.stations.apply(contract)
        taken = ProfileTaken(
            event_id=derive_id("profile", watch.source.sha256, watch.shape),
            dataset=contract.dataset,
            source=watch.source,
            contract_digest=contract.digest(),
            rows=watch.profiled.rows,
            train_rows=watch.profiled.train_rows,
        )
        self.stations.tell(taken)
        self._arm()

    def _message(self, number: int, first: int, last: int) -> None:
        at = int(self.history.times[last - 1])
        for day in range(self.stations.now // DAY_MS + 1, at // DAY_MS + 1):
            self.stations.advance(day * DAY_MS)
        self.stations.row = last
        self.stations.advance(at)
        columns = self._columns(first, last)
        self._observe("history/0", number, self._unlabelled(columns))
        due = last - self.terms.label_delay
        if self.watch.late and due > self.labelled:
            self._observe("labels/0", number, self._columns(self.labelled, due), "label")
            self.labelled = due
        self._arm()
        fired = self.private.take(columns, at)
        if fired is not None:
            window = self._source(f"private.{number}", max(0, last - self.terms.window_rows), last)
            self.stations.tell(self.private.event(fired, window))
            self._arm()

    def _columns(self, first: int, last: int) -> Columns:
        return decode_columns(encode_block(self.history.frame.iloc[first:last]))

    def _unlabelled(self, columns: Columns) -> Columns:
        """Rows as they come: where labels come late, without their target."""
        if not self.watch.late:
            return columns
        target = self.contract.policy.target
        return Columns(columns.rows, {name: cells for name, cells in columns.cells.items() if name != target})

    def _observe(self, origin: str, number: int, columns: Columns, operation: Operation = "insert") -> None:
        watch = self.watch
        for sign in watch.take(origin, number, number, watch.counter.count(columns, operation)):
            self.stations.tell(watch.event(sign, None))
        if not (watch.due or watch.check_due):
            return
        offset = self.history.reference_rows
        if watch.sign is None:
            self.checks += 1
        else:
            window = self._source(watch.window_name(), offset + watch.spans()[0], offset + watch.seen)
            self.stations.tell(watch.event(watch.sign, window))
        watch.followed()

    def _source(self, name: str, first: int, last: int) -> SourceRef:
        digest = hashlib.sha256(f"{self.history.sha256}/{name}".encode()).hexdigest()
        self.spans[digest] = (first, last)
        return SourceRef(uri=f"backtest:{name}", sha256=digest, format="sealed", rows=last - first)

    def _work(self, event: GenerationRequested) -> CandidateCleared | CandidateRejected:
        rows = event.dossier.request.source.rows or 0
        return outcome(event.dossier, rows, self.terms.reject_rate, self.terms.seed)

    def _arm(self) -> None:
        """Arm the private test that the ledger has granted since, if any."""
        for told in self.stations.told[self.armed :]:
            if isinstance(told.event, TriggerReserved) and told.topic == "budget.ledger":
                known = self.stations.plan.release(told.event.grant.release_id)
                if known is not None:
                    first, last = self.spans[known.source.sha256]
                    table = conform(self.history.frame.iloc[first:last], self.contract, roles=WATCHED).table
                    self.private.arm(told.event.grant, build_reference(table, self.contract))
        self.armed = len(self.stations.told)
