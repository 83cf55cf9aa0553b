"""Tables typed by a contract: what every generator and validator may rely on, and what was wrong before."""

import io
import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from schemas.cells import typed
from schemas.contract import Categories, Column, Constraint, Contract, Dependency, Range, Role
from schemas.zones import doubtful_zones

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

ViolationKind = Literal[
    "missing_column", "type", "domain", "required", "unique", "constraint", "dependency", "time_zone"
]
MODELLED: tuple[Role, ...] = ("modelled",)
OTHER = "other"
"""The category that stands for every value outside a string domain with ``other``."""

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


@dataclass(frozen=True, slots=True)
class Violation:
    """How many cells or rows of one column break the contract, and how; never a cell's value."""

    column: str
    kind: ViolationKind
    count: int
    message: str


@dataclass(frozen=True, slots=True)
class Conformed:
    """A table that keeps the contract's types and domains, and what had to be changed or was found amiss."""

    table: "pd.DataFrame"
    violations: tuple[Violation, ...]

    @property
    def count(self) -> int:
        """Cells and rows at fault, all kinds together."""
        return sum(violation.count for violation in self.violations)


def conform(frame: "pd.DataFrame", contract: Contract, *, roles: tuple[Role, ...] = MODELLED) -> Conformed:
    """The contract's columns of these roles, in its order, typed and clipped to their domains; violations counted.

    dtypes: integer Int64, number float64 (finite or NaN), string object (str or None), boolean boolean, date and
    timestamp datetime64[us] (naive UTC). A cell that cannot be typed becomes missing; a number outside its range is
    clipped; a category outside its domain becomes missing, or ``OTHER`` without a violation in a string domain that
    allows it (missing in others). ``required`` counts cells that were missing on arrival. Constraints and
    dependencies are judged on rows where all their columns are present. Rows and their order are kept; never raises
    on cell contents.
    """
    import pandas as pd

    violations: list[Violation] = []
    places = _places(frame)
    columns: dict[str, Any] = {}
    for column in contract.columns:
        if column.role in roles:
            columns[column.name], found = _conform_column(frame, places.get(column.name, []), column)
            violations += found
    table = pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))
    for constraint in contract.policy.constraints:
        violations += _check_constraint(table, constraint)
    for dependency in contract.policy.dependencies:
        violations += _check_dependency(table, dependency, contract)
    return Conformed(table, tuple(violations))


def _places(frame: "pd.DataFrame") -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for position, name in enumerate(frame.columns):
        places.setdefault(str(name), []).append(position)
    return places


def _conform_column(
    frame: "pd.DataFrame", places: list[int], column: Column
) -> "tuple[pd.Series[Any], list[Violation]]":
    import pandas as pd

    if not places:
        values, _ = typed(pd.Series([None] * len(frame), dtype=object), column.type)
        return values, [Violation(column.name, "missing_column", 1, "the table has no such column")]
    values, bad = typed(frame.iloc[:, places[0]], column.type)
    absent = int((values.isna() & ~bad).sum())
    repeated = int(values[values.notna()].duplicated().sum()) if column.unique else 0
    values, outside = _within(values, column)
    found = [
        _violation(column, "type", len(places) - 1, "further columns of the same name, ignored"),
        _violation(column, "type", int(bad.sum()), f"cells that are no {column.type}, now missing"),
        _violation(column, "domain", outside, "cells outside the domain"),
        _violation(column, "required", absent if column.required else 0, "missing cells in a required column"),
        _violation(column, "unique", repeated, "repeated values in a unique column"),
    ]
    return values, [violation for violation in found if violation.count]


def _violation(column: Column, kind: ViolationKind, count: int, message: str) -> Violation:
    return Violation(column.name, kind, count, message)


def _within(values: "pd.Series[Any]", column: Column) -> "tuple[pd.Series[Any], int]":
    if isinstance(column.domain, Categories):
        return _within_categories(values, column, column.domain)
    if isinstance(column.domain, Range):
        return _within_range(values, column, column.domain)
    return values, 0


def _within_categories(values: "pd.Series[Any]", column: Column, domain: Categories) -> "tuple[pd.Series[Any], int]":
    import pandas as pd

    known, _ = typed(pd.Series(list(domain.values), dtype=object), column.type)
    allowed = values.isin(known.dropna()) | values.isna()
    if column.type == "string" and domain.other:
        return values.where(allowed, OTHER), 0
    outside = int((~allowed).sum())
    return values.mask(~allowed, None if column.type == "string" else pd.NA), 0 if domain.other else outside


def _within_range(values: "pd.Series[Any]", column: Column, domain: Range) -> "tuple[pd.Series[Any], int]":
    """Clipped to the range; a range on text or booleans says nothing and changes nothing."""
    import numpy as np

    if column.type in ("string", "boolean") or values.isna().all():
        return values, 0
    lower, upper = bounds(column, domain)
    below = np.asarray((values < lower).fillna(False), dtype=bool)
    above = np.asarray((values > upper).fillna(False), dtype=bool)
    if not (below | above).any():
        return values, 0
    return values.mask(below, lower).mask(above, upper), int(below.sum() + above.sum())


