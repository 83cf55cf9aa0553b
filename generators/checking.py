"""Whether a contract can be generated from at all, told from public facts alone, before any row is read."""

from collections.abc import Iterable
from decimal import Decimal

from generators.domains.grid import grid_of
from schemas.contract import Categories, Column, Contract, Range
from schemas.errors import ContractError


def check_contract(contract: Contract, rows: int | None = None, columns: Iterable[str] | None = None) -> None:
    """Nothing where it can; ``rows`` are announced (none: unknown), ``columns`` those of the table.

    Raises ``ContractError`` that says what to change.
    """
    _check_columns(contract, columns)
    for column in contract.modelled:
        if column.domain is not None:
            grid_of(column)
    _check_target(contract)
    if contract.policy.privacy.claim == "formal":
        _check_formal(contract, rows)
    if rows is not None and rows < len(contract.modelled):
        raise ContractError(
            f"{rows} rows are announced for {len(contract.modelled)} modelled columns: announce more rows, or give "
            "columns the role ignored"
        )
    if contract.policy.generation.anonymity is not None:
        _check_anonymity(contract)


def _check_columns(contract: Contract, columns: Iterable[str] | None) -> None:
    if columns is None:
        return
    unit, present = contract.policy.privacy.unit, set(columns)
    needed = [column.name for column in contract.modelled] + ([unit.column] if unit.column is not None else [])
    if absent := [name for name in needed if name not in present]:
        raise ContractError(f"the table lacks columns that the fit needs: {', '.join(absent[:10])}")


def _check_target(contract: Contract) -> None:
    target = contract.policy.target
    if target is not None and _values(contract.column(target)) == 1:
        raise ContractError(
            f"the domain of the target {target} has one value only, so there is nothing to learn: "
            "state all its values, or name no target"
        )


def _values(column: Column) -> int | None:
    """How many values the domain has, or none where nobody stated that."""
    match column.domain:
        case Categories(values=values, other=other):
            return len(values) + int(other)
        case Range():
            return grid_of(column).size
        case _:
            return None


def _check_formal(contract: Contract, rows: int | None) -> None:
    privacy = contract.policy.privacy
    if Decimal(privacy.epsilon) <= 0:
        raise ContractError("a formal claim needs an epsilon above 0: nothing can be released at 0")
    if unbounded := [column.name for column in contract.modelled if column.domain is None]:
        raise ContractError(
            "a formal claim needs public domains, and these columns have neither bounds nor categories: "
            f"{', '.join(unbounded[:10])}. State them in the contract and confirm them (confirmed: true), give the "
            "columns the role ignored, or claim empirical"
        )
    units = None if rows is None else max(1, rows // privacy.unit.max_rows)
    if units is not None and privacy.delta >= 1 / units:
        raise ContractError(
            f"delta {privacy.delta:g} is not below one in the {units:,} units that are announced, so a mechanism could "
            "publish one of them whole and keep its promise: choose a smaller delta"
        )


def _check_anonymity(contract: Contract) -> None:
    named = contract.policy.quasi_identifiers
    if not named:
        raise ContractError("generation.anonymity asks for k and l: name the quasi_identifiers that it holds for")
    if unique := [name for name in named if contract.column(name).unique]:
        raise ContractError(
            f"no k above 1 is possible over unique columns: {', '.join(unique)}; they are no quasi-identifiers"
        )
