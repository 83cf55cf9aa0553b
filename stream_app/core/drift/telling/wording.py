"""A drift in words that a person understands and that name no raw value.

Counts are (codes,) vectors of rows: missing, new, then the bins of the column. Means and spreads are of normal scores
of the bins' ranks before the change, so that a unit is a standard deviation whatever the scale and however long the
tail; they follow the counts alone and no bin's bounds. Categories are named where the contract's domain names them, and
groups likewise; bounds of numbers never are, except where the caller says that the bins are public.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.contract import Categories, Column, Contract
from schemas.drift import Kind
from schemas.errors import ContractError
from schemas.events.sources import ShareMoved
from stream_app.core.drift.coding.bins import MISSING, NEW, ColumnBins, Floats
from stream_app.core.drift.scoring.normal_scores import Moments, moments
from stream_app.core.drift.telling.moved_shares import category_name, cells_of, share, total_variation

Counts = np.ndarray[Any, np.dtype[np.int64]] | Floats | Sequence[int]

_PLAIN = 0.05
_SPREAD_WEIGHT = 0.7


@dataclass(frozen=True, slots=True)
class Said:
    """``text`` says what happened, and ``effect`` in ``unit`` how much: signed but for ``total_variation``."""

    text: str
    effect: float
    unit: str


def said(
    kind: Kind,
    columns: Sequence[ColumnBins],
    contract: Contract,
    before: Counts | None = None,
    after: Counts | None = None,
    *,
    group: tuple[str, str] | None = None,
    figures: tuple[float, float] | None = None,
    effect: float | None = None,
) -> Said:
    """What a sign of this kind says of its ``columns``, the one that moved first.

    ``before`` and ``after`` are its counts (of the group's rows, where ``group`` gives column and value). ``figures``
    are the correlations of the first two columns, or the error rates of the reference model; ``effect`` is Cohen's w of
    a pair that has no correlation. Raises ``ContractError`` where what the kind needs is lacking.
    """
    if kind == "schema":
        names = ", ".join(column.name for column in columns)
        return Said(f"the columns changed: {names}" if names else "the columns changed", 1.0, "share")
    if kind == "concept":
        return said_error(*_given(figures), contract.policy.target)
    if kind == "withheld":
        return Said("the rows moved; a private test does not tell what", 1.0, "share")
    if not columns:
        raise ContractError("a drift is said of at least one column")
    if kind == "correlation" and len(columns) > 1 and (figures is not None or effect is not None):
        first, second = columns[0].name, columns[1].name
        return said_correlation(first, second, *figures) if figures else said_association(first, second, effect or 0.0)
    if before is None or after is None:
        raise ContractError("a drift of a column is said from its counts before and after")
    before, after = np.asarray(before), np.asarray(after)
    _check(columns[0], contract, before, after)
    found = _said_of(kind, columns[0], contract, before, after)
    return found if group is None else Said(f"{in_group(contract, *group)}: {found.text}", found.effect, found.unit)


def _said_of(kind: Kind, column: ColumnBins, contract: Contract, before: Counts, after: Counts) -> Said:
    if kind == "missingness":
        return said_rare(column.name, before, after, MISSING)
    if kind == "new_category":
        return said_rare(column.name, before, after, NEW)
    return said_column(column, contract, before, after)


def said_column(column: ColumnBins, contract: Contract, before: Counts, after: Counts) -> Said:
    """What moved most in one column: missing or new cells, a number's mean or spread, or a category's share."""
    rare = {code: share(after, code) - share(before, code) for code in (MISSING, NEW)}
    code = max(rare, key=lambda each: abs(rare[each]))
    elsewhere = total_variation(np.asarray(before)[2:], np.asarray(after)[2:])
    if abs(rare[code]) > elsewhere:
        return said_rare(column.name, before, after, code)
    if column.kind == "numeric":
        return said_number(column.name, before, after)
    return said_category(column, contract, before, after)


def said_number(name: str, before: Counts, after: Counts) -> Said:
    """The change of mean or of spread, whichever is larger; of shape, where neither is 0.05."""
    was, now = (moments(counts, before) for counts in (before, after))
    if was is None or now is None or was.deviation < 1e-9 or now.deviation < 1e-9:
        return _shape(name, before, after)
    mean, spread = _changes(was, now)
    if max(abs(mean), abs(spread)) < _PLAIN:
        return _shape(name, before, after)
    if abs(mean) >= _SPREAD_WEIGHT * abs(spread):
        text = f"the mean of {name} {_went(mean, 'rose', 'fell')} by {abs(mean):.2f} standard deviations"
        return Said(text, mean, "standard_deviations")
    text = f"the spread of {name} {_went(spread, 'grew', 'shrank')} by {percent(abs(float(np.expm1(spread))))}"
    return Said(text, spread, "spread")


def said_category(column: ColumnBins, contract: Contract, before: Counts, after: Counts) -> Said:
    """The category whose share moved most, by name where the contract names it."""
    was, now = (np.asarray(counts, dtype=np.float64)[2 : column.size] for counts in (before, after))
    total_before, total_after = max(1.0, float(was.sum())), max(1.0, float(now.sum()))
    moved = now / total_after - was / total_before
    if not len(moved):
        return _shape(column.name, before, after)
    place = int(np.argmax(np.abs(moved)))
    name = category_name(contract.column(column.name), column, place)
    others = place >= len(column.values)
    which = "the rarest categories" if others else f"category '{name}'" if name is not None else "one category"
    text = f"the share of {which} of {column.name} {_from_to(was[place] / total_before, now[place] / total_after)}"
    return Said(text, float(moved[place]), "share")


def said_rare(name: str, before: Counts, after: Counts, code: int) -> Said:
    """The share of missing cells, or of values that the reference does not have."""
    was, now = share(before, code), share(after, code)
    what = "missing cells" if code == MISSING else "values new to the reference"
    return Said(f"{what} of {name} {_from_to(was, now)}", now - was, "share")


def said_correlation(first: str, second: str, before: float, after: float) -> Said:
    """Correlation, or another strength of association between -1 and 1."""
    verb = _went(after - before, "rose", "fell")
    return Said(
        f"the correlation of {first} and {second} {verb} from {before:.2f} to {after:.2f}",
        after - before,
        "correlation",
    )


def said_association(first: str, second: str, effect: float) -> Said:
    """Cohen's w of the change of a pair's table."""
    return Said(
        f"{first} and {second} go together otherwise than before: by {effect:.2f} (Cohen's w)", effect, "association"
    )


def said_error(before: float, after: float, target: str | None) -> Said:
    """The error of the reference model: how often the target is not what the other columns led to expect."""
    of = f" of {target}" if target else ""
    return Said(f"the model's error{of} {_from_to(before, after)}", after - before, "error_rate")


def in_group(contract: Contract, column: str, value: str) -> str:
    """``in the group origin = JFK``, or without the value where the contract's domain does not name it."""
    known = contract.column(column) if column in contract.names else None
    named = known is not None and value in _named(known)
    return f"in the group {column} = {value}" if named else f"in one group of {column}"


def shares_moved(
    column: ColumnBins, contract: Contract, before: Counts, after: Counts, *, public_bins: bool = False
) -> tuple[ShareMoved, ...]:
    """The column's marginal before and since, in at most 12 cells; each side's shares add up to 1.

    ``public_bins``: the edges of a number's bins come from the contract and may be shown.
    """
    _check(column, contract, before, after)
    known = contract.column(column.name)
    was, now = (np.asarray(counts, dtype=np.float64) for counts in (before, after))
    return tuple(
        ShareMoved(
            label=label,
            before=float(was[codes].sum() / max(1.0, was.sum())),
            after=float(now[codes].sum() / max(1.0, now.sum())),
        )
        for label, codes in cells_of(column, known, was, now, public_bins)
    )


def percent(value: float, places: int = 0) -> str:
    """``14 %``; nothing is ``0 %`` whatever the places."""
    return f"{100 * value:.{places}f} %" if value else "0 %"


def _from_to(before: float, after: float) -> str:
    """``rose from 0.1 % to 2.3 %``, with as many places as tell both from each other and from nothing."""
    if before == after:
        return f"stayed at {percent(before, 1)}"
    places = 0 if min(before, after) >= 0.1 else 1
    while places < 4 and (
        percent(before, places) == percent(after, places)
        or any(0 < value < 0.5 * 10 ** -(places + 2) for value in (before, after))
    ):
        places += 1
    return f"{_went(after - before, 'rose', 'fell')} from {percent(before, places)} to {percent(after, places)}"


def _went(change: float, up: str, down: str) -> str:
    return up if change >= 0 else down


def _changes(was: Moments, now: Moments) -> tuple[float, float]:
    return (now.mean - was.mean) / was.deviation, float(np.log(now.deviation / was.deviation))


def _shape(name: str, before: Counts, after: Counts) -> Said:
    moved = total_variation(np.asarray(before)[2:], np.asarray(after)[2:])
    return Said(f"the shape of {name} changed: {percent(moved, 1)} of the rows lie elsewhere", moved, "total_variation")


def _named(column: Column) -> frozenset[str]:
    return (
        frozenset(str(value) for value in column.domain.values)
        if isinstance(column.domain, Categories)
        else frozenset()
    )


def _given(figures: tuple[float, float] | None) -> tuple[float, float]:
    if figures is None:
        raise ContractError("this kind of drift is said from two figures, before and after")
    return figures


def _check(column: ColumnBins, contract: Contract, before: Counts, after: Counts) -> None:
    if column.name not in contract.names:
        raise ContractError("the contract does not have the column that moved")
    for counts in (before, after):
        given = np.asarray(counts)
        if given.shape != (column.size,) or not np.isfinite(given).all() or (given < 0).any():
            raise ContractError(f"counts of {column.name} must be one number, 0 or more, for each of its codes")
