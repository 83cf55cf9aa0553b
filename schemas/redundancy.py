"""Columns that repeat others: functional dependencies, and near-copies of the target."""

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Codes = np.ndarray[Any, np.dtype[np.int64]]

MOST_COMBINATIONS = 3_000
_MOST_COLUMNS = 24
EXCEPTIONS = 0.005
"""The largest share of rows that may contradict a dependency: a handful of data errors does not make it less public."""

_EXPECTED_CONFLICTS = 50.0
_SCREEN_ROWS = 10_000
_MOST_CELLS = 2_000_000
_EXPLAINED = 0.9
_BINS = 50


@dataclass(frozen=True, slots=True)
class Determined:
    """Each combination of ``determinants`` comes with one value of ``dependent``, but for ``EXCEPTIONS``."""

    determinants: tuple[str, ...]
    dependent: str


def dependencies(frame: "pd.DataFrame", target: str | None) -> tuple[Determined, ...]:
    """Functional dependencies by one or two columns that chance does not explain; no dependent twice, no cycles.

    Expects columns with few different values. A dependency counts where at least 50 conflicts were to be expected had
    the dependent been drawn independently (rows beyond the first of a combination, times the chance to differ from
    the most frequent value), and fewer than a fiftieth of those, in at most ``EXCEPTIONS`` of the rows, was seen.
    """
    codes = {str(name): _codes(frame[name]) for name in list(frame.columns)[:_MOST_COLUMNS]}
    found: list[Determined] = []
    for width in (1, 2):
        for dependent in reversed(codes):
            if dependent == target or any(item.dependent == dependent for item in found):
                continue
            for determinants in combinations([name for name in codes if name != dependent], width):
                chosen = [codes[name] for name in determinants]
                if not _circular(found, determinants, dependent) and _determines(chosen, codes[dependent]):
                    found.append(Determined(determinants, dependent))
                    break
    return tuple(found)


def _circular(found: list[Determined], determinants: tuple[str, ...], dependent: str) -> bool:
    """Whether the determinants follow, over some steps, from the dependent itself."""
    reached = set(determinants)
    while True:
        more = {name for item in found if item.dependent in reached for name in item.determinants} - reached
        if not more:
            return dependent in reached
        reached |= more


def _determines(determinants: "list[Codes]", dependent: "Codes") -> bool:
    """Whether few rows contradict and chance would contradict often; a sample rules most candidates out cheaply."""
    step = max(1, len(dependent) // _SCREEN_ROWS)
    if step > 1 and not _follows([code[::step] for code in determinants], dependent[::step], 5 * EXCEPTIONS, 0.0):
        return False
    return _follows(determinants, dependent, EXCEPTIONS, _EXPECTED_CONFLICTS)


def _follows(determinants: "list[Codes]", dependent: "Codes", exceptions: float, conflicts: float) -> bool:
    """Codes are (rows,) from 0, with -1 for missing."""
    import numpy as np

    present = dependent >= 0
    for code in determinants:
        present &= code >= 0
    sizes = [int(code.max(initial=0)) + 1 for code in determinants]
    if not present.any() or int(np.prod(sizes)) > _MOST_CELLS:
        return False
    key = np.zeros(int(present.sum()), dtype="int64")
    for code, size in zip(determinants, sizes, strict=True):
        key = key * size + code[present]
    values = dependent[present]
    first = np.full(int(np.prod(sizes)), -1, dtype="int64")
    first[key[::-1]] = values[::-1]
    combos = int((first >= 0).sum())
    expected = (len(values) - combos) * (1 - np.bincount(values).max() / len(values))
    seen = int((first[key] != values).sum())
    return combos <= MOST_COMBINATIONS and seen <= exceptions * len(values) and expected >= max(conflicts, 50 * seen)


def near_copies(frame: "pd.DataFrame", target: str) -> tuple[str, ...]:
    """Columns that alone explain nine tenths of what is uncertain about the target, in 50 bins of five rows or more."""
    import numpy as np

    aim = _codes(frame[target])
    if len(np.unique(aim)) > _BINS:
        aim = _binned(frame[target])
    found = []
    for name in frame.columns:
        if name == target:
            continue
        key = _codes(frame[name])
        key = _binned(frame[name]) if key.max(initial=0) >= _BINS and frame[name].dtype.kind in "iufM" else key
        if key.max(initial=0) + 1 <= len(key) / 5 and _explained(key, aim) >= _EXPLAINED:
            found.append(str(name))
    return tuple(found)


def _explained(key: "Codes", aim: "Codes") -> float:
    """Goodman and Kruskal's lambda: by how much knowing ``key`` lowers the error of guessing ``aim``."""
    import numpy as np

    width = int(aim.max()) + 2
    counts = np.bincount((key + 1) * width + aim + 1, minlength=(int(key.max()) + 2) * width).reshape(-1, width)
    base = counts.sum(axis=0).max()
    total = counts.sum()
    return float((counts.max(axis=1).sum() - base) / (total - base)) if total > base else 0.0


def _codes(values: "pd.Series[Any]") -> "Codes":
    from schemas.factorized import factorized

    return factorized(values)[0].astype("int64")


def _binned(values: "pd.Series[Any]") -> "Codes":
    import numpy as np

    numbers = (
        values.astype("int64").to_numpy()
        if values.dtype.kind == "M"
        else values.to_numpy(dtype="float64", na_value=np.nan)
    )
    present = np.isfinite(numbers)
    if not present.any():
        return np.full(len(numbers), -1, dtype="int64")
    edges = np.unique(np.quantile(numbers[present], np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.where(present, np.searchsorted(edges, numbers), -1).astype("int64")