def bounds(column: Column, domain: Range) -> tuple[Any, Any]:
    """A range's ends in the column's own type: whole numbers inwards, times from seconds since 1970."""
    if column.type == "integer":
        return _int64(math.ceil(domain.lower)), _int64(math.floor(domain.upper))
    if column.type in ("date", "timestamp"):
        return _time(domain.lower), _time(domain.upper)
    return domain.lower, domain.upper


def _int64(value: int) -> int:
    return max(-(2**63), min(2**63 - 1, value))


def _time(seconds: float) -> "np.datetime64":
    import numpy as np

    limit = 250_000_000_000.0
    return np.datetime64(round(max(-limit, min(limit, seconds)) * 1_000_000), "us")


def _check_constraint(table: "pd.DataFrame", constraint: Constraint) -> Iterable[Violation]:
    names = [name for name in (constraint.left, constraint.right) if name is not None]
    if not set(names) <= set(table.columns) or not len(table):
        return
    rows = table[names].dropna()
    left, right = _comparable(rows[names[0]]), _comparable(rows[names[-1]]) if constraint.right else constraint.constant
    try:
        broken = int((~_COMPARE[constraint.operator](left, right)).sum())
    except TypeError:
        yield Violation(constraint.left, "constraint", len(rows), f"cannot be compared by {constraint.operator}")
        return
    if broken:
        yield Violation(
            constraint.left,
            "constraint",
            broken,
            f"rows break {constraint.left} {constraint.operator} {_right(constraint)}",
        )


def _right(constraint: Constraint) -> str:
    return constraint.right if constraint.right is not None else f"{constraint.constant:g}"


def _comparable(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Times as seconds since 1970, nullable numbers and booleans as numpy's; text as it is."""
    if values.dtype.kind == "M":
        return values.astype("int64") / 1_000_000
    if values.dtype == object:
        return values
    return values.astype("int64" if values.dtype == "Int64" else "float64")


def _check_dependency(table: "pd.DataFrame", dependency: Dependency, contract: Contract) -> Iterable[Violation]:
    import pandas as pd

    names = [*dependency.determinants, dependency.dependent]
    if not set(names) <= set(table.columns) or not len(table):
        return
    listed = {
        name: typed(pd.Series(list(cells), dtype=object), contract.column(name).type)[0]
        for name, cells in zip(
            names, zip(*dependency.table, strict=True) if dependency.table else [[]] * len(names), strict=True
        )
    }
    rows = table[names].dropna()
    known = pd.MultiIndex.from_frame(pd.DataFrame(listed).dropna().astype(object))
    broken = int((~pd.MultiIndex.from_frame(rows.astype(object)).isin(known)).sum()) if len(rows) else 0
    if broken:
        yield Violation(
            dependency.dependent,
            "dependency",
            broken,
            f"rows whose {dependency.dependent} does not follow from {', '.join(dependency.determinants)}",
        )


def zone_violations(frame: "pd.DataFrame", contract: Contract) -> tuple[Violation, ...]:
    """Released times that are not plainly UTC, which ``conform`` would convert without a word."""
    places = _places(frame)
    counted = [
        _violation(
            column, "time_zone", doubtful_zones(frame.iloc[:, places[column.name][0]]), "times not plainly in UTC"
        )
        for column in contract.modelled
        if column.type in ("date", "timestamp") and column.name in places
    ]
    return tuple(violation for violation in counted if violation.count)


def encode_parquet(table: "pd.DataFrame") -> bytes:
    """The table as Parquet, the same bytes for an equal table under the same Arrow release.

    No clock, host or pandas metadata goes in. Expects a conformed table (dtypes of ``conform``); Arrow types are int64,
    double, string, bool and timestamp[us].
    """
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(
        to_arrow(table),
        sink,
        compression="zstd",
        compression_level=3,
        version="2.6",
        data_page_version="1.0",
        row_group_size=65_536,
        use_dictionary=True,
        write_statistics=True,
        store_schema=False,
    )
    return sink.getvalue()


def to_arrow(table: "pd.DataFrame") -> "pa.Table":
    """A conformed table in Arrow, typed by its dtypes even where a column is wholly missing; no metadata."""
    import pyarrow as pa

    kinds = {"i": pa.int64(), "f": pa.float64(), "O": pa.string(), "b": pa.bool_(), "M": pa.timestamp("us")}
    schema = pa.schema([(str(name), kinds[table[name].dtype.kind]) for name in table.columns])
    return pa.Table.from_pandas(table, schema=schema, preserve_index=False, safe=True).replace_schema_metadata(None)
