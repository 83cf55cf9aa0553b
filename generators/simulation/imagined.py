"""Domains for columns that have none: what a test may need, imagined from types, names and dependencies."""

import re
from collections.abc import Iterable

from generators.domains.contract_facts import with_domains
from schemas.contract import Categories, Column, Contract, Domain, Range, Scalar

DAY = 86_400.0
FROM, TO = 1_577_836_800.0, 1_893_456_000.0
"""2020 to 2029, in seconds since 1970: fixed, so that a test says the same every day."""
UNIQUE = Range(lower=1, upper=1e9, resolution=1)
_RANGES: tuple[tuple[str, Range], ...] = (
    ("age", Range(lower=0, upper=100, resolution=1)),
    ("year", Range(lower=1990, upper=2030, resolution=1)),
    ("month", Range(lower=1, upper=12, resolution=1)),
    ("hour", Range(lower=0, upper=23, resolution=1)),
    ("percent rate share ratio", Range(lower=0, upper=1, resolution=0.01)),
    ("lat latitude", Range(lower=-90, upper=90, resolution=0.0001)),
    ("lon lng longitude", Range(lower=-180, upper=180, resolution=0.0001)),
    ("id key number no", UNIQUE),
)


def imagined(contract: Contract) -> Contract:
    """The contract with a domain for every modelled column that can have one: all but plain text."""
    found = {column.name: _domain(column, contract) for column in contract.modelled if column.domain is None}
    return with_domains(contract, {name: domain for name, domain in found.items() if domain is not None})


def _domain(column: Column, contract: Contract) -> Domain | None:
    listed = _listed(column, contract)
    if listed:
        return Categories(values=listed)
    if column.type == "boolean":
        return Categories(values=(False, True))
    if column.type in ("date", "timestamp"):
        return Range(lower=FROM, upper=TO, resolution=DAY if column.type == "date" else 1)
    if column.type == "string":
        return None
    if column.unique:
        return UNIQUE
    words = set(re.findall(r"[a-z]+", column.name.lower()))
    known = next((domain for names, domain in _RANGES if words & set(names.split())), None)
    if known is not None and (column.type == "number" or known.resolution >= 1):
        return known
    return Range(lower=0, upper=1_000, resolution=0.01 if column.type == "number" else 1)


def _listed(column: Column, contract: Contract) -> tuple[Scalar, ...]:
    """The values that the dependencies of the contract name for the column."""
    values: Iterable[Scalar] = (
        cell
        for item in contract.policy.dependencies
        for row in item.table
        for name, cell in zip((*item.determinants, item.dependent), row, strict=True)
        if name == column.name
    )
    return tuple(dict.fromkeys(values))
