"""What models learn from synthetic rows beside what they learn from real ones, learner by learner."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from schemas.finding import Finding
from validators.report.chart import REAL, SYNTHETIC, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIGURES = (("auc", "AUC"), ("gain", "gain over the mean"), ("f1", "macro F1"))


def drawn(finding: Finding) -> str | None:
    """One panel a figure of the train-on-synthetic finding; none where it measured nothing."""
    learners = finding.detail.get("learners")
    if not learners:
        return None
    first = next(iter(learners.values()))
    shown = [(key, title) for key, title in FIGURES if f"{key}_real" in first]
    return render(10, 2.8, lambda panels: _draw(panels, learners, shown), 1, len(shown))


def _draw(panels: "list[Axes]", learners: Mapping[str, Mapping[str, float]], shown: list[tuple[str, str]]) -> None:
    places = np.arange(len(learners))
    for ax, (key, title) in zip(panels, shown, strict=True):
        for shift, side, color in ((-0.2, "real", REAL), (0.2, "synthetic", SYNTHETIC)):
            values = [each[f"{key}_{side}"] for each in learners.values()]
            drawn_bars = ax.bar(places + shift, values, 0.38, color=color, label=f"trained on {side} rows")
            ax.bar_label(drawn_bars, fmt="%.3f", fontsize=7)
        ax.set_xticks(places, list(learners))
        ax.set_title(f"{title} on held-out real rows")
    panels[0].legend(loc="lower right")
