"""The cap of a budget scope: the smallest that a dataset's contract ever declared, until a person sets one."""

from dataclasses import dataclass, replace
from decimal import Decimal

from schemas.events.budget import CapDeclared
from schemas.events.commands import SetCap
from schemas.model import Model

ACCOUNTANTS = ("gdp-1",)
"""The accountants that ``schemas/accounting.py`` implements; a contract that names another gets no budget."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What one dataset declared. ``epsilon`` and ``delta`` only fall: whoever writes contracts cannot raise a cap."""

    dataset: str
    epsilon: str
    delta: float
    accountant: str


class Cap(Model):
    """The cap in force: an epsilon as decimal text, at a delta."""

    epsilon: str
    delta: float


@dataclass(frozen=True, slots=True)
class Caps:
    """Everything declared and set for one scope."""

    declared: tuple[Declaration, ...] = ()
    commanded: Cap | None = None

    @property
    def in_force(self) -> Cap | None:
        """The commanded cap, else the smallest declared one at the smallest declared delta; none before any is
        declared.
        """
        if self.commanded is not None:
            return self.commanded
        if not self.declared:
            return None
        smallest = min((item.epsilon for item in self.declared), key=Decimal)
        return Cap(epsilon=smallest, delta=min(item.delta for item in self.declared))

    def accountant(self, dataset: str) -> str | None:
        """The accountant that the dataset's contract names, or none where it declared no cap here."""
        return next((item.accountant for item in self.declared if item.dataset == dataset), None)

    def declare(self, event: CapDeclared) -> "Caps":
        known = next((item for item in self.declared if item.dataset == event.dataset), None)
        epsilon = event.epsilon if known is None else min(known.epsilon, event.epsilon, key=Decimal)
        delta = event.delta if known is None else min(known.delta, event.delta)
        item = Declaration(event.dataset, epsilon, delta, event.accountant)
        others = tuple(other for other in self.declared if other.dataset != event.dataset)
        return replace(self, declared=tuple(sorted((*others, item), key=lambda each: each.dataset)))

    def command(self, command: SetCap) -> "Caps":
        return replace(self, commanded=Cap(epsilon=command.epsilon, delta=command.delta))
