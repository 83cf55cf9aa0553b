"""Charts as SVG text that needs no network, no font and no script, the same text for the same figures."""

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from schemas.errors import MissingExtra

if TYPE_CHECKING:
    from matplotlib.axes import Axes

REAL, SYNTHETIC, OTHER, LIMIT = "#3b6ea5", "#e07b39", "#7a7a7a", "#b3261e"
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "perennial",
    "text.parse_math": False,  # a column may be named $x$
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8.5,
    "legend.frameon": False,
}


def render(width: float, height: float, draw: "Callable[[list[Axes]], None]", rows: int = 1, columns: int = 1) -> str:
    """What ``draw`` puts on the axes (row by row) of a figure of this size in inches, as an ``<svg>`` element.

    Belongs to no window and changes no global style. Raises ``MissingExtra`` where matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("a report with plots", "report") from error
    text = io.StringIO()
    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(list(figure.subplots(rows, columns, squeeze=False).ravel()))
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    drawn = text.getvalue()
    return drawn[drawn.index("<svg") :]


def short(name: str, most: int = 22) -> str:
    """A name that fits beside an axis."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def bars(
    ax: "Axes",
    names: Sequence[str],
    values: Sequence[float],
    spans: Sequence[tuple[float, float] | None],
    limit: float | None,
    color: str,
) -> None:
    """Horizontal bars with their intervals and the limit as a line, first name on top."""
    places = range(len(names))
    ax.barh(list(places), list(values), color=color, height=0.6)
    for place, value, span in zip(places, values, spans, strict=True):
        if span is not None:
            ax.plot([span[0], span[1]], [place, place], color="black", linewidth=1)
            ax.plot([value], [place], "|", color="black")
    if limit is not None:
        ax.axvline(limit, color=LIMIT, linewidth=1, linestyle="--")
    ax.set_yticks(list(places), [short(name, 34) for name in names])
    ax.invert_yaxis()
