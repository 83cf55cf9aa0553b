"""Personal data in the synthetic table that the contract does not declare, by names of columns and by values."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from schemas.cells import typed
from schemas.contract import Column
from schemas.finding import Finding, Gate
from schemas.personal import BIRTH, KINDS, name_hint, personal_kinds
from schemas.personal_shapes import ACCOUNT, CARD, NATIONAL, PHONE
from validators.protocol import Evidence
from validators.verdicts import hold, require

if TYPE_CHECKING:
    import pandas as pd

_FEW: Final = 12
"""Columns with no more different values than this are categories, whatever they are called."""
_CHARACTERS: Final = 2_000_000
_NUMBERS: Final = 5_000
_SMALLEST: Final = 1_000_000
_BY_DIGITS: Final = frozenset({PHONE, NATIONAL, ACCOUNT, CARD})


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Columns that hold personal data of a kind that the contract does not declare for them.

    A column's ``personal`` is a person's decision: a kind that it names, or a text of the owner's own, is listed and
    not counted, but a known kind does not cover another one. Of very long columns an even sample is read. Names
    that only hint at circumstances (sex, salary) are listed. Findings hold names of columns, kinds and counts.
    """

    metric: str = "personal_data"
    gate: Gate = "schema"
    looks_at: Literal["synthetic", "members"] = "synthetic"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` on an empty table."""
        require(len(evidence.synthetic), 1, "synthetic rows")
        columns = [column for column in evidence.contract.modelled if column.name in evidence.synthetic]
        found = {column.name: _kinds(evidence, column) for column in columns}
        undeclared = {column.name: _undeclared(column, found[column.name]) for column in columns}
        counted = {name: kinds for name, kinds in undeclared.items() if kinds}
        hints = {column.name: name_hint(column.name) for column in columns}
        reasons = [f"{name}: {', '.join(sorted(kinds))}" for name, kinds in counted.items()][:5]
        detail = {
            "columns": counted,
            "declared": {column.name: column.personal for column in columns if column.personal is not None},
            "named_like": {name: hint.what for name, hint in hints.items() if hint is not None and name not in counted},
            "scanned": len(columns),
        }
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                float(len(counted)),
                support=len(evidence.synthetic),
                samples={"synthetic": len(evidence.synthetic)},
                reason="not declared: " + "; ".join(reasons) if reasons else None,
                detail=detail,
            ),
        )


def _undeclared(column: Column, kinds: dict[str, int]) -> dict[str, int]:
    if column.personal is not None and column.personal not in KINDS:
        return {}
    return {kind: count for kind, count in kinds.items() if kind != column.personal}


def _kinds(evidence: Evidence, column: Column) -> dict[str, int]:
    """Kinds that values show, else what the name says where the values could be that."""
    if column.type == "boolean":
        return {}
    if column.type in ("date", "timestamp"):
        days = int(evidence.synthetic[column.name].nunique())
        return {BIRTH: days} if days > _FEW and _named(column) == BIRTH else {}
    values = _numbers(evidence.synthetic[column.name]) if column.type != "string" else _texts(evidence, column)
    found = personal_kinds(values)
    return found or _by_name(column, values)


def _by_name(column: Column, values: list[str]) -> dict[str, int]:
    kind, hint = _named(column), name_hint(column.name)
    if hint is None or not hint.direct or len(values) <= _FEW:
        return {}
    possible = column.type == "string" or kind in _BY_DIGITS
    return {hint.what: len(values)} if possible else {}


def _named(column: Column) -> str | None:
    hint = name_hint(column.name)
    return hint.what if hint is not None else None


def _numbers(series: "pd.Series[Any]") -> list[str]:
    """Different whole numbers of seven digits and more, as they would be written."""
    numbers = series.to_numpy(dtype="float64", na_value=np.nan)
    # Numbers of cards have up to 19 digits, beyond what float64 holds exactly: those are taken from the integers.
    whole = np.isfinite(numbers) & (np.abs(numbers) >= _SMALLEST) & (numbers == np.floor(numbers))
    kept = series[whole & (np.abs(numbers) < 1e19)].unique()
    return [str(int(value)) for value in kept[:: -(-len(kept) // _NUMBERS) or 1]]


def _texts(evidence: Evidence, column: Column) -> list[str]:
    """Different texts of the table as it came; of more than two million characters an even sample and all with an @."""
    raw = evidence.raw_synthetic
    places = [k for k, name in enumerate(raw.columns) if str(name) == column.name] if raw is not None else []
    series = raw.iloc[:, places[0]] if raw is not None and places else evidence.synthetic[column.name]
    # Not unique(): among texts it looks no further than a zero byte.
    texts = [text for text in typed(series, "string")[0].dropna().drop_duplicates() if text.strip()]
    step = -(-sum(map(len, texts)) // _CHARACTERS)
    return texts if step <= 1 else [text for k, text in enumerate(texts) if k % step == 0 or "@" in text]
