"""What a stored model remembers of the contract it was fitted under."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from generators.domains.assembly import Assembly
from schemas.canonical import digest
from schemas.contract import Contract, Domain

_DOMAINS: TypeAdapter[dict[str, Domain]] = TypeAdapter(dict[str, Domain])


def shape_digest(contract: Contract) -> str:
    """A digest of what a model's form rests on: modelled columns and dependencies, not limits or budgets.

    Descriptions and confirmations may change without making a model unreadable.
    """
    columns = [column.model_dump(mode="json", exclude={"description", "personal"}) for column in contract.modelled]
    for column in columns:
        if column["domain"] is not None:
            column["domain"].pop("confirmed")
    return digest(
        {"columns": columns, "dependencies": [item.model_dump(mode="json") for item in contract.policy.dependencies]}
    )


def domain_documents(contract: Contract, assembly: Assembly) -> dict[str, Any]:
    """The domains that were read off the data, because the contract has none (empirical claims only)."""
    return {
        name: grid.column.domain.model_dump(mode="json")
        for name, grid in assembly.grids.items()
        if grid.column.domain is not None and contract.column(name).domain is None
    }


def read_domains(documents: object) -> dict[str, Domain]:
    """The domains again; raises ``ValueError`` where they are none."""
    return _DOMAINS.validate_python(documents)


def with_domains(contract: Contract, domains: Mapping[str, Domain]) -> Contract:
    """The contract with these domains where it has none."""
    columns = tuple(
        column if column.name not in domains else column.model_copy(update={"domain": domains[column.name]})
        for column in contract.columns
    )
    return contract.model_copy(update={"columns": columns})
