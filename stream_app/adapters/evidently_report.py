"""Reads a report of Evidently 0.7 as JSON (``snapshot.json()``, ``snapshot.save_json(...)``) and says which columns
drifted, by the report's own tests and thresholds.

A report holds of each column a score, the method and its threshold, and no verdict: most methods give a p-value, where
small means drift, others a distance, where large does. A method that is not listed here is refused, for taking one for
the other would turn every verdict round. Source: Evidently 0.7.23, ``legacy/calculations/stattests``.
"""

import math
from dataclasses import dataclass
from typing import Any

from schemas.canonical import parse
from schemas.errors import ContractError, InputError
from schemas.events.sources import DriftDetected
from stream_app.adapters.outside_drift import from_outside

DETECTOR = "evidently"
P_VALUES = frozenset(
    ("anderson", "Anderson-Darling", "chisquare", "chi-square p_value", "cramer_von_mises", "Cramer-von Mises", "es",
     "Epps-Singleton", "fisher_exact", "Fisher's Exact test", "g_test", "ks", "K-S p_value", "mannw",
     "Mann-Whitney U-rank test", "empirical_mmd", "t_test", "TVD", "Total-Variation-Distance", "z", "Z-test p_value")
)  # fmt: skip
"""Names and display names; Evidently's total variation distance is told as the p-value of a permutation test."""

DISTANCES = frozenset(
    ("ed", "Energy-distance", "hellinger", "Hellinger distance", "jensenshannon", "Jensen-Shannon distance", "kl_div",
     "Kullback-Leibler divergence", "psi", "PSI", "wasserstein", "Wasserstein distance (normed)")
)  # fmt: skip

_VALUE, _COUNT = "evidently:metric_v2:ValueDrift", "evidently:metric_v2:DriftedColumnsCount"
_SMALLEST, _LARGEST = 1e-300, 1e300
_DEFAULT_SHARE = 0.5
_MOST_NAMED = 5
_NOT_A_REPORT = "not a report of Evidently 0.7 as `snapshot.save_json(...)` writes it"


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One column's score and threshold as Evidently tells them."""

    column: str
    method: str
    score: float
    threshold: float

    @property
    def strength(self) -> tuple[float, float]:
        """Statistic and threshold such that drift is a statistic at or above; of p-values minus their logarithms."""
        if self.method in P_VALUES:
            return -math.log10(max(self.score, _SMALLEST)), -math.log10(max(self.threshold, _SMALLEST))
        return self.score, self.threshold

    @property
    def drifted(self) -> bool:
        statistic, threshold = self.strength
        return statistic >= threshold


@dataclass(frozen=True, slots=True)
class EvidentlyReport:
    """Every column that was tested, and the share of drifted ones from which Evidently calls the dataset drifted."""

    columns: tuple[ColumnDrift, ...]
    drift_share: float

    @property
    def drifted(self) -> tuple[ColumnDrift, ...]:
        """Strongest first: by how many times its threshold a statistic is."""
        found = [column for column in self.columns if column.drifted]
        return tuple(sorted(found, key=lambda column: -_times(column)))


def read_report(body: bytes) -> EvidentlyReport:
    """Raises ``InputError`` on anything else than a report of column drift, and where its figures contradict."""
    try:
        document = parse(body)
    except ContractError as error:
        raise InputError(f"{_NOT_A_REPORT}: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("metrics"), list):
        raise InputError(f"{_NOT_A_REPORT}: it has no list of metrics")
    metrics = [_metric(metric) for metric in document["metrics"]]
    columns = tuple(_column(config, value) for config, value in metrics if config["type"] == _VALUE)
    if not columns:
        raise InputError("the report tests no column for drift: run it with DataDriftPreset or ValueDrift")
    if len({column.column for column in columns}) < len(columns):
        raise InputError("the report tests a column more than once: one preset a report")
    counts = [(config, value) for config, value in metrics if config["type"] == _COUNT]
    return EvidentlyReport(columns, _share_of(counts, columns))


def drift_of(report: EvidentlyReport, dataset: str, row: int, since_row: int | None = None) -> DriftDetected | None:
    """The event of a report, or none where no column drifted.

    The effect is the share of the tested columns that drifted. Severity is that over the share from which Evidently
    calls the whole dataset drifted, 1 at most.
    """
    found = report.drifted
    if not found:
        return None
    statistic, threshold = found[0].strength
    share = len(found) / len(report.columns)
    return from_outside(
        {
            "dataset": dataset,
            "kind": "external",
            "columns": [column.column for column in found],
            "effect": share,
            "effect_unit": "share_of_columns",
            "severity": min(1.0, share / report.drift_share),
            "said": _said(found, len(report.columns)),
            "statistic": statistic,
            "threshold": threshold,
            "row": row,
            "since_row": row if since_row is None else since_row,
            "detector": DETECTOR,
        }
    )


def _said(found: tuple[ColumnDrift, ...], tested: int) -> str:
    named = [f"{each.column[:60]} ({each.method} {each.score:.3g}, threshold {each.threshold:.3g})" for each in found][
        :_MOST_NAMED
    ]
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return f"{len(found)} of {tested} columns drifted by Evidently: {', '.join(named)}{more}"


def _times(column: ColumnDrift) -> float:
    statistic, threshold = column.strength
    return statistic / threshold if threshold > 0 else math.inf


def _metric(metric: Any) -> tuple[dict[str, Any], Any]:
    if not isinstance(metric, dict):
        raise InputError(f"{_NOT_A_REPORT}: a metric is no object")
    if "metric" in metric and "result" in metric:
        raise InputError("this is a report of Evidently before 0.7: run it with 0.7")
    config = metric.get("config")
    if not isinstance(config, dict) or not isinstance(config.get("type"), str) or "value" not in metric:
        raise InputError(f"{_NOT_A_REPORT}: a metric has no config or no value")
    return config, metric["value"]


def _column(config: dict[str, Any], value: Any) -> ColumnDrift:
    name, method = config.get("column"), config.get("method")
    if not isinstance(name, str) or not name:
        raise InputError(f"{_NOT_A_REPORT}: a drift metric names no column")
    if not isinstance(method, str) or method not in P_VALUES | DISTANCES:
        raise InputError(
            f"the test of column {name[:60]} is not known here: whether small or large values mean drift cannot be "
            "told; publish an event of your own with --event"
        )
    return ColumnDrift(name, method, _number(value, name), _number(config.get("threshold"), name))


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LARGEST:
        raise InputError(f"score and threshold of column {name[:60]} must be numbers, 0 or more")
    return float(value)


def _share_of(counts: list[tuple[dict[str, Any], Any]], columns: tuple[ColumnDrift, ...]) -> float:
    """Evidently's own count of drifted columns must be that of the columns read here."""
    if not counts:
        return _DEFAULT_SHARE
    if len(counts) > 1:
        raise InputError("the report counts drifted columns more than once: one preset a report")
    config, value = counts[0]
    limit, count = config.get("drift_share"), value.get("count") if isinstance(value, dict) else None
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 < limit <= 1:
        raise InputError("the report's drift_share must be above 0 and at most 1")
    drifted = sum(column.drifted for column in columns)
    if count != drifted:
        raise InputError(
            f"the report contradicts itself: by its columns {drifted} drifted, by its count another number"
        )
    return float(limit)
