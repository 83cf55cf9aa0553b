"""The numbers that a caller may set for an SDV family, checked before any row is read."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.errors import ContractError


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number with its usual value and its bounds; ``usual`` 0 means that the family chooses."""

    usual: int
    least: int
    most: int


def whole_numbers(given: Mapping[str, float], known: Mapping[str, Whole], family: str) -> dict[str, int]:
    """Every known parameter's value; raises ``ContractError`` for an unknown one or one out of bounds."""
    if unknown := sorted(set(given) - set(known)):
        raise ContractError(f"{family} knows no parameter {', '.join(unknown)}; it knows {', '.join(sorted(known))}")
    found = {}
    for name, rule in known.items():
        value = given.get(name, rule.usual)
        if value != rule.usual and not (value == int(value) and rule.least <= value <= rule.most):
            raise ContractError(f"{name} of {family} is a whole number from {rule.least} to {rule.most}")
        found[name] = int(value)
    return found
