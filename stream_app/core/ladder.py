"""What a run tries first, and what it tries after a rejection.

A choice is a pure function of the contract, the number of rows and what was tried. What is *installed* on a worker
never enters it: the fold must decide the same on every worker and for an auditor who has no extras. So the default
choices are families of the base installation, which every worker has; a family that needs an extra is chosen only
where the contract's ladder or a person names it, and a worker without that extra rejects the attempt with the name of
the extra, upon which the planner climbs. The catalogue of families (names, kinds, costs) is part of the software's
version, like the accountant.
"""

from dataclasses import dataclass, field
from typing import Protocol

from schemas.contract import Contract
from schemas.mechanism import Mechanism


@dataclass(frozen=True, slots=True)
class Choice:
    """A family with its parameters, what it asks of the ledger, and why it was chosen, for people.

    ``follows``: it can go on from an earlier release of its own under the same contract.
    """

    family: str
    why: str
    parameters: dict[str, float] = field(default_factory=dict)
    mechanisms: tuple[Mechanism, ...] = ()
    follows: bool = False


class Selection(Protocol):
    """Chooses families; pure arithmetic, the same on every worker."""

    def choose(self, contract: Contract, rows: int, asked: str | None) -> Choice:
        """What to try first, or the family that was asked for; raises ``PerennialError`` that says why it cannot be."""

    def climb(
        self, contract: Contract, rows: int, tried: tuple[Choice, ...], reasons: tuple[str, ...]
    ) -> Choice | None:
        """What to try after everything in ``tried`` was rejected, the last for ``reasons``; none when nothing is
        left.
        """
