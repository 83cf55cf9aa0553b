"""A deployment on a Kafka: keys, topics, datasets, worker processes, and the command line as people use it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import psutil

from schemas.errors import TransientError
from stream_app.adapters.local_kafka import free_port
from stream_app.catalogue.view import Catalogue
from tests.workplaces import keep_secret

T = TypeVar("T")
PERENNIAL = Path(sys.executable).with_name("perennial")
SESSION_S = 6.0
PATIENCE_S = 150.0
"""How long what is awaited may take: a minute at most on an idle machine, and tests may have a busy one."""
LIMITS = (
    "limits: {marginal_fidelity: 0.7, pair_fidelity: 0.6, tstr_ratio: 0.5, detection_auc: 0.97, coverage: 0.5, "
    "neighbour_risk: 0.3, membership_accuracy: 0.7, leak_detectable_share: 0.1, trts_ratio: 0.5, tstr_auc: 0.5, "
    "worst_column: 0.3, worst_pair: 0.9, tail_coverage: 0.2, outlier_share: 0.3, missingness: 0.5, label_flips: 0.5, "
    "backdoor_rows: 0.5, label_leakage: 0.5, triple_fidelity: 0.3, integrity_score: 10, subgroup_gap: 0.5, "
    "boundary_adherence: 0.8}"
)


def customers(rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Customers of a made-up company: nearly unique rows, a target that depends on the others.

    ``shift`` moves them from the basic plan to the family plan, whose bills are higher.
    """
    rng = np.random.default_rng(seed)
    plan = rng.choice(["basic", "plus", "family"], rows, p=[0.5 - 0.3 * shift, 0.3, 0.2 + 0.3 * shift])
    region = rng.choice(["north", "south", "east", "west", "centre"], rows, p=[0.3, 0.25, 0.2, 0.15, 0.1])
    tenure = np.minimum(120, rng.gamma(2.0, 14.0, rows).round()).astype(int)
    visits = np.minimum(25, rng.poisson(np.where(plan == "basic", 4, 9) + 2 * (region == "north"))).astype(int)
    fixed = np.select([plan == "plus", plan == "family"], [35.0, 50.0], 20.0)
    bill = np.round(np.clip(fixed + rng.gamma(2.0, 6.0 * (1 + shift), rows), 0.0, 160.0), 2)
    rating = np.round(np.clip(rng.normal(3.6, 0.8, rows), 1.0, 5.0), 1)
    logit = -2.2 + 3.0 * (plan == "family") + 1.5 * (rating < 3.2) - 0.01 * tenure
    left = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
    shown = {"region": region, "plan": plan, "tenure": tenure, "visits": visits, "bill": bill, "rating": rating}
    return pd.DataFrame({**shown, "left": left})


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


@dataclass(slots=True)
class WorkerProcess:
    """One `perennial worker`, found again by its metrics port."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    def metrics(self) -> dict[str, float]:
        """Every sample by its name with labels; empty while nothing answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=2) as answer:
                text = answer.read().decode()
        except OSError:
            return {}
        lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    def running(self, kind: str) -> bool:
        """Whether a job of this kind is on its pool."""
        return self.metrics().get(f'perennial_jobs_running{{kind="{kind}"}}', 0.0) > 0

    def logged(self) -> list[dict[str, Any]]:
        """The lines of its structured log; raises where one is not JSON."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def is_ready(self) -> bool:
        return "worker started" in self.log.read_text(encoding="utf-8")

    def kill(self) -> None:
        """As a power cut would: no chance to say goodbye."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=20)

    def stop(self) -> int:
        """Ask it to stop; its exit code. Forcefully after 40 s."""
        self.process.terminate()
        try:
            return self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9


