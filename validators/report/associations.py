"""How the dependence between each pair of columns differs between real and synthetic rows, as a heat map."""

from typing import TYPE_CHECKING

import numpy as np

from schemas.bins import Reals
from schemas.dependence import Layout, PairTables, all_pairs
from validators.protocol import Evidence
from validators.report.chart import render, short
from validators.views import codebook, codes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 10
MOST_COLUMNS = 40


def difference(evidence: Evidence) -> tuple[tuple[str, ...], Reals]:
    """Names and (n, n) Cramer's V of synthetic less that of held-out rows, of the first 40 modelled columns."""
    names = tuple(column.name for column in evidence.contract.modelled)[:MOST_COLUMNS]
    width = len(names)
    layout = Layout(codebook(evidence, BINS).sizes[:width], all_pairs(width))
    real, fake = (
        PairTables.of(codes(evidence, table, BINS)[:, :width], layout).cramers_v()
        for table in (evidence.holdout, evidence.synthetic)
    )
    matrix = np.zeros((width, width))
    for (i, j), change in zip(layout.pairs, fake - real, strict=True):
        matrix[i, j] = matrix[j, i] = change
    return names, matrix


def drawn(names: tuple[str, ...], matrix: Reals) -> str:
    """The heat map: blue where synthetic rows hang together less than real ones, red where more."""
    side = 2.2 + 0.24 * len(names)
    return render(side + 1.2, side, lambda panels: _draw(panels[0], names, matrix))


def _draw(ax: "Axes", names: tuple[str, ...], matrix: Reals) -> None:
    reach = max(0.1, float(np.abs(matrix).max(initial=0.0)))
    image = ax.pcolormesh(matrix, cmap="RdBu_r", vmin=-reach, vmax=reach, edgecolors="white", linewidth=0.3)
    places = np.arange(len(names)) + 0.5
    labels = [short(name, 16) for name in names]
    ax.set_xticks(places, labels, rotation=90, fontsize=7)
    ax.set_yticks(places, labels, fontsize=7)
    ax.invert_yaxis()
    ax.figure.colorbar(image, ax=ax, shrink=0.7, label="change of Cramér's V")
