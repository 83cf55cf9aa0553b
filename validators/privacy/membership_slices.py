"""Whether some group is easier to attack than all: accuracy on the slices of the contract's subgroup columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from validators.privacy.attacks.operating_points import Flags, accuracy
from validators.privacy.pool import Pool
from validators.protocol import Evidence
from validators.statistics import Estimate
from validators.views import codebook, names

LEAST = 200
"""Units on either side."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The worst subgroup: its column, the number of its bin there (0 is missing), and the attack that does best."""

    column: str
    code: int
    attack: str
    found: Estimate
    members: int
    others: int
    slices: int

    def document(self) -> dict[str, Any]:
        """For a finding's detail."""
        return {
            "column": self.column,
            "code": self.code,
            "attack": self.attack,
            "accuracy": [self.found.value, self.found.lower, self.found.upper],
            "members": self.members,
            "others": self.others,
            "slices": self.slices,
        }


def worst_slice(evidence: Evidence, pool: Pool, taken: Mapping[str, Flags], error: float) -> Slice | None:
    """Of all slices with 200 units a side the one with the highest accuracy of any attack; none where there is none.

    An entity stands in its first row's slice. Bounds are simultaneous over slices and attacks.
    """
    wide = [
        (column, code, units)
        for column, code, units in _slices(evidence, pool)
        if min(int((units & pool.member).sum()), int((units & ~pool.member).sum())) >= LEAST
    ]
    confidence = 1 - error / max(1, len(wide) * len(taken))
    found = [
        Slice(
            column,
            code,
            attack,
            accuracy(guess[units], pool.member[units], confidence),
            int((units & pool.member).sum()),
            int((units & ~pool.member).sum()),
            len(wide),
        )
        for column, code, units in wide
        for attack, guess in sorted(taken.items())
    ]
    return max(found, key=lambda item: item.found.lower, default=None)


def _slices(evidence: Evidence, pool: Pool) -> Iterator[tuple[str, int, Flags]]:
    modelled = names(evidence.contract.modelled)
    wanted = [modelled.index(name) for name in evidence.contract.policy.subgroups if name in modelled]
    if not wanted:
        return
    first = np.zeros(pool.units, dtype=np.int64)
    first[pool.unit[::-1]] = np.arange(len(pool.unit))[::-1]
    book = codebook(evidence)
    for place in wanted:
        codes = book.coders[place].codes(pool.table)[first]
        for code in np.unique(codes):
            yield modelled[place], int(code), codes == code
