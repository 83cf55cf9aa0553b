"""How much a drift matters: its size, weighed by what the columns that drifted tell of the target.

    severity = min(1, |effect| / scale) * weight

``scale`` is the effect of its unit that counts as the whole: a quarter of the rows elsewhere, one standard deviation,
a correlation changed by 0.5, a tenth of the rows more that the reference model gets wrong. ``weight`` is 1 for the
target itself, for concept and schema drift, and where there is no target or no column tells of it; else

    weight = 0.2 + 0.8 * (R(column) / max R)

where R is the informational correlation of a column with the target in the reference (Linfoot 1957, by the mutual
information of their table). The drift of a column that says nothing of the target weighs a fifth: synthetic data must
still have its distribution. Of several columns the one that tells most counts. A subgroup's size does not dilute its
drift. Schema drift has severity 1 whatever its effect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np

from schemas.dependence import Layout, PairTables, informational_correlation
from schemas.drift import Kind
from schemas.errors import ContractError
from stream_app.core.drift.coding.bins import Codes, Floats

Word = Literal["low", "medium", "high"]

SCALES = {
    "total_variation": 0.25,
    "share": 0.25,
    "standard_deviations": 1.0,
    "spread": 0.7,
    "correlation": 0.5,
    "association": 0.5,
    "error_rate": 0.1,
}
"""The effect that counts as the whole: ``share`` of rows; ``spread``, natural logarithm of the ratio of two;
``association``, Cohen's w, of which 0.5 is called large (Statistical Power Analysis, 1988, 7.2).
"""

MEDIUM, HIGH = 0.2, 0.5
"""Severity from which on a drift is called medium, and high."""

_FLOOR = 0.2
_TELLS_NOTHING = 0.05
_WHOLE: frozenset[Kind] = frozenset({"concept", "schema"})


@dataclass(frozen=True, slots=True)
class Severity:
    """``value`` from 0 to 1, and the word for it."""

    value: float
    word: Word


def severity(
    kind: Kind,
    effect: float,
    unit: str,
    columns: Sequence[str] = (),
    told: Mapping[str, float] | None = None,
    target: str | None = None,
) -> Severity:
    """How much a drift of ``columns`` matters; ``told`` is each column's R with the target, where there is one.

    Raises ``ContractError`` on an effect that is no number and on a unit without a scale.
    """
    if kind == "schema":
        return graded(1.0)
    scale = SCALES.get(unit)
    if scale is None or not isfinite(effect):
        raise ContractError("an effect must be a number in a unit that has a scale")
    weight = 1.0 if kind in _WHOLE else column_weight(columns, told or {}, target)
    return graded(min(1.0, abs(effect) / scale) * weight)


def graded(value: float) -> Severity:
    """The word for a severity: low under 0.2, high from 0.5 on."""
    return Severity(value, "low" if value < MEDIUM else "medium" if value < HIGH else "high")


def column_weight(columns: Sequence[str], told: Mapping[str, float], target: str | None) -> float:
    """From 0.2 to 1: how much the most telling of ``columns`` tells of the target, relative to the best of all."""
    best = max((value for name, value in told.items() if name != target), default=0.0)
    if target is None or best < _TELLS_NOTHING:
        return 1.0
    known = [1.0 if name == target else told[name] / best for name in columns if name == target or name in told]
    return _FLOOR + (1 - _FLOOR) * min(1.0, max(0.0, *known)) if known else 1.0


def told_of_target(codes: Codes, sizes: Sequence[int], target: int) -> Floats:
    """(n_columns,) informational correlation of each column with column ``target``, 1 for itself.

    ``codes`` (n_columns, n_rows), each column's below its size; few coarse codes make the estimate steadier. The
    information is lowered by its bias from few rows (Miller 1955).
    """
    others = [place for place in range(len(codes)) if place != target]
    found = np.ones(len(codes))
    layout = Layout((sizes[target], *(sizes[place] for place in others)), tuple((0, k + 1) for k in range(len(others))))
    information = PairTables.of(codes[[target, *others]].T.astype(np.int32), layout).mutual_information()
    found[others] = informational_correlation(information)
    return found


def told_by_tables(tables: Sequence[Floats]) -> Floats:
    """(n_tables,) the same from two-way counts, each (codes of a column, codes of the target)."""
    found = np.zeros(len(tables))
    for number, table in enumerate(tables):
        layout = Layout((len(table), table.shape[1]), ((0, 1),))
        joint = np.asarray(table, dtype=np.float64)
        single = np.concatenate([joint.sum(axis=1), joint.sum(axis=0)])
        counted = PairTables(layout, joint.ravel(), single, int(joint.sum()))
        found[number] = informational_correlation(counted.mutual_information())[0]
    return found
