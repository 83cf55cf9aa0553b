"""Sequential trees as a family without a formal guarantee: the quickest way to high fidelity.

Parameters: ``leaf`` (rows of a leaf at least; by default ``leaf_of`` the number of rows; larger ones remember less),
``least`` (rows that a code of a leaf must stand for, or be pooled: 5), ``first`` (place of the modelled column that is
drawn first, instead of the target). A contract that states a sequence gets a sequence model instead, which looks back
on the rows before (``generators.sequences``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.keeping import opened
from generators.preparing import prepared_empirically
from generators.protocol import FitRequest, Progress
from generators.sequences.fitting import fitted as sequences_fitted
from generators.sequences.model import SequenceModel
from generators.sequences.storage import read_sequence
from generators.trees.coding import Codes, codes_of
from generators.trees.growing import LEAST, Growth, grown
from generators.trees.leaves import branches, leaf_of
from generators.trees.model import Chain, TreesModel
from generators.trees.order import visiting_order
from generators.trees.storage import NAME, VERSION, read
from generators.trees.tree import Tree
from schemas.contract import Contract
from schemas.errors import ArtefactError, InputError
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd

PARAMETERS = frozenset({"leaf", "least", "first"})


class Trees:
    """The family ``trees``: see ``generators.protocol.Family``."""

    name = NAME
    formal = False
    control = False
    extra = None

    def mechanisms(self, contract: Contract, rows: int) -> tuple[Mechanism, ...]:
        """None."""
        return ()

    def fit(self, table: "pd.DataFrame", request: FitRequest, progress: Progress) -> TreesModel | SequenceModel:
        """One tree a free column; raises ``ContractError`` under a formal claim, ``InsufficientEvidence`` below two
        rows, ``InputError`` on parameters that it does not have.
        """
        found = prepared_empirically(table, request, self.name)
        contract = request.contract
        growth = growth_of(request, len(found.positions))
        seed = int.from_bytes(request.seed[:4].ljust(4, b"\0"), "little") % 2**30
        if contract.policy.sequence is not None:
            return sequences_fitted(found.positions, contract, found.assembly, growth.leaf, seed, progress)
        order = visiting_order(found.assembly.free, request.contract, request.parameters)
        chain = chain_of(found.positions, found.assembly, order, growth, seed, progress)
        progress(1.0, "fitted")
        return TreesModel(request.contract, found.assembly, chain, len(found.positions))

    def load(self, body: bytes, contract: Contract) -> TreesModel | SequenceModel:
        """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""
        artefact, assembly, rows = opened(body, contract, NAME, VERSION)
        if (contract.policy.sequence is not None) != ("sequence" in artefact.header):
            raise ArtefactError("the model was fitted under a contract that states another sequence")
        if contract.policy.sequence is not None:
            return read_sequence(artefact, contract, assembly, rows)
        return TreesModel(contract, assembly, read(artefact, assembly), rows)


FAMILY = Trees()
SEQUENCE_LEAF = 60
"""Rows of a leaf where rows look back on others: what lasts in few histories must still show."""


def growth_of(request: FitRequest, rows: int) -> Growth:
    """How trees are grown; raises ``InputError`` on unknown parameters or values out of range."""
    given = request.parameters
    if unknown := sorted(set(given) - PARAMETERS):
        raise InputError(f"trees has no parameter {', '.join(unknown)}; it has {', '.join(sorted(PARAMETERS))}")
    usual = leaf_of(rows) if request.contract.policy.sequence is None else min(SEQUENCE_LEAF, leaf_of(rows))
    leaf, least = float(given.get("leaf", usual)), float(given.get("least", LEAST))
    if not 2 <= leaf <= 1e9 or not 1 <= least <= leaf:
        raise InputError("trees: leaf is 2 or more, and least lies between 1 and leaf")
    return Growth(round(leaf), round(least))


def chain_of(
    positions: Ints, assembly: Assembly, order: Sequence[int], growth: Growth, seed: int, progress: Progress
) -> Chain:
    """A tree of each column on those before it in ``order``, for each branch of the first column."""
    coded: list[Ints] = []
    codes: list[Codes] = []
    trees: list[tuple[Tree, ...]] = []
    branch = np.zeros(0, dtype=np.int64)
    for step, place in enumerate(order):
        progress(0.05 + 0.85 * step / len(order), "growing trees", step=step + 1, of=len(order))
        column = positions[:, place]
        codes.append(codes_of(column, assembly.grids[assembly.free[place]], coded[0] if coded else None))
        coded.append(codes[-1].encoded(column))
        if step == 0:
            branch = branches(coded[0], codes[0].size, growth.leaf)
        own = branch[coded[0]] if step else np.zeros(len(column), dtype=np.int64)
        parts = [np.flatnonzero(own == number) for number in range(int(own.max()) + 1)]
        places = range(step)
        trees.append(
            tuple(
                grown(coded[-1][part], codes[-1], [coded[at][part] for at in places], codes[:-1], growth,
                      (seed + 7919 * step + number) % 2**31)
                for number, part in enumerate(parts)
            )
        )  # fmt: skip
    return Chain(tuple(order), tuple(codes), branch, tuple(trees))
