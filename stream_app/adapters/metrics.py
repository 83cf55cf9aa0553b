"""Prometheus metrics of the stations; names and labels are the interface that alerts and dashboards rest on."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server


class Metrics:
    """All metrics of one worker, in a registry of their own. No label ever holds a value of the data."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter("perennial_events", "Events handled.", ("station", "outcome"), registry=self.registry)
        self.seconds = Histogram(
            "perennial_event_seconds",
            "Seconds from receipt to acknowledged facts.",
            ("station",),
            buckets=(0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600),
            registry=self.registry,
        )
        self.dead = Counter(
            "perennial_dead_letters", "Messages that no station could use.", ("topic",), registry=self.registry
        )
        self.epsilon = Gauge(
            "perennial_epsilon_spent",
            "Epsilon of a budget scope after its last grant.",
            ("scope",),
            registry=self.registry,
        )
        self.cap = Gauge("perennial_epsilon_cap", "Cap in force of a budget scope.", ("scope",), registry=self.registry)
        self.refused = Counter("perennial_spend_refused", "Spends refused.", ("scope",), registry=self.registry)
        self.drift = Counter("perennial_drift_events", "Drift found.", ("dataset", "kind"), registry=self.registry)
        self.rows = Counter(
            "perennial_live_rows", "Live rows compared with the reference.", ("dataset",), registry=self.registry
        )
        self.counted = Counter(
            "perennial_counted_rows",
            "Live rows that stage 1 has turned into counts.",
            ("dataset",),
            registry=self.registry,
        )
        self.drift_cpu = Counter(
            "perennial_drift_cpu_seconds",
            "CPU seconds of the drift station: of stage 1 (count) and of stage 2 (watch).",
            ("dataset", "stage"),
            registry=self.registry,
        )
        self.drift_severity = Gauge(
            "perennial_drift_severity",
            "Severity of the last drift found, 0 to 1.",
            ("dataset",),
            registry=self.registry,
        )
        self.counts_published = Gauge(
            "perennial_counts_published_timestamp_seconds",
            "When stage 1 last published counts of a dataset.",
            ("dataset",),
            registry=self.registry,
        )
        self.counts_taken = Gauge(
            "perennial_counts_taken_timestamp_seconds",
            "When the newest counts were published that stage 2 has taken of a dataset.",
            ("dataset",),
            registry=self.registry,
        )
        self.drift_state = Gauge(
            "perennial_drift_state_bytes",
            "Size of a dataset's last checkpoint: reference, counts, tests.",
            ("dataset",),
            registry=self.registry,
        )
        self.drift_score = Gauge(
            "perennial_drift_score",
            "Largest statistic of the drift tracker over its threshold, smoothed; 1 is an alarm.",
            ("dataset",),
            registry=self.registry,
        )
        self.missing_share = Gauge(
            "perennial_live_missing_share",
            "Share of modelled cells of live rows that are missing, smoothed over pieces of at least 250 rows.",
            ("dataset",),
            registry=self.registry,
        )
        self.releases = Gauge(
            "perennial_release_state",
            "Releases of a dataset in each state.",
            ("dataset", "state"),
            registry=self.registry,
        )
        self.jobs = Gauge("perennial_jobs_running", "Jobs on the process pool.", ("kind",), registry=self.registry)
        self.findings = Counter("perennial_findings", "Gate findings.", ("metric", "verdict"), registry=self.registry)
        self.checks = Counter(
            "perennial_release_check",
            "Releases in use that were measured again.",
            ("dataset", "gate", "verdict"),
            registry=self.registry,
        )
        self._attacked = Gauge(
            "perennial_release_attacked_timestamp_seconds",
            "When the attacks last decided on the certified release of a dataset whose turn is longest ago.",
            ("dataset",),
            registry=self.registry,
        )
        self._attack_interval = Gauge(
            "perennial_release_attack_interval_seconds",
            "Seconds that the contract allows between two attacks on a release.",
            ("dataset",),
            registry=self.registry,
        )
        self.commands = Counter("perennial_commands", "Signed commands.", ("outcome",), registry=self.registry)
        self.notice = Histogram(
            "perennial_revocation_notice_seconds",
            "Seconds from a revocation's append to its signed status.",
            buckets=(0.05, 0.1, 0.5, 1, 5, 30),
            registry=self.registry,
        )

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
