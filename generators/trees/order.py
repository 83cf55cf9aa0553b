"""In which order columns are drawn: the asked-for column or the target first, then as the contract lists them."""

from collections.abc import Mapping, Sequence

from schemas.contract import Contract
from schemas.errors import InputError


def visiting_order(free: Sequence[str], contract: Contract, parameters: Mapping[str, float]) -> tuple[int, ...]:
    """Places of the free columns. ``first``: place among the modelled columns of the one to be drawn first, instead of
    the target; a share of that column's values can be fixed at any rate without rejection. Raises ``InputError``.
    """
    leading = contract.policy.target
    if "first" in parameters:
        place = int(parameters["first"])
        if not 0 <= place < len(contract.modelled):
            raise InputError("trees: the parameter first is the place of a modelled column, counted from 0")
        leading = contract.modelled[place].name
    rest = [place for place, name in enumerate(free) if name != leading]
    return (*(place for place, name in enumerate(free) if name == leading), *rest)
