"""What the drift station tells Prometheus while rows go through both of its stages."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.events import Event
from schemas.events.counts import RowsCounted
from schemas.events.sources import DriftDetected
from stream_app.adapters.checkpoints import Checkpoints
from stream_app.adapters.metrics import Metrics
from stream_app.agents.private_tests import PrivateTests
from stream_app.agents.resuming import written
from stream_app.agents.shell import Received
from stream_app.agents.watching import DriftStation
from tests.unit.stream_app.agents import lives
from tests.unit.stream_app.agents.lives import observed, pieces, rows


async def _nothing(*_: Any) -> None:
    return None


async def _yes(*_: Any) -> bool:
    return True


class Station:
    """A drift station whose desk holds a fresh watch; what it publishes is kept, counts at broker time 5,000 s."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.metrics, self.told = Metrics(), list[Event]()
        context: Any = SimpleNamespace(
            metrics=self.metrics, publish=self._keep, workplace=SimpleNamespace(home=place), settings=None, log=None
        )
        monkeypatch.setattr(DriftStation, "_recall", _nothing)
        monkeypatch.setattr(DriftStation, "_profiled", _yes)
        monkeypatch.setattr(DriftStation, "_seal", _nothing)
        monkeypatch.setattr(DriftStation, "_catch_up", _nothing)
        self.station = DriftStation(context)
        monkeypatch.setattr(PrivateTests, "ready", _nothing)
        monkeypatch.setattr(Checkpoints, "write", lambda *_: None)
        self.desk = self.station._desk("lives")
        self.desk.watch, self.desk.position = lives.watch(), {0: 0}

    async def _keep(self, station: str, topic: str, event: Event, key: str | None = None) -> None:
        self.told.append(event)

    def feed(self, frame: Any) -> None:
        for piece in pieces(frame):
            offset = self.desk.position[0]
            place = (0, offset, 5_000_000, "lives", b"", ())
            asyncio.run(self.station._on_records(observed(piece), Received("source.records", *place)))
            counts = self.told[-1]
            assert isinstance(counts, RowsCounted)
            asyncio.run(self.station._on_counts(counts, Received("source.counts", *place)))

    def shown(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, {"dataset": "lives"} | labels)


def test_rows_cpu_times_and_severity_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Station(tmp_path, monkeypatch)
    one.feed(rows(2_000, 3))
    assert one.shown("perennial_counted_rows_total") == one.shown("perennial_live_rows_total") == 2_000
    assert one.shown("perennial_counts_taken_timestamp_seconds") == 5_000
    published = one.shown("perennial_counts_published_timestamp_seconds")
    assert published is not None
    assert published > 1.7e9
    for stage in ("count", "watch"):
        spent = one.shown("perennial_drift_cpu_seconds_total", stage=stage)
        assert spent is not None
        assert 0 < spent < 60
    assert one.shown("perennial_drift_severity") is None
    asyncio.run(one.station._save(one.desk, at_once=True))
    assert one.shown("perennial_drift_state_bytes") == len(written(one.desk.watch or lives.watch(), one.desk.position))
    one.feed(rows(2_000, 4, shift=2.0))
    found = [event for event in one.told if isinstance(event, DriftDetected)][-1]
    assert one.shown("perennial_drift_severity") == found.severity > 0


def test_counts_of_another_reference_are_told_and_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Station(tmp_path, monkeypatch)
    one.feed(rows(500, 3))
    counts = one.told[-1]
    assert isinstance(counts, RowsCounted)
    other = counts.model_copy(update={"reference": "0" * 64})
    asyncio.run(one.station._on_counts(other, Received("source.counts", 0, 7, 6_000_000, "lives", b"", ())))
    assert one.shown("perennial_live_rows_total") == 500
    told = one.metrics.registry.get_sample_value
    assert told("perennial_events_total", {"station": "drift", "outcome": "other_reference"}) == 1
