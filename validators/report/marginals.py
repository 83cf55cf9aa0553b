"""Each column's distribution, real against synthetic, drawn so that no bar and no label tells of a single person."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas.bins import Reals
from schemas.contract import Categories, Column, Range
from validators.encoding import cells_of, is_category, numbers
from validators.protocol import Evidence
from validators.report.chart import REAL, SYNTHETIC, render, short

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

BINS = 30
MOST_CATEGORIES = 15
FEW = 10
"""Real rows below which a bar is pooled with the others, so that none stands for a few people."""
MOST_COLUMNS = 40
ACROSS = 4
REST = "rest"


@dataclass(frozen=True, slots=True)
class Overlay:
    """One column's shares on either side; ``labels`` are public names, positions or bin centres as text."""

    name: str
    labels: tuple[str, ...]
    real: tuple[float, ...]
    synthetic: tuple[float, ...]
    ordered: bool


def overlays(evidence: Evidence) -> list[Overlay]:
    """One for each of the first 40 modelled columns; the real side is the holdout."""
    return [_overlay(evidence, column) for column in evidence.contract.modelled[:MOST_COLUMNS]]


def _overlay(evidence: Evidence, column: Column) -> Overlay:
    if is_category(column):
        return _categories(evidence.holdout, evidence.synthetic, column)
    return _histogram(evidence.holdout, evidence.synthetic, column)


def _categories(real: "pd.DataFrame", fake: "pd.DataFrame", column: Column) -> Overlay:
    import pandas as pd

    counts = pd.Series(cells_of(real, column)).value_counts()
    shown = list(counts.index[:MOST_CATEGORIES][counts.to_numpy()[:MOST_CATEGORIES] >= FEW])
    public = isinstance(column.domain, Categories)
    labels = [str(value) if public else f"#{k}" for k, value in enumerate(shown, start=1)]
    shares = []
    for table in (real, fake):
        cells = pd.Series(cells_of(table, column))
        each = [float((cells == value).sum()) for value in shown]
        shares.append(_shares([*each, float(cells.notna().sum()) - sum(each), float(cells.isna().sum())]))
    return Overlay(column.name, (*labels, REST, "missing"), shares[0], shares[1], ordered=False)


def _histogram(real: "pd.DataFrame", fake: "pd.DataFrame", column: Column) -> Overlay:
    sides = [numbers(real, column), numbers(fake, column)]
    edges = _edges(*_span(sides[0], column), column)
    inside = [np.clip(side[~np.isnan(side)], edges[0], edges[-1]) for side in sides]
    counts = [np.histogram(values, edges)[0].astype(float) for values in inside]
    counts[0] = np.where(counts[0] < FEW, 0.0, counts[0])
    labels = [_text(float(centre), column) for centre in (edges[1:] + edges[:-1]) / 2]
    return Overlay(column.name, tuple(labels), _shares(list(counts[0])), _shares(list(counts[1])), ordered=True)


def _edges(low: float, high: float, column: Column) -> Reals:
    """About 30 equal bins; of whole numbers each holds equally many, so that none is empty by arithmetic."""
    if column.type != "integer":
        return np.linspace(low, high, BINS + 1)
    width = max(1.0, np.ceil((high - low + 1) / BINS))
    return np.arange(np.floor(low) - 0.5, high + width + 0.5, width)


def _span(values: Reals, column: Column) -> tuple[float, float]:
    """The public range where it is not far wider than the data; else from the 1 % to the 99 % quantile, rounded
    outwards to two digits.
    """
    present = values[~np.isnan(values)]
    if not len(present):
        return 0.0, 1.0
    low, high = (float(edge) for edge in np.quantile(present, [0.01, 0.99]))
    step = 10.0 ** np.floor(np.log10(max(high - low, abs(high) * 1e-6, 1e-9))) / 10
    low, high = float(np.floor(low / step) * step), float(np.ceil(high / step) * step)
    if isinstance(column.domain, Range):
        low, high = max(low, column.domain.lower), min(high, column.domain.upper)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _text(value: float, column: Column) -> str:
    if column.type in ("date", "timestamp"):
        return str(np.datetime64(round(value), "s").astype("datetime64[D]"))
    return f"{value:.4g}"


def _shares(counts: list[float]) -> tuple[float, ...]:
    whole = sum(counts)
    return tuple(count / whole if whole else 0.0 for count in counts)


def drawn(found: list[Overlay]) -> str:
    """All overlays as one picture, four in a row."""
    rows = -(-len(found) // ACROSS)
    return render(10, 1.7 * rows, lambda panels: _draw_all(panels, found), rows, ACROSS)


def _draw_all(panels: "list[Axes]", found: list[Overlay]) -> None:
    for panel, overlay in zip(panels, found, strict=False):
        _draw(panel, overlay)
    for panel in panels[len(found) :]:
        panel.set_visible(False)
    panels[0].legend(loc="best", fontsize=7)


def _draw(ax: "Axes", overlay: Overlay) -> None:
    places = np.arange(len(overlay.labels))
    if overlay.ordered:
        ax.fill_between(places, overlay.real, step="mid", color=REAL, alpha=0.35, label="real (held out)")
        ax.step(places, overlay.synthetic, where="mid", color=SYNTHETIC, linewidth=1.2, label="synthetic")
        ticks = np.linspace(0, len(places) - 1, 4).round().astype(int)
    else:
        ax.bar(places - 0.2, overlay.real, 0.4, color=REAL, alpha=0.6, label="real (held out)")
        ax.bar(places + 0.2, overlay.synthetic, 0.4, color=SYNTHETIC, label="synthetic")
        ticks = places
    turned = not overlay.ordered
    ax.set_xticks(ticks, [short(overlay.labels[k], 10) for k in ticks], rotation=60 if turned else 0, fontsize=6)
    ax.set_title(short(overlay.name, 28))
    ax.tick_params(axis="y", labelsize=6)
