"""One code drawn from others by a tree, or by one for each branch of the first of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generators.arrays import Ints
from generators.trees.coding import Codes
from generators.trees.growing import Growth, Kind, grown
from generators.trees.leaves import branches, leaf_of
from generators.trees.model import next_codes
from generators.trees.tree import Tree


@dataclass(frozen=True, slots=True)
class Conditional:
    """The ``codes`` of what is drawn, and its trees; ``branch`` says which belongs to each code of the first of the
    inputs, which have ``inputs`` codes each.
    """

    codes: Codes
    branch: Ints
    trees: tuple[Tree, ...]
    inputs: tuple[int, ...]

    def drawn(self, inputs: Sequence[Ints], rng: np.random.Generator) -> Ints:
        """A code of each row, given its inputs."""
        return next_codes(self.trees, self.branch, inputs, len(inputs[0]), rng)


def conditional(
    response: Ints, codes: Codes, inputs: Sequence[Ints], kinds: Sequence[Kind], seed: int, leaf: int, branched: bool
) -> Conditional:
    """Grown on all rows; where ``branched``, with leaves as small as each branch's rows allow."""
    branch = branches(inputs[0], kinds[0].size, leaf) if branched else np.zeros(kinds[0].size, dtype=np.int64)
    own = branch[inputs[0]]
    trees = []
    for number in range(int(branch.max()) + 1 if branch.size else 1):
        part = np.flatnonzero(own == number)
        growth = Growth(min(leaf, leaf_of(part.size)))
        held = [column[part] for column in inputs]
        trees.append(grown(response[part], codes, held, kinds, growth, (seed + number) % 2**31))
    return Conditional(codes, branch, tuple(trees), tuple(kind.size for kind in kinds))
