"""Bins of a numeric column, the same for profiles, drift and gates: heavy values alone, quantiles for the rest."""

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]


def bin_edges(values: Reals, bins: int) -> Reals:
    """Right-closed upper edges of all bins but the last; at most about ``2 * bins`` of them.

    ``values`` may hold NaN for missing. Values that hold a bin's share by themselves get their own bin, quantiles share
    the rest. A column of at most ``bins`` distinct values gets a bin for each.
    """
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    return edges_of(distinct, counts, bins)


def edges_of(distinct: Reals, counts: npt.NDArray[np.int64], bins: int) -> Reals:
    """As ``bin_edges``, of ``distinct`` numbers in ascending order and how often each occurs."""
    if len(distinct) <= bins:
        return distinct[:-1]
    heavy = counts * bins >= counts.sum()
    heaps, rest, before = distinct[heavy], distinct[~heavy], np.cumsum(counts[~heavy])
    cuts = np.linspace(0, 1, max(2, bins - len(heaps) + 1))[1:-1]
    # The lower of the two values that a quantile falls between, as numpy's method "lower".
    orders = np.floor(cuts * (before[-1] - 1)).astype(np.int64) if len(rest) else np.zeros(0, dtype=np.int64)
    quantiles = rest[np.searchsorted(before, orders, side="right")]
    edges: Reals = np.unique(np.concatenate([quantiles, heaps, np.nextafter(heaps, -np.inf)]))
    return edges[: int(np.searchsorted(edges, distinct[-1]))]
