"""Prometheus metrics of the stations; names and labels are the interface that alerts and dashboards rest on."""

from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric: its kind, its name without ``perennial_``, what it says, its labels; a histogram's upper bounds."""

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    says: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = Histogram.DEFAULT_BUCKETS

    def made(self, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
        """The metric itself, in a registry."""
        name = f"perennial_{self.name}"
        if self.kind == "histogram":
            return Histogram(name, self.says, self.labels, buckets=self.bounds, registry=registry)
        return (Counter if self.kind == "counter" else Gauge)(name, self.says, self.labels, registry=registry)


DECLARED: dict[str, Declared] = {
    "events": Declared("counter", "events", "Events handled.", ("station", "outcome")),
    "seconds": Declared(
        "histogram",
        "event_seconds",
        "Seconds from receipt to acknowledged facts.",
        ("station",),
        (0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600),
    ),
    "dead": Declared("counter", "dead_letters", "Messages that no station could use.", ("topic",)),
    "epsilon": Declared("gauge", "epsilon_spent", "Epsilon of a budget scope after its last grant.", ("scope",)),
    "cap": Declared("gauge", "epsilon_cap", "Cap in force of a budget scope.", ("scope",)),
    "refused": Declared("counter", "spend_refused", "Spends refused.", ("scope",)),
    "drift": Declared("counter", "drift_events", "Drift found.", ("dataset", "kind")),
    "rows": Declared("counter", "live_rows", "Live rows compared with the reference.", ("dataset",)),
    "counted": Declared("counter", "counted_rows", "Live rows that stage 1 has turned into counts.", ("dataset",)),
    "drift_cpu": Declared(
        "counter",
        "drift_cpu_seconds",
        "CPU seconds of the drift station: of stage 1 (count) and of stage 2 (watch).",
        ("dataset", "stage"),
    ),
    "drift_severity": Declared("gauge", "drift_severity", "Severity of the last drift found, 0 to 1.", ("dataset",)),
    "counts_published": Declared(
        "gauge",
        "counts_published_timestamp_seconds",
        "When stage 1 last published counts of a dataset.",
        ("dataset",),
    ),
    "counts_taken": Declared(
        "gauge",
        "counts_taken_timestamp_seconds",
        "When the newest counts were published that stage 2 has taken of a dataset.",
        ("dataset",),
    ),
    "drift_state": Declared(
        "gauge", "drift_state_bytes", "Size of a dataset's last checkpoint: reference, counts, tests.", ("dataset",)
    ),
    "drift_score": Declared(
        "gauge",
        "drift_score",
        "Largest statistic of the drift tracker over its threshold, smoothed; 1 is an alarm.",
        ("dataset",),
    ),
    "missing_share": Declared(
        "gauge",
        "live_missing_share",
        "Share of modelled cells of live rows that are missing, smoothed over pieces of at least 250 rows.",
        ("dataset",),
    ),
    "releases": Declared("gauge", "release_state", "Releases of a dataset in each state.", ("dataset", "state")),
    "jobs": Declared("gauge", "jobs_running", "Jobs on the process pool.", ("kind",)),
    "findings": Declared("counter", "findings", "Gate findings.", ("metric", "verdict")),
    "checks": Declared(
        "counter", "release_check", "Releases in use that were measured again.", ("dataset", "gate", "verdict")
    ),
    "_attacked": Declared(
        "gauge",
        "release_attacked_timestamp_seconds",
        "When the attacks last decided on the certified release of a dataset whose turn is longest ago.",
        ("dataset",),
    ),
    "_attack_interval": Declared(
        "gauge",
        "release_attack_interval_seconds",
        "Seconds that the contract allows between two attacks on a release.",
        ("dataset",),
    ),
    "commands": Declared("counter", "commands", "Signed commands.", ("outcome",)),
    "notice": Declared(
        "histogram",
        "revocation_notice_seconds",
        "Seconds from a revocation's append to its signed status.",
        bounds=(0.05, 0.1, 0.5, 1, 5, 30),
    ),
}
"""Every metric, by the attribute of ``Metrics`` that holds it."""


class Metrics:
    """All metrics of one worker, in a registry of their own. No label ever holds a value of the data."""

    events: Counter
    seconds: Histogram
    dead: Counter
    epsilon: Gauge
    cap: Gauge
    refused: Counter
    drift: Counter
    rows: Counter
    counted: Counter
    drift_cpu: Counter
    drift_severity: Gauge
    counts_published: Gauge
    counts_taken: Gauge
    drift_state: Gauge
    drift_score: Gauge
    missing_share: Gauge
    releases: Gauge
    jobs: Gauge
    findings: Counter
    checks: Counter
    _attacked: Gauge
    _attack_interval: Gauge
    commands: Counter
    notice: Histogram

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for attribute, declared in DECLARED.items():
            setattr(self, attribute, declared.made(self.registry))

    def live(self, dataset: str, missing_share: float, drift_score: float) -> None:
        """Show the smoothed figures of a dataset's live rows."""
        self.missing_share.labels(dataset).set(missing_share)
        self.drift_score.labels(dataset).set(drift_score)

    def attacked(self, dataset: str, at: float, interval: float) -> None:
        """Show when a dataset's releases were last attacked (seconds since 1970), and how often they should be."""
        self._attacked.labels(dataset).set(at)
        self._attack_interval.labels(dataset).set(interval)

    def not_attacked(self, dataset: str) -> None:
        """Show nothing of a dataset that has no release in use, or that another worker watches now."""
        for gauge in (self._attacked, self._attack_interval):
            gauge.remove(dataset)

    def serve(self, port: int, host: str = "127.0.0.1") -> None:
        """Answer Prometheus on ``host:port``, on a thread of its own."""
        start_http_server(port, addr=host, registry=self.registry)