@dataclass(slots=True)
class Deployment:
    """``home`` with keys, and a Kafka at ``bootstrap`` whose topics exist once ``prepare`` was called."""

    home: Path
    bootstrap: str
    settings: dict[str, str] = field(default_factory=dict)
    workers: list[WorkerProcess] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        given = {
            "PERENNIAL_HOME": str(self.home),
            "PERENNIAL_BOOTSTRAP": self.bootstrap,
            "PERENNIAL_SESSION_TIMEOUT_SECONDS": str(SESSION_S),
            "PERENNIAL_WINDOW_ROWS": "6000",
            "PERENNIAL_TICK_SECONDS": "3",
            "OMP_NUM_THREADS": "1",
        }
        return {**os.environ, **given, **self.settings}

    def cli(self, *arguments: str, code: int | None = 0, seconds: float = PATIENCE_S) -> Said:
        """Run a command to its end; it must end with ``code`` unless that is None."""
        done = subprocess.run(
            [str(PERENNIAL), *arguments], env=self.environment, capture_output=True, text=True, timeout=seconds
        )
        said = Said(done.returncode, done.stdout, done.stderr)
        assert code is None or said.code == code, f"{' '.join(arguments)}: {said}"
        return said

    def ask(self, *arguments: str, code: int | None = 0) -> Any:
        """The JSON document that a command answers with."""
        return self.cli(*arguments, "--json", code=code).document

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Run a command beside the test."""
        command, pipe = [str(PERENNIAL), *arguments], subprocess.PIPE
        return subprocess.Popen(command, env=self.environment, stdout=pipe, stderr=pipe, text=True)

    def prepare(self) -> None:
        """Keys and topics, by the command line."""
        self.cli("keys", "new", "--deployment")
        keep_secret(self.home)
        self.cli("topics", "apply")

    def worker(self, *arguments: str) -> WorkerProcess:
        """Start one more worker; ``ready`` waits for it."""
        port, log = free_port(), self.home.parent / f"worker-{len(self.workers)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [str(PERENNIAL), "worker", "--metrics-port", str(port), *arguments],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
        started = WorkerProcess(process, port, log)
        self.workers.append(started)
        return started

    def staffed(self, count: int) -> list[WorkerProcess]:
        """So many workers that run and have their partitions; starts those that lack."""
        living = [each for each in self.workers if each.process.poll() is None]
        living += [self.worker() for _ in range(count - len(living))]
        self.ready(*living)
        return living

    def ready(self, *workers: WorkerProcess) -> None:
        """Wait until these workers have their partitions."""
        for each in workers:
            until(each.is_ready, f"{each.log.name} to be ready", alive=each)

    def close(self) -> None:
        """End every worker that still runs, and whatever it had started."""
        left = [each for each in self.workers if each.process.poll() is None]
        children = [child for each in left for child in psutil.Process(each.process.pid).children(recursive=True)]
        for each in left:
            each.process.terminate()
        for each in left:
            each.stop()
        _, alive = psutil.wait_procs(children, timeout=5)
        for child in alive:
            child.kill()

    def view(self, *topics: str) -> Catalogue:
        """What the topics say now; a broker that has just come back may take some seconds to lead its partitions."""
        limit = time.monotonic() + 20
        while True:
            try:
                return Catalogue.read(self.bootstrap, topics) if topics else Catalogue.read(self.bootstrap)
            except TransientError:
                if time.monotonic() > limit:
                    raise
                time.sleep(0.2)

    def write(self, name: str, frame: pd.DataFrame) -> Path:
        """A CSV beside home."""
        path = self.home.parent / name
        frame.to_csv(path, index=False)
        return path

    def contract(self, dataset: str, data: Path, epsilon: str = "2", edit: Callable[[str], str] = str) -> Path:
        """Draft a contract from a file, edit its text as a person would, and apply it."""
        out = self.home.parent / f"{dataset}.yaml"
        self.cli(
            "contract", "draft", str(data), "--dataset", dataset, "--target", "left",
            "--epsilon", epsilon, "--public-domains", "--out", str(out),
        )  # fmt: skip
        # These tests are about stations, not about the luck of one draw of noise: hence limits of their own.
        text = out.read_text(encoding="utf-8").replace("limits: {}", LIMITS)
        out.write_text(edit(text), encoding="utf-8")
        self.cli("contract", "apply", str(out))
        return out

    def releases(self, dataset: str) -> dict[str, str]:
        """State of every release of a dataset, as the newest status says."""
        status = self.view("release.status").statuses.get(dataset)
        return {} if status is None else {each.release_id: each.state for each in status.releases}


def until(look: Callable[[], T], what: str, seconds: float = PATIENCE_S, alive: WorkerProcess | None = None) -> T:
    """The first true thing that ``look`` gives; fails after ``seconds``, or once the worker has ended."""
    limit = time.monotonic() + seconds
    while not (found := look()):
        ended = alive is not None and alive.process.poll() is not None
        log = alive.log.read_text(encoding="utf-8")[-3000:] if alive is not None else ""
        assert not ended, f"the worker ended while waiting for {what}: {log}"
        assert time.monotonic() < limit, f"{what} did not come within {seconds:.0f} s {log}"
        time.sleep(0.2)
    return found
