"""Bins of a numeric column, the same for profiles, drift and gates: heavy values alone, quantiles for the rest."""

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]


def bin_edges(values: Reals, bins: int) -> Reals:
    """Right-closed upper edges of all bins but the last; at most about ``2 * bins`` of them.

    ``values`` may hold NaN for missing. Values that hold a bin's share by themselves get their own bin, quantiles share
    the rest. A column of at most ``bins`` distinct values gets a bin for each.
    """
    present = values[~np.isnan(values)]
    distinct, counts = np.unique(present, return_counts=True)
    if len(distinct) <= bins:
        return distinct[:-1]
    heaps = distinct[counts * bins >= len(present)]
    rest = present[~np.isin(present, heaps)]
    cuts = np.linspace(0, 1, max(2, bins - len(heaps) + 1))[1:-1]
    quantiles = np.quantile(rest, cuts, method="lower") if len(rest) else np.zeros(0)
    edges: Reals = np.unique(np.concatenate([quantiles, heaps, np.nextafter(heaps, -np.inf)]))
    return edges[: int(np.searchsorted(edges, distinct[-1]))]
