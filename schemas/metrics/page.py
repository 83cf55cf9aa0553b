"""The table of all metrics as Markdown, for the people who set limits and for those who ask where a figure is from."""

from schemas.metrics import METRICS
from schemas.metrics.metric import Metric

HEAD = """# Metrics

Every finding of a gate is one of these. A contract overrides a limit by its name (`policy.limits`); a contract of high
risk may only tighten. This page is made from `schemas/metrics/`.

"""
COLUMNS = ("metric", "default limit", "what it bounds", "how it is measured", "source")


def metrics_page() -> str:
    """One section a gate, one row a metric, in the order of the gates."""
    gates = dict.fromkeys(metric.gate for metric in METRICS)
    return HEAD + "\n".join(_section(gate, [metric for metric in METRICS if metric.gate == gate]) for gate in gates)


def _section(gate: str, metrics: list[Metric]) -> str:
    lines = [f"## {gate.capitalize()} gate", "", _row(*COLUMNS), _row(*("---",) * len(COLUMNS))]
    return "\n".join([*lines, *map(_metric, metrics), ""])


def _metric(metric: Metric) -> str:
    sign = "≤" if metric.direction == "at_most" else "≥"
    return _row(f"`{metric.name}`", f"{sign} {metric.default:g}", metric.means, metric.method, metric.source)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
