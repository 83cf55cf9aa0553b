"""Distinct values of cells and where each stands, told apart by all of their text."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd


def factorized(cells: "npt.NDArray[Any] | pd.Series[Any]") -> tuple[npt.NDArray[np.intp], list[Any]]:
    """(rows,) places in the distinct values by first appearance, -1 where a cell is missing, and these values.

    Equal values are one.
    """
    import pandas as pd

    if cells.dtype != object and not isinstance(cells.dtype, pd.StringDtype):
        codes, unique = pd.factorize(cells)
        return codes, unique.tolist()
    codes, values = factorized_objects(np.asarray(cells, dtype=object))
    return codes, values.tolist()


def factorized_objects(cells: "npt.NDArray[Any]") -> tuple[npt.NDArray[np.intp], npt.NDArray[Any]]:
    """As ``factorized``, of cells of dtype object, with the values as an array of it.

    Among nothing but texts pandas looks no further than a zero byte, so that two people's keys could pass for one: with
    something else among them it compares objects.
    """
    import pandas as pd

    codes, unique = pd.factorize(np.append(cells, np.array([None], dtype=object)))
    return codes[:-1], unique
