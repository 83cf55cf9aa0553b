"""Ranges for numbers: rounded outwards, on the lattice that the values lie on."""

import math
from typing import TYPE_CHECKING, Any

from schemas.contract import Range

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float64]]

_DECIMALS = 6
_MOST_STEPS = 1_000_000
_CONTINUOUS_STEPS = 10_000
_MONTH = 2_629_746.0


def number_range(values: "Floats", whole: bool) -> tuple[Range, str]:
    """A range that covers finite ``values`` and how its resolution was found; needs at least one value."""
    import numpy as np

    distinct = np.unique(values)
    lowest, highest = float(distinct[0]), float(distinct[-1])
    resolution, why = _whole_resolution(distinct) if whole else _resolution(distinct)
    step = 10.0 ** math.floor(math.log10((highest - lowest) / 5)) if highest > lowest else resolution
    step = max(step, resolution)
    lower = lowest - math.ceil((lowest - math.floor(lowest / step) * step) / resolution - 1e-6) * resolution
    upper = highest + math.ceil((math.ceil(highest / step) * step - highest) / resolution - 1e-6) * resolution
    if whole:
        lower, upper = round(lower), round(upper)
    return Range(lower=_tidy(min(lower, lowest)), upper=_tidy(max(upper, highest)), resolution=resolution), why


def time_range(seconds: "Floats") -> tuple[Range, str]:
    """A range of times since 1970, rounded outwards by up to a month, in whole days, hours, minutes or seconds."""
    import numpy as np

    resolution, unit = next(
        (
            (step, unit)
            for step, unit in ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
            if not np.any(seconds % step)
        ),
        (1e-6, "microseconds"),
    )
    day = 86_400.0
    lower = math.floor(float(seconds.min()) / _MONTH) * _MONTH // day * day
    upper = (math.ceil(float(seconds.max()) / _MONTH) * _MONTH // day + 1) * day
    return Range(
        lower=min(lower, float(seconds.min()) // day * day), upper=upper, resolution=resolution
    ), f"whole {unit}"


def _whole_resolution(distinct: "Floats") -> tuple[float, str]:
    import numpy as np

    steps = (
        np.diff(distinct).astype("int64")
        if len(distinct) > 1 and abs(distinct).max() < 2**53
        else np.ones(1, dtype="int64")
    )
    common = float(np.gcd.reduce(steps)) if len(distinct) > 20 else 1.0
    return common, "whole numbers" if common == 1 else f"whole numbers in steps of {common:g}"


def _resolution(distinct: "Floats") -> tuple[float, str]:
    """Decimal places, else equal steps (integers that someone standardised), else a fine step for continuous values."""
    import numpy as np

    span = float(distinct[-1] - distinct[0])
    tolerance = 1e-9 * max(1.0, float(abs(distinct).max()))
    for places in range(_DECIMALS + 1):
        if (
            np.all(np.abs(distinct - np.round(distinct, places)) <= tolerance)
            and span * 10**places <= 100 * _MOST_STEPS
        ):
            return 10.0**-places, f"{places} decimal places" if places else "whole numbers"
    equal = _equal_steps(distinct)
    if equal is not None:
        return equal, "equal steps, like whole numbers that were standardised"
    return 10.0 ** math.floor(
        math.log10(span / _CONTINUOUS_STEPS)
    ) if span > 0 else 1.0, "continuous, in about ten thousand steps"


def _equal_steps(distinct: "Floats") -> float | None:
    import numpy as np

    gaps = np.diff(distinct)
    if len(gaps) < 3:
        return None
    span = float(distinct[-1] - distinct[0])
    smallest = float(gaps.min())
    if smallest <= 0 or span / smallest > _MOST_STEPS / 100:
        return None
    steps = span / round(span / smallest)
    counts = (distinct - distinct[0]) / steps
    # Distances accumulate no error this way: every value is compared with its own multiple from the lowest.
    return steps if bool(np.all(np.abs(counts - np.round(counts)) < 1e-4)) else None


def _tidy(value: float) -> float:
    return float(f"{value:.12g}")
