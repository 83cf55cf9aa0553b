"""One integer for each combination of codes: rows as numbers that can be sorted, counted and looked up."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32] | npt.NDArray[np.int64]
_MOST = 2**62


def row_keys(tables: Sequence[Codes]) -> list[Keys]:
    """For each (n_rows, n_columns) table of codes from 0 its rows' keys: equal for equal rows and only for them, across
    all tables.

    Exact: where the product of the columns' sizes would overflow, what stands so far is numbered anew.
    """
    joined = np.concatenate(tables)
    keys, size = np.zeros(len(joined), dtype=np.int64), 1
    for column in joined.T:
        width = int(column.max(initial=0)) + 1
        if size * width > _MOST:
            distinct, keys = np.unique(keys, return_inverse=True)
            keys, size = keys.astype(np.int64), len(distinct)
        keys = keys * width + column
        size *= width
    return list(np.split(keys, np.cumsum([len(table) for table in tables])[:-1]))
