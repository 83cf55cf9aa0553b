"""How far each subgroup falls behind the whole table, measure by measure."""

from typing import TYPE_CHECKING

from schemas.finding import Finding
from validators.report.chart import SYNTHETIC, bars, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def drawn(finding: Finding) -> str | None:
    """The largest gaps with their intervals and the limit; none where no subgroup was measured."""
    gaps = finding.detail.get("gaps")
    if not gaps:
        return None
    return render(10, 1.0 + 0.3 * len(gaps), lambda panels: _draw(panels[0], finding, gaps))


def _draw(ax: "Axes", finding: Finding, gaps: dict[str, list[float]]) -> None:
    values = [each[0] for each in gaps.values()]
    spans = [(each[1], each[2]) for each in gaps.values()]
    bars(ax, list(gaps), values, spans, finding.limit, SYNTHETIC)
    ax.set_xlabel("shortfall against the whole table, beyond that of real rows")
