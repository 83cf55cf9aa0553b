"""What a simulation knows of the source: sums over many customers, no row, no key and no single customer.

Customers are put into classes of ``LEAST`` at least by their mean amount. Of each class are kept: how many they are,
mean and spread of their mean amounts, of their rows a day and of their numbers of terminals, and how their amounts
scatter. Of all together: rows by hour and by weekday, how terminals differ in popularity, and counts of the other
columns by amount, where at least ``FEW`` rows share a cell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from generators.arrays import Floats, Ints
from schemas.errors import ArtefactError, InsufficientEvidence

LEAST, MOST_CLASSES = 20, 10
FEWEST_CUSTOMERS = 5
LOW, HIGH, CELLS = -4.0, 12.0, 128
"""Scatter of amounts about their customer's mean, in spreads: ``CELLS`` equal cells from ``LOW`` to ``HIGH``."""
BANDS, FEW = 16, 3
DAY, HOUR = 86_400, 3_600
CLASS_COLUMNS = ("customers", "mean", "mean_sd", "spread", "rate", "rate_sd", "terminals", "terminals_sd")
SHAPES = {"classes": 2, "scatter": 2, "hours": 1, "weekdays": 1, "facts": 1, "edges": 1}
FACTS = ("first_day", "days", "customers", "terminals", "popularity", "terminals_a_merchant", "excess")


@dataclass(frozen=True, slots=True)
class Payments:
    """Typed rows as arrays: codes of customers, terminals and merchants (all zero where there are none), seconds since
    1970, amounts in the contract's unit, and (rows, others) positions of the other columns.
    """

    customer: Ints
    terminal: Ints
    merchant: Ints
    seconds: Floats
    amount: Floats
    others: Ints


@dataclass(frozen=True, slots=True)
class Aggregates:
    """``classes`` is (classes, ``CLASS_COLUMNS``), ``scatter`` (classes, ``CELLS``) counts, ``hours`` 24 and
    ``weekdays`` 7 shares (Monday first), ``facts`` as ``FACTS`` names them, ``edges`` of ``BANDS`` bands of amounts.
    ``others``: for each other column (bands, cells) counts.
    """

    classes: Floats
    scatter: Floats
    hours: Floats
    weekdays: Floats
    facts: Floats
    edges: Floats
    others: tuple[Floats, ...]

    def fact(self, name: str) -> float:
        """One of ``FACTS``."""
        return float(self.facts[FACTS.index(name)])

    def of_class(self, name: str) -> Floats:
        """One of ``CLASS_COLUMNS``, by class."""
        return self.classes[:, CLASS_COLUMNS.index(name)]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """For the container."""
        found: dict[str, npt.NDArray[Any]] = {name: getattr(self, name) for name in SHAPES}
        return found | {f"other{place}": counts for place, counts in enumerate(self.others)}


