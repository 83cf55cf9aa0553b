"""A sign in words and figures that may leave the station: no raw value, no group that the contract does not name."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from schemas.contract import Contract
from schemas.drift import Kind
from schemas.errors import ContractError
from schemas.events.sources import ShareMoved
from stream_app.core.drift.coding.bins import Codes, ColumnBins
from stream_app.core.drift.reference import Reference
from stream_app.core.drift.sign import DriftSign
from stream_app.core.drift.telling.severity import Severity, severity, told_of_target
from stream_app.core.drift.telling.wording import said, shares_moved

_COUNTED: frozenset[Kind] = frozenset(("marginal", "missingness", "new_category"))


@dataclass(frozen=True, slots=True)
class Explained:
    """``text`` says what happened, ``effect`` in ``unit`` how much, ``severity`` how much it matters.

    ``group`` is the group's value where the contract names it; ``shares`` are the strongest column's marginals.
    """

    text: str | None
    effect: float
    unit: str
    severity: Severity
    group: str | None
    shares: tuple[ShareMoved, ...]


def explained(sign: DriftSign, reference: Reference, contract: Contract, told: Mapping[str, float]) -> Explained:
    """Words, effect and unit are those of the words where they can be given from counts, else the sign's own.

    ``told`` is what each column tells of the target (``told_by_columns``), empty where there is none.
    """
    text, effect, unit = _said(sign, reference, contract)
    weight = severity(sign.kind, effect, unit, sign.columns, told, contract.policy.target)
    return Explained(text, effect, unit, weight, _group(sign, contract), _shares(sign, reference, contract))


def told_by_columns(reference: Reference, codes: Codes, target: str | None) -> dict[str, float]:
    """What each column tells of the target in (columns, rows) codes of the reference's rows; empty without a target."""
    names = [column.name for column in reference.bins]
    if target not in names:
        return {}
    coarse = np.stack([reference.layout.coarse[place][row] for place, row in enumerate(codes)])
    found = told_of_target(coarse, reference.layout.coarse_sizes, names.index(target))
    return dict(zip(names, (float(value) for value in found), strict=True))


def _said(sign: DriftSign, reference: Reference, contract: Contract) -> tuple[str | None, float, str]:
    columns = [column for name in sign.columns for column in reference.bins if column.name == name]
    evidence = sign.evidence
    try:
        if sign.kind in ("schema", "concept"):
            found = said(sign.kind, columns, contract, figures=sign.errors)
        elif sign.kind in _COUNTED:
            found = said(sign.kind, columns, contract, evidence.before, evidence.after)
        elif sign.kind == "correlation":
            found = said(sign.kind, columns, contract, figures=evidence.correlations, effect=sign.effect)
        else:
            return _said_of_group(sign, columns, contract), sign.effect, sign.unit
    except ContractError:
        return None, sign.effect, sign.unit
    return found.text, found.effect, found.unit


def _said_of_group(sign: DriftSign, columns: list[ColumnBins], contract: Contract) -> str:
    group = _group(sign, contract)
    where = f"{sign.columns[0]} = {group}" if group is not None else f"one group of {sign.columns[0]}"
    how = "standard deviations" if sign.unit == "standard_deviations" else "of its rows"
    what = "the mean" if sign.unit == "standard_deviations" else "the share of one category"
    went = "rose" if sign.effect > 0 else "fell"
    return f"in the group {where}: {what} of {columns[-1].name} {went} by {abs(sign.effect):.2g} {how}"


def _group(sign: DriftSign, contract: Contract) -> str | None:
    if sign.group is None:
        return None
    domain = contract.column(sign.columns[0]).domain
    named = {str(value) for value in getattr(domain, "values", ())}
    return sign.group if sign.group in named else None


def _shares(sign: DriftSign, reference: Reference, contract: Contract) -> tuple[ShareMoved, ...]:
    evidence = sign.evidence
    if not sum(evidence.before) or not sum(evidence.after):
        return ()
    column = next(column for column in reference.bins if column.name == sign.columns[0])
    return shares_moved(column, contract, evidence.before, evidence.after)


def shown_time(seconds: float | None) -> str | None:
    """A time as a data owner would write it, in UTC."""
    import pandas as pd

    try:
        return None if seconds is None else str(pd.Timestamp(seconds, unit="s"))
    except (ValueError, OverflowError):
        return None  # a producer may send any number
