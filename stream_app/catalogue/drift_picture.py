"""Pictures of drift, as SVG text (extra ``report``): a marginal before and since, and shares along a stream."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from schemas.events.sources import ShareMoved
from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.over_time import ErrorsOverTime, SharesOverTime
from stream_app.core.drift.sign import DriftSign
from validators.report.chart import LIMIT, OTHER, REAL, SYNTHETIC, render, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_LINES = 6
_COLOURS = ("#3b6ea5", "#e07b39", "#4c9a6a", "#8a5aa8", "#b59b2c", "#5aa3a8")


def marginals_picture(title: str, shares: Sequence[ShareMoved]) -> str:
    """Bars of each cell's share before the change and since. Raises ``MissingExtra`` without matplotlib."""

    def draw(axes: "list[Axes]") -> None:
        ax, places = axes[0], np.arange(len(shares))
        ax.barh(places - 0.2, [100 * cell.before for cell in shares], 0.4, color=REAL, label="before")
        ax.barh(places + 0.2, [100 * cell.after for cell in shares], 0.4, color=SYNTHETIC, label="since")
        ax.set_yticks(places, [short(cell.label, 34) for cell in shares])
        ax.invert_yaxis()
        ax.set_xlabel("share of rows, %")
        ax.set_title(title, loc="left")
        ax.legend()

    return render(6.4, 1.1 + 0.3 * len(shares), draw)


def stream_picture(found: SharesOverTime, signs: Sequence[DriftSign], errors: ErrorsOverTime | None = None) -> str:
    """The shares of the cells that move most, with a line where each drift began (dashed) and was found; where the
    columns changed that line is dotted. Below them, if given, how often the model of the target errs.

    Raises ``MissingExtra`` without matplotlib.
    """

    def draw(axes: "list[Axes]") -> None:
        _draw_shares(axes[0], found)
        _draw_signs(axes[0], [sign for sign in signs if sign.kind != "concept"])
        if errors is not None:
            _draw_errors(axes[1], errors)
            _draw_signs(axes[1], [sign for sign in signs if sign.kind == "concept"])
        for ax in axes:
            ax.set_xlim(0, int(found.ends[-1]))
            ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
        axes[-1].set_xlabel("row of the stream (dashed: a drift began; red: it was found; dotted: the reference)")

    return render(9, 3.6, draw) if errors is None else render(9, 6, draw, rows=2)


def _draw_shares(ax: "Axes", found: SharesOverTime) -> None:
    moved, middle = np.ptp(found.shares, axis=1), _middles(found.ends)
    chosen = [int(place) for place in np.argsort(-moved, kind="stable")[:_MOST_LINES]]
    for colour, place in zip(_COLOURS, chosen, strict=False):
        ax.plot(middle, 100 * found.shares[place], color=colour, lw=1, label=short(found.labels[place]))
        ax.axhline(100 * found.reference[place], color=colour, lw=0.6, ls=":")
    ax.set_ylabel(f"share of {short(found.column)}, %")


def _draw_errors(ax: "Axes", errors: ErrorsOverTime) -> None:
    ax.plot(_middles(errors.ends), 100 * errors.missed, color=_COLOURS[0], lw=1, label="missed")
    ax.plot(
        _middles(errors.ends), 100 * errors.expected, color=_COLOURS[0], lw=0.6, ls=":", label="as in the reference"
    )
    ax.set_ylabel(f"errors in {short(errors.target)}, %")


def _draw_signs(ax: "Axes", signs: Sequence[DriftSign]) -> None:
    """What is called the same is told once in the legend."""
    called: set[str] = set()
    for sign in signs:
        if sign.kind == "schema":
            text = f"columns changed: {short(', '.join(sign.columns))}"
            ax.axvline(sign.row, color=LIMIT, lw=1.2, ls=":", label="_nolegend_" if text in called else text)
            called.add(text)
        else:
            ax.axvline(sign.since_row, color=OTHER, lw=0.8, ls="--")
            ax.axvline(sign.row, color=LIMIT, lw=0.8)


def _middles(ends: Integers) -> Floats:
    return (np.append(0, ends[:-1]) + ends) / 2