def calibrated(payments: Payments, cells: tuple[int, ...], threshold: float) -> Aggregates:
    """The aggregates of some payments; ``cells`` are the numbers of cells of the other columns (see ``celled``).

    Raises ``InsufficientEvidence`` below ``FEWEST_CUSTOMERS`` customers.
    """
    count = int(payments.customer.max(initial=-1)) + 1
    if count < FEWEST_CUSTOMERS:
        raise InsufficientEvidence(f"agents needs {FEWEST_CUSTOMERS} customers at least, and the table has fewer")
    days = payments.seconds // DAY
    first, span = float(days.min()), float(days.max() - days.min() + 1)
    rows = np.bincount(payments.customer, minlength=count).astype(np.float64)
    means = np.bincount(payments.customer, payments.amount, count) / np.maximum(rows, 1)
    groups = _classes(means)
    visited = np.unique(np.stack([payments.customer, payments.terminal]), axis=1)
    reach = np.bincount(visited[0], minlength=count).astype(np.float64)
    classes, scatter = [], []
    for group in range(int(groups.max()) + 1):
        members = groups == group
        own = members[payments.customer]
        figures, shape = _class(payments.amount[own], payments.customer[own], means, rows, reach, members, span)
        classes.append(figures)
        scatter.append(shape)
    edges = np.unique(np.quantile(payments.amount, np.linspace(0, 1, BANDS + 1)[1:-1]))
    bands = np.searchsorted(edges, payments.amount, side="right")
    return Aggregates(
        np.array(classes, dtype=np.float64),
        np.array(scatter, dtype=np.float64),
        np.bincount((payments.seconds % DAY // HOUR).astype(np.int64), minlength=24) / len(days),
        _weekdays(days, first, span),
        _facts(payments, visited, first, span, threshold),
        edges.astype(np.float64),
        tuple(_by_band(bands, payments.others[:, place], len(edges) + 1, size) for place, size in enumerate(cells)),
    )


def read_aggregates(arrays: Mapping[str, npt.NDArray[Any]], others: tuple[int, ...]) -> Aggregates:
    """The aggregates from a container's arrays; raises ``ArtefactError``."""
    found = {name: arrays.get(name) for name in SHAPES}
    counts = tuple(arrays.get(f"other{place}") for place in range(len(others)))
    shapes = [*((found[name], ndim) for name, ndim in SHAPES.items()), *((array, 2) for array in counts)]
    if any(array is None or array.dtype != np.float64 or array.ndim != ndim for array, ndim in shapes):
        raise ArtefactError("the model's content does not fit together")
    made = Aggregates(
        **{name: array for name, array in found.items() if array is not None},
        others=tuple(array for array in counts if array is not None),
    )
    fits = (
        made.classes.shape[1] == len(CLASS_COLUMNS)
        and made.scatter.shape == (len(made.classes), CELLS)
        and (len(made.hours), len(made.weekdays), len(made.facts)) == (24, 7, len(FACTS))
        and all(array.shape == (len(made.edges) + 1, size) for array, size in zip(made.others, others, strict=True))
        and all(np.isfinite(array).all() for array in made.arrays().values())
        and made.of_class("customers").sum() > 0
        and 1 <= made.fact("days") <= 1e6
    )
    if not fits:
        raise ArtefactError("the model's content does not fit together")
    return made


def _facts(payments: Payments, visited: Ints, first: float, span: float, threshold: float) -> Floats:
    """``FACTS`` in order; ``visited`` is (2, pairs) of customers and terminals that met."""
    above = payments.amount[payments.amount > threshold]
    terminals = int(payments.terminal.max()) + 1
    facts = (
        first,
        span,
        float(payments.customer.max() + 1),
        float(terminals),
        _popularity(np.bincount(visited[1], minlength=terminals).astype(np.float64)),
        terminals / max(1, len(np.unique(payments.merchant))),
        float(above.mean() / threshold - 1) if len(above) >= FEW else 0.1,
    )
    return np.array(facts, dtype=np.float64)


def _classes(means: Floats) -> Ints:
    """The class of each customer: equal numbers by mean amount."""
    count = int(np.clip(len(means) // LEAST, 1, MOST_CLASSES))
    ranks = np.argsort(np.argsort(means, kind="stable"), kind="stable")
    return (ranks * count // len(means)).astype(np.int64)


def _class(
    amounts: Floats, customers: Ints, means: Floats, rows: Floats, reach: Floats, members: Any, span: float
) -> tuple[list[float], Floats]:
    """The figures of one class, and how its amounts scatter about their customers' means."""
    mean = means[members]
    away = amounts - means[customers]
    degrees = max(1.0, len(amounts) - float(members.sum()))
    deviation = float(np.sqrt((away**2).sum() / degrees))
    centre = float(mean.mean())
    relative = deviation / centre if centre > 0 else 0.0
    scale = np.maximum(relative * means[customers] if centre > 0 else np.full(len(amounts), deviation), 1e-9)
    cells = np.clip((away / scale - LOW) / (HIGH - LOW) * CELLS, 0, CELLS - 1).astype(np.int64)
    rate, busy = rows[members] / span, members & (rows >= np.median(rows[members]))
    met, seen = reach[busy], float(reach[busy].mean())  # who pays often shows most of the terminals it chooses from
    terminals = _reach(seen, float(rows[busy].mean()))
    noise = float(rate.mean()) / span  # what chance alone spreads counts by
    figures = [
        float(members.sum()),
        centre,
        float(mean.std()),
        relative if centre > 0 else -deviation,
        float(rate.mean()),
        float(np.sqrt(max(0.0, float(rate.var()) - noise))),
        terminals,
        float(met.std()) * terminals / max(seen, 1e-9),
    ]
    return figures, np.bincount(cells, minlength=CELLS).astype(np.float64)


def _reach(seen: float, visits: float) -> float:
    """How many terminals a customer chooses from who was seen at ``seen`` in so many visits (the occupancy problem)."""
    size = max(1.0, seen)
    for _ in range(60):
        expected = size * (1 - (1 - 1 / max(size, 1.000001)) ** max(visits, 1))
        size = min(max(1.0, size * seen / max(expected, 1e-9)), 20 * max(1.0, seen))
    return size


def _popularity(customers: Floats) -> float:
    """Sigma of a lognormal law of how many customers a terminal has, beyond what chance spreads."""
    mean = float(customers.mean())
    spare = max(0.0, float(customers.var()) / mean**2 - 1 / mean)
    return float(np.sqrt(np.log1p(spare)))


def _weekdays(days: Floats, first: float, span: float) -> Floats:
    """Rows of each weekday over how often it came, as shares; 1970 began on a Thursday."""
    rows = np.bincount(((days + 3) % 7).astype(np.int64), minlength=7)
    came = np.bincount(((np.arange(span) + first + 3) % 7).astype(np.int64), minlength=7)
    usual = np.where(came > 0, rows / np.maximum(came, 1), 0.0)
    return np.asarray(usual / usual.sum(), dtype=np.float64)


def _by_band(bands: Ints, cells: Ints, count: int, size: int) -> Floats:
    table = np.bincount(bands * size + cells, minlength=count * size).reshape(count, size).astype(np.float64)
    total = table.sum(axis=0)
    kept = np.where(table >= FEW, table, 0.0)
    rare = np.where(total >= FEW, total, 0.0)
    fallback = rare if rare.sum() else total
    return np.where(kept.sum(axis=1, keepdims=True) > 0, kept, fallback)
