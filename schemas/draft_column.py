"""One column of a drafted contract: its type, role and domain as seen in a file, and the reasons."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.cells import typed
from schemas.contract import Categories, Column, Domain, LogicalType, Role
from schemas.lattice import number_range, time_range
from schemas.personal import Hint, personal_hint

if TYPE_CHECKING:
    import pandas as pd

MOST_CATEGORIES = 500
_FEW_CATEGORIES = 12
_KEY_ROWS = 20
_SAMPLE = 500
_NEARLY_ALL = 0.99
_KEY = re.compile(r"(^|[_\W])(id|uuid|guid|key|pk|hash|token)$", re.IGNORECASE)
_ROW_NUMBER = re.compile(r"^(unnamed: \d+|index|row_?(id|number|num)?|)$", re.IGNORECASE)
_LARGEST = 2.0**53 - 1
_TRUTH = frozenset({"true", "false"})


@dataclass(frozen=True, slots=True)
class Drafting:
    """A column and the comment that explains it."""

    column: Column
    comment: str


def draft_column(raw: "pd.Series[Any]", name: str, forced: Role | None, confirmed: bool) -> Drafting:
    """The column as seen; ``forced`` is the role that a person named for it. The comment holds no cell."""
    kind = _type(raw)
    values, _ = typed(raw, kind)
    present = values.dropna()
    hint = personal_hint(
        name,
        [str(value) for value in present.drop_duplicates().iloc[:_SAMPLE]] if kind in ("string", "integer") else [],
    )
    unique = len(present) == len(values) >= _KEY_ROWS and kind != "number" and present.is_unique
    role, why = (forced, _forced(forced)) if forced else _role(name, kind, present, hint, unique)
    domain, seen = _domain(present, kind, forced == "modelled", confirmed) if role == "modelled" else (None, "")
    if role == "modelled" and domain is None:
        role, why = "ignored", seen
    column = Column(
        name=name,
        type=kind,
        role=role,
        required=len(present) == len(values),
        unique=unique and role != "modelled",
        domain=domain,
        personal=hint.what if hint else None,
    )
    missing = f"{_percent(1 - len(present) / len(values))} missing" if len(present) < len(values) else "never missing"
    lines = [
        f"{kind}, {missing}." + (f" {why}" if why else ""),
        seen if domain else "",
        f"May be personal data: {hint.what}." if hint else "",
    ]
    return Drafting(column, "\n".join(line for line in lines if line))


def _percent(share: float) -> str:
    return "under 1 %" if share < 0.01 else f"{100 * share:.0f} %"


def _forced(role: Role) -> str:
    return {
        "entity": "The privacy unit's key: bounds contributions, is not released.",
        "time": "Orders the rows, is not released.",
    }.get(role, "")


def _type(raw: "pd.Series[Any]") -> LogicalType:
    """The narrowest type that takes (nearly) all present cells."""
    import pandas as pd

    kind = getattr(raw.dtype, "kind", "O") if not isinstance(raw.dtype, pd.CategoricalDtype) else "O"
    if kind == "b":
        return "boolean"
    if kind in "iuf":
        return "integer" if _fits(raw, "integer") else "number"
    if kind == "M":
        return _time_type(raw)
    present = raw.dropna()
    texts = {value.strip().lower() for value in present.iloc[:_SAMPLE] if isinstance(value, str)}
    if (
        not len(present)
        or all(isinstance(value, bool) for value in present)
        or (texts and texts <= _TRUTH and _fits(raw, "boolean"))
    ):
        return "boolean" if len(present) else "string"
    if any(re.match(r"^\s*0\d", text) for text in texts):
        return "string"
    for candidate in ("integer", "number"):
        if _fits(raw, candidate):
            return candidate
    return _time_type(raw) if not texts and _fits(raw, "timestamp") else "string"


def _fits(raw: "pd.Series[Any]", kind: LogicalType) -> bool:
    values, bad = typed(raw, kind)
    need = 1.0 if raw.dtype != object else _NEARLY_ALL
    good = int(values.notna().sum())
    return good > 0 and good >= need * (good + int(bad.sum()))


def _time_type(raw: "pd.Series[Any]") -> LogicalType:
    stamps, _ = typed(raw, "timestamp")
    present = stamps.dropna()
    return "date" if len(present) and bool((present == present.dt.floor("D")).all()) else "timestamp"


def _role(name: str, kind: LogicalType, present: "pd.Series[Any]", hint: Hint | None, unique: bool) -> tuple[Role, str]:
    distinct = int(present.nunique())
    if not len(present):
        return "ignored", "Empty in this file, so ignored."
    if unique and kind in ("integer", "string"):
        return "identifier", "Different in every row, so a key: never read by a generator."
    if _ROW_NUMBER.match(name) and distinct == len(present) and kind in ("integer", "number"):
        return "identifier", "Numbers the rows, so a key."
    if hint is not None and hint.direct and kind in ("string", "integer") and distinct > _FEW_CATEGORIES:
        return "identifier", "Identifies people directly, so never read by a generator."
    if _KEY.search(name) and distinct > 2 * _FEW_CATEGORIES and kind in ("integer", "string"):
        return (
            "identifier",
            "Named like a key and has many values. If its rows belong together, draft again with --entity.",
        )
    if kind == "string" and not _few(distinct, len(present)):
        return "ignored", (
            f"Free text or too many different values ({distinct}) to be public categories, so ignored.\n"
            "Under the role of text, a release has the column, empty or by a template, and still nobody reads it."
        )
    return "modelled", ""


def _few(distinct: int, rows: int) -> bool:
    return distinct <= _FEW_CATEGORIES or (distinct <= MOST_CATEGORIES and distinct <= rows / 5)


def _domain(present: "pd.Series[Any]", kind: LogicalType, wanted: bool, confirmed: bool) -> tuple[Domain | None, str]:
    if not len(present):
        return None, "Empty in this file, so ignored."
    state = "stated to be public" if confirmed else "seen in the file, unconfirmed"
    if kind == "boolean":
        return Categories(values=(False, True), confirmed=True), ""
    if kind in ("integer", "number") and float(abs(present.to_numpy(dtype="float64")).max()) > _LARGEST:
        return None, "Numbers beyond what a double holds exactly, so ignored: have them as text, or in larger units."
    distinct = present.nunique()
    if kind == "string":
        if distinct > MOST_CATEGORIES:
            return None, f"Too many different values ({distinct}) to be categories, so ignored."
        return Categories(
            values=tuple(sorted(present.unique())), confirmed=confirmed
        ), f"{distinct} categories, {state}."
    if kind == "integer" and (distinct <= 2 or (wanted and distinct <= _FEW_CATEGORIES)):
        return Categories(
            values=tuple(sorted(int(value) for value in present.unique())), confirmed=confirmed
        ), f"{distinct} categories, {state}."
    if kind in ("date", "timestamp"):
        domain, why = time_range(present.astype("int64").to_numpy(dtype="float64") / 1_000_000)
        return domain.model_copy(
            update={"confirmed": confirmed}
        ), f"{_day(domain.lower)} to {_day(domain.upper)} in seconds since 1970, {why}, {state}."
    domain, why = number_range(present.to_numpy(dtype="float64"), whole=kind == "integer")
    return domain.model_copy(update={"confirmed": confirmed}), f"Range rounded outwards, {why}, {state}."


def _day(seconds: float) -> str:
    import numpy as np

    return str(np.datetime64(int(seconds), "s").astype("datetime64[D]"))
