"""Fraud on request: the three scenarios of the Fraud Detection Handbook, as parameters of a simulation.

Le Borgne, Siblini, Lebichot and Bontempi, "Reproducible Machine Learning for Credit Card Fraud Detection - Practical
Handbook" (2022), chapter 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from schemas.errors import ContractError

LARGE, TERMINAL, CUSTOMER = 1, 2, 3
"""The handbook's numbers of its scenarios."""
HANDBOOK: Mapping[str, float] = {
    "large_amounts": 0.0005,
    "compromised_terminals": 0.0002,
    "compromised_customers": 0.0006,
}
"""Two of 10,000 terminals and three of 5,000 customers a day; its amounts exceed the threshold about so often."""


@dataclass(frozen=True, slots=True)
class Scenarios:
    """``large_amounts``: the share of payments whose amount is raised above ``threshold``; all above it are fraud.
    ``compromised_terminals``: the share of terminals that are compromised each day, for ``terminal_days``; all their
    payments are fraud. ``compromised_customers``: the share of customers whose data is stolen each day, for
    ``customer_days``; ``multiplied`` of their payments are fraud of ``factor`` times the amount.
    """

    large_amounts: float = 0.0
    compromised_terminals: float = 0.0
    compromised_customers: float = 0.0
    threshold: float = 220.0
    terminal_days: float = 28.0
    customer_days: float = 14.0
    multiplied: float = 1 / 3
    factor: float = 5.0

    @property
    def asked(self) -> bool:
        """Whether any fraud is injected."""
        return bool(self.large_amounts or self.compromised_terminals or self.compromised_customers)

    def document(self) -> dict[str, float]:
        """The parameters as JSON."""
        return {item.name: float(getattr(self, item.name)) for item in fields(self)}


def scenarios_of(given: Mapping[str, float], family: str) -> Scenarios:
    """The scenarios that parameters ask for; ``handbook``: 1 stands for the handbook's three rates.

    Raises ``ContractError`` for unknown parameters and for values out of bounds.
    """
    known = {item.name for item in fields(Scenarios)}
    if unknown := sorted(set(given) - known - {"handbook"}):
        raise ContractError(
            f"{family} knows no parameter {', '.join(unknown)}; it knows handbook, {', '.join(sorted(known))}"
        )
    rates = dict(HANDBOOK) if given.get("handbook") else {}
    found = Scenarios(**{**rates, **{name: float(value) for name, value in given.items() if name in known}})
    shares = (found.large_amounts, found.compromised_terminals, found.compromised_customers, found.multiplied)
    if not all(0 <= share <= 1 for share in shares):
        raise ContractError(f"the shares of fraud that {family} takes lie between 0 and 1")
    if not (found.threshold > 0 and found.factor > 0 and 1 <= found.terminal_days <= 1e4):
        raise ContractError(f"{family} takes a threshold and a factor above 0, and days from 1")
    if not 1 <= found.customer_days <= 1e4:
        raise ContractError(f"{family} takes a threshold and a factor above 0, and days from 1")
    return found
