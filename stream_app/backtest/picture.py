"""A backtest as a picture: how far rows stood from an alarm, and what the budget came to against its cap."""

import io
from typing import TYPE_CHECKING, Any, Literal

from schemas.errors import MissingExtra
from stream_app.backtest.replay import Replayed
from stream_app.backtest.result import Backtest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "perennial", "text.parse_math": False, "font.size": 8}
_COLOURS = {
    "snapshot": "#3b6ea5",
    "drift": "#e07b39",
    "expiry": "#7a7a7a",
    "renewal": "#8fb0d0",
    "check": "#6a4c93",
    "person": "#2e7d32",
    "private test": "#c9a227",
}
_LIMIT = "#b3261e"


def require_plots() -> None:
    """Raises ``MissingExtra`` where matplotlib is not installed: before minutes of replay, not after."""
    import importlib.util

    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtra("a backtest with a plot", "report")


def picture(found: Backtest, replayed: Replayed, format: Literal["svg", "png"]) -> bytes:
    """The picture in this format; the same bytes for the same figures."""
    require_plots()
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    out = io.BytesIO()
    with rc_context(_STYLE):
        figure = Figure(figsize=(9, 5), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True)
        _drift(upper, found, replayed)
        _budget(lower, found, replayed)
        for ax in (upper, lower):
            ax.spines[["top", "right"]].set_visible(False)
        metadata = {"Date": None, "Creator": None} if format == "svg" else {"Software": None}
        figure.savefig(out, format=format, metadata=metadata, dpi=150)
    return out.getvalue()


def _drift(ax: "Axes", found: Backtest, replayed: Replayed) -> None:
    """The largest statistic over its threshold after every message; 1 is an alarm, after which it starts again."""
    ax.plot(
        [_place(replayed, row, at) for row, at, _ in replayed.scores],
        [min(score, 1.0) for _, _, score in replayed.scores],
        color=_COLOURS["snapshot"],
        linewidth=0.7,
    )
    drifts = [each for each in found.happenings if each.what == "drift"]
    ax.plot([_place(replayed, each.row, each.at) for each in drifts], [1.0] * len(drifts), "v", color=_LIMIT)
    ax.axhline(1, color=_LIMIT, linewidth=0.8, linestyle="--")
    for change in found.alarms.changes:
        last = min(change.row, len(replayed.history.times) - 1)
        ax.axvline(_place(replayed, change.row, int(replayed.history.times[last])), color="black", linestyle=":")
    ax.set_ylim(0, 1.1)
    ax.set_ylabel("drift score")
    ax.set_title(f"{found.dataset} {found.version}: {found.alarms.found} drifts, {found.regenerations} regenerations")


def _budget(ax: "Axes", found: Backtest, replayed: Replayed) -> None:
    """Epsilon after each grant, the cap, and what was refused."""
    history, grants = replayed.history, found.budget.grants
    steps = [(each.row, each.at, float(each.epsilon_after)) for each in grants]
    steps.append((len(history.frame), int(history.times[-1]), float(found.budget.epsilon)))
    places = [_place(replayed, row, at) for row, at, _ in steps]
    ax.step(places, [epsilon for _, _, epsilon in steps], where="post", color="black", linewidth=1)
    for cause, again in dict.fromkeys((each.cause, each.sampled_again) for each in grants):
        own = [each for each in grants if (each.cause, each.sampled_again) == (cause, again)]
        ax.plot(
            [_place(replayed, each.row, each.at) for each in own],
            [float(each.epsilon_after) for each in own],
            "o",
            color=_COLOURS[cause],
            markerfacecolor="white" if again else _COLOURS[cause],
            label=f"{cause}, sampled again" if again else cause,
        )
    refused = [each for each in found.happenings if each.what == "refused"]
    cap = float(found.budget.cap)
    if refused:
        ax.plot([_place(replayed, each.row, each.at) for each in refused], [cap] * len(refused), "x", color=_LIMIT)
    ax.axhline(cap, color=_LIMIT, linewidth=0.8, linestyle="--", label="cap")
    ax.set_ylim(0, cap * 1.1)
    ax.set_ylabel("epsilon")
    ax.set_xlabel("time" if history.timed else "row of the history")
    ax.legend(frameon=False, loc="lower right")


def _place(replayed: Replayed, row: int, at: int) -> Any:
    import numpy as np

    return np.datetime64(at, "ms") if replayed.history.timed else row
