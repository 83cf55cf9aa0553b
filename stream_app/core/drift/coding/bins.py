"""The bins of a reference: learnt from its rows, or the contract's own where counts are to be on public bins."""

from hashlib import blake2b
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
_MOST_CATEGORIES, _MOST_GROUPED = 64, 129
"""Codes of a category's values; of a subgroup column's 128 groups and the rest."""

_SURE = 3.0
_ATOM = 0.02
_BEYOND = (0.25, 0.5, 1.0, 2.0, 4.0)


def learn_bins(frame: "pd.DataFrame", contract: Contract) -> tuple[ColumnBins, ...]:
    """The bins of every modelled column that the frame has: quantiles of its numbers, its most frequent categories.

    Under ``policy.generation.counts`` ``public_bins`` the contract's own, of every modelled column.
    """
    if contract.policy.generation.counts == "public_bins":
        return tuple(public_column(column).bins for column in contract.modelled)
    present = {str(name) for name in frame.columns}
    grouped = contract.policy.subgroups
    return tuple(
        _learn(frame[column.name], column, _MOST_GROUPED if column.name in grouped else _MOST_CATEGORIES)
        for column in contract.modelled
        if column.name in present
    )


def _learn(cells: "pd.Series[Any]", column: Column, most: int) -> ColumnBins:
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
    keep = ordered if len(ordered) <= most else _frequent(ordered, [int(counts[value]) for value in ordered], most - 1)
    kept = set(keep)
    return ColumnBins(
        column.name,
        column.type,
        "categorical",
        values=tuple(keep),
        rest=tuple(value for value in ordered if value not in kept),
        fresh=float((counts == 1).sum()) / max(1, len(texts)),
    )


def _frequent(ordered: list[str], counts: list[int], number: int) -> list[str]:
    """So many of the values, the most frequent; of those whose counts chance alone may have set apart, whichever a hash
    of the value chooses: chosen by their counts, the rest would look rarer in these rows than in any that follow.
    """
    last = counts[number - 1]
    noise = _SURE * float(np.sqrt(last))
    sure, unsure = (
        [value for value, count in zip(ordered, counts, strict=True) if low < count - last <= high]
        for low, high in ((noise, np.inf), (-noise, noise))
    )
    chosen = set(sorted(unsure, key=_hashed)[: number - len(sure)])
    return [*sure, *(value for value in unsure if value in chosen)]


def _hashed(value: str) -> bytes:
    return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest()


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
