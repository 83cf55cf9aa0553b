"""All deciding stations in memory, over partitioned logs with offsets and broker times, in any order of deliveries.

Trainer and gates are a scripted world: a family passes or is refused. Each partition has an owner and a zombie, which
goes on with what it holds until it dies; either may be sent back to an older offset, or die before or after it
published. What is published is at-least-once, and nothing is lost. ``Simulator.laws`` are the laws of the design.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from zlib import crc32

from schemas.accounting import epsilon_of
from schemas.events import Event
from schemas.events.budget import LedgerEntry, SpendRefused, SpendReserved, TriggerReserved
from schemas.events.commands import CommandAccepted
from schemas.events.releases import Status
from schemas.events.runs import GenerationRequested
from schemas.mechanism import Mechanism
from stream_app.core import ledger, planner, registry
from stream_app.core.audit import audit_ledger, without_repeats
from stream_app.core.entry import Entry, Facts
from stream_app.core.fold import AlignedFold
from stream_app.core.routes import INBOXES, LEDGER, LOG_EVENTS, PLANNER, REGISTRY, Routes, addressed, key_in, logs_of
from stream_app.core.unsigned import KeysCondemned, StatementDrawn, StatusDrawn
from tests.events import Selection, cleared, dossier, rejected

PARTITIONS = 2


@dataclass(frozen=True)
class Station:
    log: str
    routes: Routes
    fold: Callable[[], AlignedFold[Any]]


STATIONS = (
    Station("plan.log", PLANNER, lambda: AlignedFold(planner.Planner(Selection()).step, planner.initial)),
    Station("budget.log", LEDGER, lambda: AlignedFold(ledger.step, ledger.initial)),
    Station("release.log", REGISTRY, lambda: AlignedFold(registry.step, registry.initial)),
)


@dataclass
class Broker:
    """Topics as lists of entries; the clock is the broker's alone."""

    topics: dict[str, list[list[Entry]]] = field(
        default_factory=lambda: defaultdict(lambda: [[] for _ in range(PARTITIONS)])
    )
    now: int = 1_000_000

    def append(self, topic: str, key: str, event: Event) -> None:
        self.now += 1
        partition = self.topics[topic][crc32(key.encode()) % PARTITIONS]
        partition.append(Entry(event, key, self.now, len(partition)))

    def read(self, topic: str) -> Iterable[Event]:
        return [entry.event for partition in self.topics[topic] for entry in partition]


@dataclass
class Reader:
    """One worker on one partition of one topic: where it reads on, and its fold where the topic is a log."""

    topic: str
    partition: int
    station: Station | None
    position: int = 0
    fold: AlignedFold[Any] | None = None


