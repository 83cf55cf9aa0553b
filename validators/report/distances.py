"""How near synthetic rows lie to training rows and to rows that no generator saw: two curves that should be one."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from schemas.finding import Finding
from validators.report.chart import OTHER, REAL, SYNTHETIC, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def drawn(finding: Finding) -> str | None:
    """One panel for each distance of the neighbours' finding; none where it measured nothing."""
    found, levels = finding.detail.get("distances"), finding.detail.get("quantile_levels")
    if not found or not levels:
        return None
    return render(10, 3, lambda panels: _draw(panels, found, levels), 1, len(found))


def _draw(panels: "list[Axes]", found: Mapping[str, Mapping[str, Any]], levels: list[float]) -> None:
    for ax, (metric, each) in zip(panels, found.items(), strict=True):
        ax.plot(each["dcr_to_train"], levels, color=SYNTHETIC, label="to training rows")
        ax.plot(each["dcr_to_holdout"], levels, color=REAL, linestyle="--", label="to held-out rows")
        ax.axvline(0, color=OTHER, linewidth=0.6)
        ax.set_title(f"{metric}: nearer to training {each['dcr_share']:.1%}")
        ax.set_xlabel("distance to the nearest row")
    panels[0].set_ylabel("share of synthetic rows")
    panels[0].legend()
