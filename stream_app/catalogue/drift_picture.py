"""Pictures of drift, as SVG text (extra ``report``): a marginal before and since, and shares along a stream."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from schemas.events.sources import ShareMoved
from stream_app.core.drift.over_time import SharesOverTime
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


def stream_picture(found: SharesOverTime, signs: Sequence[DriftSign]) -> str:
    """The shares of the cells that move most, with a line where each drift began (dashed) and was found.

    Raises ``MissingExtra`` without matplotlib.
    """
    moved = np.ptp(found.shares, axis=1)
    chosen = [int(place) for place in np.argsort(-moved, kind="stable")[:_MOST_LINES]]

    def draw(axes: "list[Axes]") -> None:
        ax = axes[0]
        starts = np.append(0, found.ends[:-1])
        for colour, place in zip(_COLOURS, chosen, strict=False):
            middle = (starts + found.ends) / 2
            ax.plot(middle, 100 * found.shares[place], color=colour, lw=1, label=short(found.labels[place]))
            ax.axhline(100 * found.reference[place], color=colour, lw=0.6, ls=":")
        for sign in signs:
            ax.axvline(sign.since_row, color=OTHER, lw=0.8, ls="--")
            ax.axvline(sign.row, color=LIMIT, lw=0.8)
        ax.set_xlim(0, int(found.ends[-1]))
        ax.set_xlabel("row of the stream (dashed: a drift began; red: it was found; dotted: the reference)")
        ax.set_ylabel(f"share of {short(found.column)}, %")
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1))

    return render(9, 3.6, draw)
