"""A contract without some of its columns: for families that make keys or texts apart from the rest."""

from collections.abc import Collection

from schemas.contract import Contract
from schemas.errors import ContractError


def without(contract: Contract, names: Collection[str], family: str) -> Contract:
    """The contract less these modelled columns. Raises ``ContractError`` where a dependency or a constraint binds one
    of them to the others, or where nothing would be left.
    """
    for item in contract.policy.dependencies:
        if bound := {*item.determinants, item.dependent} & set(names):
            raise ContractError(f"{family} makes {_one(bound)} apart from the other columns: no dependency may name it")
    for constraint in contract.policy.constraints:
        if tied := {str(constraint.left), str(constraint.right)} & set(names):
            raise ContractError(f"{family} makes {_one(tied)} apart from the other columns: no constraint may name it")
    columns = tuple(column for column in contract.columns if column.name not in names)
    if not any(column.role == "modelled" for column in columns):
        raise ContractError(f"{family} needs a modelled column besides {', '.join(sorted(names))}")
    return contract.model_copy(update={"columns": columns})


def _one(names: Collection[str]) -> str:
    return sorted(names)[0]
