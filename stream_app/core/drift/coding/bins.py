"""The bins of a reference: learnt from its rows, or the contract's own where counts are to be on public bins."""

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.column_bins import MISSING, NEW, Codes, ColumnBins, Floats, as_numbers, as_texts
from schemas.contract import Column, Contract, Range
from schemas.public_bins import public_column

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "MISSING",
    "NEW",
    "Codes",
    "ColumnBins",
    "Floats",
    "as_numbers",
    "as_texts",
    "encode",
    "learn_bins",
]

_QUANTILE_BINS = 32
_MOST_CATEGORIES = 64
_ATOM = 0.02
_BEYOND = (0.25, 0.5, 1.0, 2.0, 4.0)


def learn_bins(frame: "pd.DataFrame", contract: Contract) -> tuple[ColumnBins, ...]:
    """The bins of every modelled column that the frame has: quantiles of its numbers, its most frequent categories.

    Under ``policy.generation.counts`` ``public_bins`` the contract's own, of every modelled column.
    """
    if contract.policy.generation.counts == "public_bins":
        return tuple(public_column(column).bins for column in contract.modelled)
    present = {str(name) for name in frame.columns}
    return tuple(_learn(frame[column.name], column) for column in contract.modelled if column.name in present)


def _learn(cells: "pd.Series[Any]", column: Column) -> ColumnBins:
    import pandas as pd

    if column.type in ("integer", "number", "date", "timestamp"):
        ends = column.domain if isinstance(column.domain, Range) else None
        return ColumnBins(
            column.name,
            column.type,
            "numeric",
            edges=_edges(as_numbers(cells, column.type)),
            lower=ends.lower if ends else None,
            upper=ends.upper if ends else None,
        )
    texts = as_texts(cells, column.type)
    counts = pd.Series(texts, dtype=object).value_counts()
    ordered = sorted(counts.index, key=lambda value: (-int(counts[value]), value))
    keep = ordered if len(ordered) <= _MOST_CATEGORIES else ordered[: _MOST_CATEGORIES - 1]
    return ColumnBins(
        column.name,
        column.type,
        "categorical",
        values=tuple(keep),
        rest=tuple(ordered[len(keep) :]),
        fresh=float((counts == 1).sum()) / max(1, len(texts)),
    )


def _edges(numbers: Floats) -> tuple[float, ...]:
    """Quantiles, both sides of frequent single values, and some room beyond the ends for a stream that leaves them."""
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return ()
    distinct, counts = np.unique(numbers, return_counts=True)
    atoms = distinct[counts >= _ATOM * len(numbers)]
    if len(distinct) <= _QUANTILE_BINS:
        inner = distinct
    else:
        inner = np.quantile(numbers, np.linspace(0, 1, _QUANTILE_BINS + 1)[1:-1], method="inverted_cdf")
    low, middle, high = np.quantile(numbers, [0.1, 0.5, 0.9])
    spread = max(float(high - low), float(distinct[-1] - distinct[0]) / 10, abs(float(middle)) * 1e-3, 1e-9)
    beyond = [float(distinct[0]) - step * spread for step in _BEYOND] + [float(np.nextafter(distinct[-1], np.inf))]
    beyond += [float(distinct[-1]) + step * spread for step in _BEYOND] + [float(distinct[0])]
    edges = np.unique(np.concatenate([inner, atoms, np.nextafter(atoms, np.inf), beyond]))
    return tuple(float(edge) for edge in edges)


def encode(frame: "pd.DataFrame", bins: tuple[ColumnBins, ...]) -> Codes:
    """(rows, columns) codes; a column that the frame lacks is missing throughout."""
    codes = np.zeros((len(frame), len(bins)), dtype="uint8")
    names = [str(name) for name in frame.columns]
    for place, column in enumerate(bins):
        if column.name in names:
            codes[:, place] = column.encode(frame.iloc[:, names.index(column.name)])
    return codes
