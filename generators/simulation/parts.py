"""Who plays which part: columns of customer, terminal, merchant, time, amount and fraud, as the contract tells."""

import re
from dataclasses import dataclass

from schemas.contract import Categories, Column, Contract
from schemas.errors import ContractError

_AMOUNTS = frozenset(["amount", "price", "value", "total", "sum", "paid", "cost", "charge"])
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class Parts:
    """Names of columns. ``merchant`` is there where the contract states a third reference, ``fraud`` where it has a
    column of two values to say so (its target, or one with fraud in its name), ``scenario`` beside that.
    """

    customer: str
    time: str
    terminal: str
    merchant: str | None
    amount: str
    fraud: str | None
    scenario: str | None

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of keys, which are made apart."""
        return tuple(name for name in (self.customer, self.terminal, self.merchant) if name is not None)


def parts_of(contract: Contract) -> Parts:
    """The parts; raises ``ContractError`` that says what agents needs where one is missing."""
    sequence = contract.policy.sequence
    if sequence is None:
        raise ContractError("agents needs a sequence in the contract's policy: the customer as entity, and the time")
    time = contract.column(sequence.time)
    if time.type not in ("date", "timestamp") or isinstance(time.domain, Categories):
        raise ContractError(f"agents needs a time of dates or timestamps on a range, and {sequence.time} is none")
    links = [item for item in contract.policy.references if item.column != sequence.entity]
    if not links:
        raise ContractError("agents needs a reference in the contract's policy: from the terminal to its table")
    if any(item.table is None for item in links):
        raise ContractError("agents needs references to other tables: one within the table has no terminals")
    terminal, merchant = links[0].column, links[1].column if len(links) > 1 else None
    taken = {sequence.entity, sequence.time, terminal, merchant}
    free = [column for column in contract.modelled if column.name not in taken]
    fraud = _fraud(contract, free)
    scenario = next((item.name for item in free if "scenario" in item.name.lower() and item.type == "integer"), None)
    amount = _amount([column for column in free if column.name not in (fraud, scenario)])
    return Parts(sequence.entity, sequence.time, terminal, merchant, amount, fraud, scenario if fraud else None)


def _amount(free: list[Column]) -> str:
    numbers = [item for item in free if item.type in ("number", "integer") and not isinstance(item.domain, Categories)]
    named = [item for item in numbers if _AMOUNTS & set(_WORD.findall(item.name.lower()))]
    found = named or [item for item in numbers if item.type == "number"]
    if not found:
        raise ContractError("agents needs an amount: a modelled column of numbers, best with amount in its name")
    return found[0].name


def _fraud(contract: Contract, free: list[Column]) -> str | None:
    two = [item.name for item in free if item.type == "boolean" or _is_two_valued(item)]
    named = [name for name in two if "fraud" in name.lower()]
    target = contract.policy.target
    return target if target in two else (named[0] if named else None)


def _is_two_valued(column: Column) -> bool:
    return isinstance(column.domain, Categories) and len(column.domain.values) == 2 and not column.domain.other
