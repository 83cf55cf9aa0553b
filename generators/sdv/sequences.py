"""What is kept of a fit to sequences: a pool of whole synthetic ones, whose entities get new keys at every sample."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.domains.contract_facts import shape_digest
from generators.domains.keys import synthetic_keys
from generators.domains.parts import without
from generators.keeping import kept, opened, positions_of
from generators.sampling.drawing import drawn
from generators.sampling.sampled import listed
from schemas.contract import Contract, Scalar
from schemas.errors import ArtefactError, ContractError
from schemas.mechanism import Mechanism
from schemas.relations import Sequence

if TYPE_CHECKING:
    import pandas as pd

VERSION = 1
SERIAL = "\0sequence"
"""Which sequence a row was drawn with, beside the columns until the keys are given."""


def sequence_of(contract: Contract, family: str) -> Sequence:
    """The contract's sequence; raises ``ContractError`` where it states none."""
    if contract.policy.sequence is None:
        raise ContractError(f"{family} needs a sequence: state its entity and its time in the contract's policy")
    return contract.policy.sequence


@dataclass(frozen=True, slots=True)
class SequencesModel:
    """``pool`` is (rows, free columns) int64 positions of all columns but the entity's, sequence by sequence in order
    of time; sequence i begins at row ``starts[i]``.
    """

    family: str
    contract: Contract
    assembly: Assembly
    pool: Ints
    starts: Ints
    rows: int

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """None: the certificate says "empirical"."""
        return ()

    def sample(self, rows: int, seed: int, where: Mapping[str, tuple[Scalar, float]] | None = None) -> "pd.DataFrame":
        """Whole sequences under new keys, the last one cut to fit, ordered by entity and time.

        Where constraints or shares of ``where`` ask for some rows more than for others, sequences lose rows.
        """
        rng = np.random.default_rng(np.random.SeedSequence([seed & (2**64 - 1), 0x9A12]))
        sequence, serial = sequence_of(self.contract, self.family), 0

        def typed_rows(count: int, source: np.random.Generator) -> "pd.DataFrame":
            nonlocal serial
            places, numbers = self._draw(count, source)
            table = self.assembly.table(listed(self.pool[places], self.assembly))
            table[SERIAL] = numbers + serial
            serial += count
            return table

        table = drawn(typed_rows, rows, rng, self.contract, self.assembly.grids, where)
        table = table.sort_values([SERIAL, sequence.time], kind="stable", ignore_index=True)
        order, numbers = np.unique(table.pop(SERIAL).to_numpy(), return_inverse=True)
        keys = synthetic_keys(self.contract.column(sequence.entity), len(order), rng)
        finished = self.assembly.finished(table, rng)
        finished[sequence.entity] = keys.iloc[numbers].reset_index(drop=True)
        return finished[[column.name for column in self.contract.modelled]]

    def to_bytes(self) -> bytes:
        """The pool in its container."""
        reduced = without(self.contract, {sequence_of(self.contract, self.family).entity}, self.family)
        arrays = {"pool": self.pool, "starts": self.starts}
        return kept(
            self.family, VERSION, reduced, self.assembly, self.rows, arrays, released=shape_digest(self.contract)
        )

    def _draw(self, rows: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Rows of the pool, sequence after sequence, and the number of the sequence of each."""
        ends = np.append(self.starts[1:], len(self.pool))
        chosen: list[Ints] = []
        held = 0
        while held < rows:
            for one in rng.permutation(len(self.starts)):
                chosen.append(np.arange(self.starts[one], ends[one]))
                held += len(chosen[-1])
                if held >= rows:
                    break
        numbers = np.repeat(np.arange(len(chosen)), [len(part) for part in chosen]).astype(np.int64)
        places = np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.int64)
        return places[:rows], numbers[:rows]


def opened_sequences(body: bytes, contract: Contract, family: str) -> SequencesModel:
    """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""
    reduced = without(contract, {sequence_of(contract, family).entity}, family)
    artefact, assembly, rows = opened(body, reduced, family, VERSION)
    if artefact.header.get("released") != shape_digest(contract):
        raise ArtefactError("the model was fitted under a contract with other columns or dependencies")
    pool, starts = positions_of(artefact.arrays, "pool", assembly), artefact.arrays.get("starts")
    if starts is None or starts.dtype != np.int64 or starts.ndim != 1 or not len(starts):
        raise ArtefactError("the model's content does not fit together")
    if starts[0] != 0 or (np.diff(starts) < 1).any() or starts[-1] >= len(pool):
        raise ArtefactError("the model's content does not fit together")
    return SequencesModel(family, contract, assembly, pool, starts, rows)
