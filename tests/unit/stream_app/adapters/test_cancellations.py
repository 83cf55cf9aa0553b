"""Cancelled runs: heard from the log, seen by another process of the same machine, forgotten after a while."""

import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from schemas.errors import RunCancelled
from schemas.events.budget import RunEnded
from stream_app.adapters import cancellations
from stream_app.adapters.cancellations import Cancellations, listen
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.publisher import Publisher
from stream_app.adapters.workplace import Workplace
from stream_app.agents.training import cancellable


def test_what_one_process_notes_another_sees(tmp_path: Path) -> None:
    assert not Cancellations(tmp_path).holds("run-1")
    Cancellations(tmp_path).note("run-1")
    assert Cancellations(tmp_path).holds("run-1")
    assert not Cancellations(tmp_path).holds("run-2")


def test_the_disk_is_asked_now_and_then_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(cancellations, "time", SimpleNamespace(monotonic=lambda: now))
    asked = Cancellations(tmp_path)
    assert not asked.holds("run-1")
    asked.note("run-1")
    assert not asked.holds("run-1")
    now += 0.25
    assert asked.holds("run-1")


def test_old_ones_are_forgotten(tmp_path: Path) -> None:
    cancellations = Cancellations(tmp_path)
    for run in ("old", "new"):
        cancellations.note(run)
    os.utime(tmp_path / "cancelled" / "old", (0, 0))
    cancellations.tidy()
    assert [path.name for path in (tmp_path / "cancelled").iterdir()] == ["new"]
    Cancellations(tmp_path / "nowhere").tidy()


def test_progress_of_a_cancelled_run_raises_and_of_another_passes(tmp_path: Path) -> None:
    workplace, heard = Workplace(tmp_path, str(tmp_path / "store")), []

    def progress(fraction: float, phase: str, /, **more: object) -> None:
        heard.append((fraction, phase, more["step"]))

    cancellable(workplace, "run-2", progress)(0.5, "epochs", step=3, of=6)
    assert heard == [(0.5, "epochs", 3)]
    Cancellations(tmp_path).note("run-1")
    with pytest.raises(RunCancelled):
        cancellable(workplace, "run-1", progress)(0.5, "epochs")


@pytest.mark.parametrize("outcome", ["cancelled", "certified"])
def test_the_log_tells_which_runs_were_cancelled(tmp_path: Path, outcome: str) -> None:
    stop = threading.Event()
    with EmbeddedBroker({"budget.log": 1}) as broker:
        publisher = Publisher(broker.bootstrap, "/tests")
        ended = [
            RunEnded(event_id="e-1", scope="s", dataset="flights", run_id="run-1", outcome=outcome),
            RunEnded(event_id="e-2", scope="s", dataset="flights", run_id="run-2", outcome="cancelled"),
        ]
        for event in ended:
            publisher.send("budget.log", event)
        publisher.close()
        listen(broker.bootstrap, Cancellations(tmp_path), stop)
        deadline = time.monotonic() + 20
        while not (tmp_path / "cancelled" / "run-2").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        stop.set()
    noted = {path.name for path in (tmp_path / "cancelled").iterdir()}
    assert noted == ({"run-1", "run-2"} if outcome == "cancelled" else {"run-2"})
