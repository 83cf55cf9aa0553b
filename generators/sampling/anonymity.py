"""k-anonymity and l-diversity of a generated table, enforced: rows of small classes are generalised, else suppressed.

Rows with equal quasi-identifiers are a class; a missing cell is a value like any other. Generalisation is Datafly's
(Sweeney 2002: always the column with most different values), but recodes the rows of small classes only: all of a
class' rows move together, so classes that are large enough stay so. Post-processing of synthetic rows: no real row is
looked at, and no budget is spent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Bools, Ints
from generators.domains.constraints import satisfied
from generators.sampling.coarsening import Coarse, coarse_of
from schemas.contract import Contract
from schemas.errors import ContractError, InsufficientEvidence
from schemas.factorized import factorized
from schemas.generation import Anonymity
from schemas.sampling import AnonymityReport

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Classes:
    """The class of each row, its rows, and how many values of each sensitive column it has: (classes,) each."""

    of_row: Ints
    sizes: Ints
    diversities: tuple[Ints, ...]

    def small(self, k: int, least: int) -> Bools:
        """(rows,) which rows stand in a class of fewer than k rows, or than l values of a sensitive column."""
        bad = self.sizes < k
        for distinct in self.diversities:
            bad |= distinct < least
        return bad[self.of_row]


def sensitive_columns(contract: Contract) -> tuple[str, ...]:
    """The contract's, or else the target where it is no quasi-identifier."""
    policy = contract.policy
    if policy.sensitive or policy.target is None or policy.target in policy.quasi_identifiers:
        return policy.sensitive
    return (policy.target,)


@dataclass(frozen=True, slots=True)
class Anonymous:
    """The rows that are left, (rows,) which ``places`` of the drawn table they had, and what it took."""

    table: "pd.DataFrame"
    places: Ints
    report: AnonymityReport


def anonymous(table: "pd.DataFrame", contract: Contract, wished: Anonymity) -> Anonymous:
    """The table with every class of ``k`` rows and ``l`` values of each sensitive column at least.

    Values stay in the contract's domains, constraints and dependencies are kept. Raises ``ContractError`` without
    quasi-identifiers, ``InsufficientEvidence`` where no row would be left.
    """
    if not contract.policy.quasi_identifiers:
        raise ContractError("k and l are asked for, but the contract names no quasi_identifiers: name them")
    columns = [coarse_of(table, contract, name) for name in contract.policy.quasi_identifiers]
    drawn = [column.codes for column in columns]
    hidden = [_coded(table, name) for name in sensitive_columns(contract)]
    if wished.method == "generalise":
        _generalise(columns, hidden, wished)
    table, changed, widened = _written(table, columns, drawn)
    broken = changed & ~satisfied(table, contract.policy.constraints)
    left = np.flatnonzero(~broken)
    # Rows that widening took out of a constraint go first: without them a class may have become too small.
    found = _classes([column.codes[left] for column in columns], [codes[left] for codes in hidden])
    kept = left[~found.small(wished.k, wished.l)]
    if not len(kept):
        raise InsufficientEvidence(
            f"no synthetic row is left at k = {wished.k} and l = {wished.l}: name fewer quasi-identifiers, "
            "coarser domains, or a smaller k"
        )
    after = _classes([column.codes[kept] for column in columns], [codes[kept] for codes in hidden])
    report = AnonymityReport(
        k=wished.k,
        l=wished.l,
        method=wished.method,
        generalised=int(changed[kept].sum()),
        suppressed=len(table) - len(kept),
        smallest_k=int(after.sizes.min()),
        smallest_l=min(int(distinct.min()) for distinct in after.diversities) if hidden else None,
        columns=widened,
    )
    return Anonymous(table.iloc[kept].reset_index(drop=True), kept, report)


@dataclass(frozen=True, slots=True)
class Joining:
    """(rows,) which rows of a ``batch`` belong to a class of the table that they are to join, and which were widened
    (in which ``columns``) to get there.
    """

    batch: "pd.DataFrame"
    able: Bools
    changed: Bools
    columns: tuple[str, ...]


