"""Which attacks the privacy gate has: a digest that changes with any measure, limit, method or library."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from schemas.canonical import digest
from schemas.metrics import METRICS
from validators.registry import validators_of

SUITE: Final = 1
"""Raised by hand where a measure's code changes what it can find and nothing else here tells of it."""
LIBRARIES: Final = ("numpy", "pandas", "scikit-learn", "scipy")


def suite_digest() -> str:
    """SHA-256 over the privacy gate's measures in their order, their metrics' limits and methods, and the libraries.

    Equal on every worker of one installation. Releases that met another suite are attacked again.
    """
    return digest({"suite": SUITE, "measures": _measures(), "metrics": _metrics(), "libraries": _libraries()})


def _measures() -> list[Any]:
    return [
        [type(measure).__module__, type(measure).__qualname__, measure.metric, measure.looks_at]
        for measure in validators_of("privacy")
    ]


def _metrics() -> list[Any]:
    return [
        [metric.name, metric.default, metric.direction, metric.method] for metric in METRICS if metric.gate == "privacy"
    ]


def _libraries() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found
