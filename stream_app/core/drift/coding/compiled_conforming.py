"""Numbers within the domain of their column by a loop that numba compiles; imported only where numba is installed."""

import numpy as np

from schemas.compiling import compiled
from stream_app.core.drift.coding.cells import Floats


@compiled
def clip(values: Floats, whole: bool, lower: float, upper: float, out: Floats) -> None:
    """Numbers held within the ends, an empty range included; NaN where one is not finite, or not whole where it must
    be.
    """
    limit = 2.0**63 if whole else np.inf
    for i in range(len(values)):
        value = values[i]
        fits = (abs(value) < limit) & ((not whole) | (np.rint(value) == value))
        value = value if fits else np.nan
        raised = lower if value < lower else value
        out[i] = upper if value > upper else raised