class Simulator:
    """``deliver`` lets one reader handle its next record; everything else happens between two deliveries."""

    def __init__(self, refused: Iterable[str] = ("leaking",)) -> None:
        self.broker, self.refused = Broker(), frozenset(refused)
        self.condemned: set[str] = set()
        self.committed: dict[tuple[str, int], int] = defaultdict(int)
        topics: list[tuple[str, Station | None]] = [(station.log, station) for station in STATIONS]
        topics += [
            (name, None)
            for name in ("source.drift", "candidates.rejected", "candidates.cleared", "regeneration.requests")
        ]
        places = [(topic, partition, station) for topic, station in topics for partition in range(PARTITIONS)]
        self.owners, self.zombies = [Reader(*place) for place in places], [Reader(*place) for place in places]

    def tell(self, event: Event) -> None:
        """Something from outside: a command that an inbox believed, or an event of a source; ticks go to both logs."""
        if isinstance(event, CommandAccepted):
            for log in logs_of(event.command):
                self.broker.append(log, event.target, event)
        elif any(isinstance(event, kinds) for kinds in INBOXES["plan.log"].values()):
            self.broker.append("source.drift", event.key, event)
        else:
            for log in ("plan.log", "release.log"):
                self.broker.append(log, event.key, event)

    def pass_time(self, ms: int) -> None:
        self.broker.now += ms

    def deliver(self, reader: Reader, dies: str | None = None) -> bool:
        """Handle the reader's next record; one that ``dies`` before or after publishing loses what it remembers."""
        records = self.broker.topics[reader.topic][reader.partition]
        if reader.position >= len(records):
            return False
        published = self._handle(reader, records[reader.position])
        if dies != "before":
            for topic, key, event in published:
                self.broker.append(topic, key, event)
        if dies is not None:
            self.take_over(reader, self.committed[(reader.topic, reader.partition)])
            reader.fold = None
            return True
        reader.position += 1
        place = (reader.topic, reader.partition)
        if any(reader is owner for owner in self.owners):
            self.committed[place] = max(self.committed[place], reader.position)
        return True

    def take_over(self, reader: Reader, position: int) -> None:
        """The reader goes on from a committed offset, ahead or behind."""
        reader.position = min(position, self.committed[(reader.topic, reader.partition)])

    def rebalance(self, number: int) -> None:
        """Owner and zombie of a partition change places: the new owner goes on from what is committed."""
        self.owners[number], self.zombies[number] = self.zombies[number], self.owners[number]
        self.take_over(self.owners[number], 1_000_000)

    @property
    def readers(self) -> list[Reader]:
        return [*self.owners, *self.zombies]

    def settle(self) -> None:
        """Let the owners handle whatever is left, from what is committed on."""
        for number in range(len(self.owners)):
            self.take_over(self.owners[number], 1_000_000)
        while sum(self.deliver(reader) for reader in self.owners):
            pass

    def _handle(self, reader: Reader, entry: Entry) -> list[tuple[str, str, Event]]:
        if reader.station is not None:
            return self._decide(reader, reader.station, entry)
        if isinstance(entry.event, GenerationRequested):
            return self._work(entry.event)
        return [
            (log, key_in(log, entry.event), entry.event)
            for log, sources in INBOXES.items()
            if isinstance(entry.event, sources.get(reader.topic, ()))
        ]

    def _decide(self, reader: Reader, station: Station, entry: Entry) -> list[tuple[str, str, Event]]:
        assert isinstance(entry.event, LOG_EVENTS[station.log])
        reader.fold = reader.fold or station.fold()
        records = self.broker.topics[reader.topic][reader.partition]
        facts: Facts = reader.fold.deliver(entry, lambda start, stop: records[start:stop])
        self.condemned |= {name for fact in facts if isinstance(fact, KeysCondemned) for name in fact.artefact_ids}
        return addressed(station.routes, facts)

    def _work(self, event: GenerationRequested) -> list[tuple[str, str, Event]]:
        done = dossier(event.dossier.request, event.dossier.epsilon_after or "0")
        if done.request.family in self.refused:
            return [("candidates.rejected", event.dataset, rejected(done))]
        return [("candidates.cleared", event.dataset, cleared(done))]

    # what can be seen from outside

    def ledger(self) -> list[LedgerEntry]:
        return without_repeats(event for event in self.broker.read("budget.ledger") if isinstance(event, LedgerEntry))

    def statements(self) -> dict[str, Any]:
        found = {
            event.event_id: event
            for event in self.broker.read("release.certified")
            if isinstance(event, StatementDrawn)
        }
        return {name: event.statement for name, event in found.items()}

    def statuses(self, dataset: str) -> dict[int, Status]:
        """Every status that a consumer of this dataset may have seen, by version."""
        found: dict[int, Status] = {}
        for event in self.broker.read("release.status"):
            if isinstance(event, StatusDrawn) and event.dataset == dataset:
                assert found.setdefault(event.status.version, event.status) == event.status, (
                    "two statuses of one version"
                )
        return dict(sorted(found.items()))

    def laws(self, datasets: Iterable[str]) -> None:
        """What must hold at any time, whatever was delivered."""
        self._never_over_the_cap()
        self._one_certificate_per_release_and_run()
        for dataset in datasets:
            self._revoke_wins(dataset)
        self._same_prefix_same_state()

    def _never_over_the_cap(self) -> None:
        lines = self.ledger()
        spent: dict[str, list[Mechanism]] = defaultdict(list)
        granted = set()
        for line in lines:
            if isinstance(line, SpendReserved | TriggerReserved):
                spent[line.scope] += line.mechanisms
                assert not line.mechanisms or epsilon_of(spent[line.scope], line.delta) <= Decimal(line.cap_epsilon)
            if isinstance(line, SpendReserved):
                granted.add((line.run_id, line.attempt))
        assert len(granted) == sum(isinstance(line, SpendReserved) for line in lines), "an attempt was granted twice"
        for event in self.broker.read("regeneration.requests"):
            assert isinstance(event, GenerationRequested)
            assert (event.dossier.request.run_id, event.dossier.request.attempt) in granted
        assert all(
            line.epsilon_before == line.epsilon_after or not isinstance(line, SpendRefused) or line.reason
            for line in lines
        )

    def _one_certificate_per_release_and_run(self) -> None:
        predicates = [statement.predicate for statement in self.statements().values()]
        assert len({predicate.release_id for predicate in predicates}) == len(predicates)
        assert len({predicate.run_id for predicate in predicates}) == len(predicates)
        assert all(predicate.family not in self.refused for predicate in predicates)

    def _revoke_wins(self, dataset: str) -> None:
        revoked: set[str] = set()
        for status in self.statuses(dataset).values():
            states = {release.release_id: release.state for release in status.releases}
            assert all(states[name] == "revoked" for name in revoked)
            revoked |= {name for name, state in states.items() if state == "revoked"}
            assert status.current not in revoked
            assert status.current is None or states[status.current] == "certified"

    def _same_prefix_same_state(self) -> None:
        for reader in self.readers:
            if reader.fold is None or reader.station is None:
                continue
            again = reader.station.fold()
            again.advance(self.broker.topics[reader.topic][reader.partition], reader.fold.position)
            assert again.snapshot() == reader.fold.snapshot()

    def quiet_laws(self) -> None:
        """What must hold besides once everything was delivered: the ledger is whole, and no run hangs for nothing."""
        log = [entry for partition in self.broker.topics["budget.log"] for entry in partition]
        assert audit_ledger(log, self.ledger()).faults == ()
        for records in self.broker.topics["plan.log"]:
            folded = STATIONS[0].fold()
            folded.advance(records, len(records))
            for name in folded.keys:
                run = folded.state(name).run
                if run is not None:
                    statuses = self.statuses(name)
                    states = {release.release_id: release.state for release in statuses[max(statuses)].releases}
                    assert states[run.request.release_id] in ("awaiting_approval", "frozen")
