"""What membership attacks achieved: the ROC of each, and its accuracy with the bound that decides."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from schemas.finding import Finding
from validators.report.chart import OTHER, SYNTHETIC, bars, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def drawn(finding: Finding) -> str | None:
    """Two panels of the membership finding; none where no attack ran."""
    curves, rates = finding.detail.get("roc"), finding.detail.get("roc_false_alarms")
    if not curves or not rates:
        return None
    return render(10, 3.4, lambda panels: _draw(panels, finding, curves, rates), 1, 2)


def _draw(panels: "list[Axes]", finding: Finding, curves: Mapping[str, list[float]], rates: list[float]) -> None:
    roc, accuracy = panels
    for name, hits in curves.items():
        roc.plot(rates, hits, linewidth=1.1, label=name)
    roc.plot([0, 1], [0, 1], color=OTHER, linewidth=0.8, linestyle=":", label="guessing")
    roc.set_xlabel("share of non-members taken for members")
    roc.set_ylabel("share of members found")
    roc.legend(fontsize=6.5)
    found = finding.detail["accuracy"]
    values = [each[0] for each in found.values()]
    spans = [(each[1], each[2]) for each in found.values()]
    bars(accuracy, list(found), values, spans, finding.limit, SYNTHETIC)
    accuracy.set_xlim(0.4, max(0.7, *(high for _, high in spans)) + 0.02)
    accuracy.set_xlabel("balanced accuracy, one-sided 95 % bounds over all attacks")
