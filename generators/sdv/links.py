"""How several tables refer to each other: which columns are keys, which table a row belongs to first."""

from collections.abc import Mapping
from dataclasses import dataclass

from generators.domains.parts import without
from schemas.contract import Contract
from schemas.errors import ContractError
from schemas.relations import Reference


@dataclass(frozen=True, slots=True)
class Related:
    """One table among others: ``reduced`` is its contract less its key and its references.

    ``owner`` is the first reference that it states to another of the tables: its rows are made below that table's. A
    table without one is a root. ``others`` are its further references to the tables.
    """

    name: str
    contract: Contract
    reduced: Contract
    key: str | None
    owner: Reference | None
    others: tuple[Reference, ...]

    @property
    def references(self) -> tuple[Reference, ...]:
        """All, the owner's first."""
        return ((self.owner,) if self.owner is not None else ()) + self.others


def related(contracts: Mapping[str, Contract], family: str) -> dict[str, Related]:
    """The tables, each after those that it refers to. A reference to a table that is not among them is a plain column.

    Raises ``ContractError`` where references are circular, lie within one table, or name no modelled column.
    """
    keys = _keys(contracts, family)
    found: dict[str, Related] = {}
    while len(found) < len(contracts):
        ready = [
            name
            for name, contract in contracts.items()
            if name not in found and {link.table for link in _links(contract, contracts)} <= set(found)
        ]
        if not ready:
            raise ContractError(f"{family} cannot make tables that refer to each other in a circle")
        for name in ready:
            found[name] = _one(name, contracts[name], _links(contracts[name], contracts), keys.get(name), family)
    return found


def _one(name: str, contract: Contract, links: tuple[Reference, ...], key: str | None, family: str) -> Related:
    foreign = {link.column for link in links}
    if len(foreign) < len(links):
        raise ContractError(f"{family} cannot let one column of {name} refer to two tables")
    if key in foreign:
        raise ContractError(f"{family} cannot make {key} of {name} both a key and a reference")
    apart = foreign | ({key} if key is not None else set())
    reduced = without(contract, apart, family) if apart else contract
    return Related(name, contract, reduced, key, links[0] if links else None, links[1:])


def _links(contract: Contract, contracts: Mapping[str, Contract]) -> tuple[Reference, ...]:
    return tuple(item for item in contract.policy.references if item.table in contracts)


def _keys(contracts: Mapping[str, Contract], family: str) -> dict[str, str]:
    keys: dict[str, str] = {}
    for name, contract in contracts.items():
        if any(item.table in (None, name) for item in contract.policy.references):
            raise ContractError(f"{family} keeps references between tables, and {name} refers to itself")
        for link in _links(contract, contracts):
            table = str(link.table)
            if keys.setdefault(table, link.key) != link.key:
                raise ContractError(f"{family} takes one key a table, and {table} is referred to by two")
            if link.key not in [column.name for column in contracts[table].modelled]:
                raise ContractError(f"{name} refers to {link.key} of {table}, which is no modelled column there")
    return keys