def joining(table: "pd.DataFrame", batch: "pd.DataFrame", contract: Contract, wished: Anonymity) -> Joining:
    """The batch, widened where the wish allows that, as far as its rows join classes of an anonymous ``table``; those
    are as they were, for no row of a class that is large enough ever moves.
    """
    import pandas as pd

    both = pd.concat([table, batch], ignore_index=True)
    columns = [coarse_of(both, contract, name) for name in contract.policy.quasi_identifiers]
    drawn = [column.codes for column in columns]
    if wished.method == "generalise":
        _generalise(columns, [_coded(both, name) for name in sensitive_columns(contract)], wished)
    written, changed, widened = _written(both, columns, drawn)
    of_row = _classes([column.codes for column in columns], []).of_row
    mine = slice(len(table), None)
    found = written[mine].reset_index(drop=True)
    able = np.isin(of_row[mine], of_row[: len(table)]) & satisfied(found, contract.policy.constraints)
    return Joining(found, able, changed[mine], widened)


def with_joined(
    report: AnonymityReport, table: "pd.DataFrame", contract: Contract, widened: Bools, columns: tuple[str, ...]
) -> AnonymityReport:
    """The report of the ``table`` in which so many rows joined its classes; of these (joined rows,) ``widened`` ones
    were in ``columns``.
    """
    held = [coarse_of(table, contract, name).codes for name in contract.policy.quasi_identifiers]
    found = _classes(held, [_coded(table, name) for name in sensitive_columns(contract)])
    return report.model_copy(
        update={
            "replaced": int(widened.size),
            "generalised": report.generalised + int(widened.sum()),
            "columns": tuple(dict.fromkeys([*report.columns, *columns])),
            "smallest_k": int(found.sizes.min()),
            "smallest_l": min((int(distinct.min()) for distinct in found.diversities), default=None),
        }
    )


def _written(
    table: "pd.DataFrame", columns: list[Coarse], drawn: list[Ints]
) -> "tuple[pd.DataFrame, Bools, tuple[str, ...]]":
    """The table with widened values, which rows changed, and which columns."""
    changed = np.zeros(len(table), dtype=bool)
    widened: list[str] = []
    for column, before in zip(columns, drawn, strict=True):
        rows = column.codes != before
        if rows.any():
            table = table.copy() if not widened else table
            column.write(table, rows)
            widened.append(column.name)
            changed |= rows
    return table, changed, tuple(widened)


def merged(one: AnonymityReport | None, other: AnonymityReport) -> AnonymityReport:
    """The report of two parts of one table: a class of the whole has no fewer rows or values than in a part."""
    if one is None:
        return other
    least = [found for found in (one.smallest_l, other.smallest_l) if found is not None]
    return other.model_copy(
        update={
            "generalised": one.generalised + other.generalised,
            "suppressed": one.suppressed + other.suppressed,
            "replaced": one.replaced + other.replaced,
            "smallest_k": min(one.smallest_k, other.smallest_k),
            "smallest_l": min(least) if least else None,
            "columns": tuple(dict.fromkeys([*one.columns, *other.columns])),
        }
    )


def _generalise(columns: Sequence[Coarse], hidden: Sequence[Ints], wished: Anonymity) -> None:
    levels = [0] * len(columns)
    while True:
        small = _classes([column.codes for column in columns], hidden).small(wished.k, wished.l)
        able = [place for place, column in enumerate(columns) if levels[place] < column.levels]
        if not small.any() or not able:
            return
        most = max(able, key=lambda place: (len(np.unique(columns[place].codes[small])), -place))
        levels[most] += 1
        columns[most].coarsen(small, levels[most])


def _classes(columns: Sequence[Ints], hidden: Sequence[Ints]) -> Classes:
    of_row = np.zeros(len(columns[0]), dtype=np.int64)
    for codes in columns:
        _, own = np.unique(codes, return_inverse=True)
        pairs = of_row * (int(own.max(initial=0)) + 1) + own
        _, of_row = np.unique(pairs, return_inverse=True)
    sizes = np.bincount(of_row)
    diversities = []
    for codes in hidden:
        width = int(codes.max(initial=0)) + 1
        owners = np.unique(of_row * width + codes) // width
        diversities.append(np.bincount(owners, minlength=sizes.size))
    return Classes(of_row, sizes, tuple(diversities))


def _coded(table: "pd.DataFrame", name: str) -> Ints:
    codes, values = factorized(table[name])
    return np.where(codes < 0, len(values), codes).astype(np.int64)
