"""SDV's PAR as a family for sequences, without any formal guarantee; under the Business Source Licence (BUSL-1.1).

A probabilistic autoregressive network draws each event of an entity after the ones before it; columns that never change
within an entity are drawn first, by a Gaussian copula. Entities get synthetic keys. Training and sampling are slow in
SDV (a loop in Python per sequence, column and event), so a fit looks at some sequences and keeps a pool of drawn ones.
Zhang, Patki and Veeramachaneni, "Sequential Models in the Synthetic Data Vault" (2022).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.domains.parts import without
from generators.preparing import bounded, prepared_empirically
from generators.protocol import FitFailed, FitRequest, Progress
from generators.sdv.frames import Plain, named, plain_of
from generators.sdv.outcomes import failed
from generators.sdv.parameters import Whole, whole_numbers
from generators.sdv.seeds import number_of
from generators.sdv.sequences import SequencesModel, opened_sequences, sequence_of
from generators.sdv.supervision import Stage, steps_told, supervised
from schemas.contract import Contract
from schemas.errors import ContractError, InsufficientEvidence
from schemas.factorized import factorized
from schemas.mechanism import Mechanism
from schemas.relations import Sequence

if TYPE_CHECKING:
    import pandas as pd

TABLE, KEY = "table", "key"
PARAMETERS = {
    "epochs": Whole(128, 1, 10_000),
    "sequences": Whole(300, 2, 100_000),
    "length": Whole(50, 2, 10_000),
    "pool": Whole(300, 1, 100_000),
}
CHUNK = 5
"""Sequences that are drawn between two tellings of progress."""


@dataclass(frozen=True, slots=True)
class Events:
    """Rows in order of entity and time: (rows, free columns) positions, and the number of the entity of each."""

    assembly: Assembly
    positions: Ints
    entity: Ints
    time: int

    @property
    def starts(self) -> Ints:
        """Where each entity's rows begin."""
        return np.flatnonzero(np.diff(self.entity, prepend=-1)).astype(np.int64)


class Par:
    """The family ``par``: see ``generators.protocol.Family``.

    Parameters: ``epochs``; ``sequences``, how many entities a fit looks at, chosen by its seed; ``length``, how many
    events in a row of each (a window somewhere in longer ones); ``pool``, how many sequences are drawn and kept.
    """

    name = "par"
    formal = False
    control = False
    extra = "sdv"

    def mechanisms(self, contract: Contract, rows: int) -> tuple[Mechanism, ...]:
        """None."""
        return ()

    def fit(self, table: "pd.DataFrame", request: FitRequest, progress: Progress) -> SequencesModel | FitFailed:
        """Fit to the contract's sequences; raises ``ContractError`` where it states none, under a formal claim or for
        an unknown parameter, ``InsufficientEvidence`` below two sequences, ``InputError`` where SDV gives up.
        """
        settings = whole_numbers(request.parameters, PARAMETERS, self.name)
        sequence = sequence_of(request.contract, self.name)
        every = _events(table, request, sequence, self.name)
        events = _chosen(every, settings["sequences"], settings["length"], request.seed)
        seed = number_of(request.seed, self.name)
        drawn = supervised(lambda stage: _drawn(events, settings, seed, stage), seed, progress, self.name)
        losses, pool, starts = drawn
        failure = failed(losses, events.positions, pool)
        return failure or SequencesModel(
            self.name, request.contract, events.assembly, pool, starts, len(every.positions)
        )

    def load(self, body: bytes, contract: Contract) -> SequencesModel:
        """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""
        return opened_sequences(body, contract, self.name)


FAMILY = Par()


def _events(table: "pd.DataFrame", request: FitRequest, sequence: Sequence, family: str) -> Events:

    reduced = without(request.contract, {sequence.entity}, family)
    changed = FitRequest(reduced, request.seed, parameters=request.parameters)
    assembly = prepared_empirically(table, changed, family).assembly
    if sequence.time not in assembly.free:
        raise ContractError(f"{family} draws {sequence.time} itself: no dependency may derive the time of a sequence")
    rows = bounded(table, request)
    usable = assembly.valid(rows) & rows[[sequence.entity, sequence.time]].notna().all(axis=1).to_numpy(dtype=bool)
    rows = rows[usable]
    codes = factorized(rows[sequence.entity])[0]
    time = assembly.free.index(sequence.time)
    positions = np.stack(assembly.positions(rows), axis=1)
    order = np.lexsort((positions[:, time], codes))
    if len(np.unique(codes)) < 2:
        raise InsufficientEvidence(f"{family} needs two sequences at least, and the table has fewer")
    return Events(assembly, positions[order], codes[order].astype(np.int64), time)


def _chosen(events: Events, sequences: int, length: int, seed: bytes) -> Events:
    """Some sequences, each cut to a window of ``length`` events; by the secret seed."""
    rng = np.random.default_rng(number_of(seed, "sequences"))
    starts, ends = events.starts, np.append(events.starts[1:], len(events.positions))
    kept = np.sort(rng.permutation(len(starts))[:sequences])
    begins = starts[kept] + rng.integers(0, np.maximum(1, ends[kept] - starts[kept] - length + 1))
    places = np.concatenate(
        [np.arange(begin, min(end, begin + length)) for begin, end in zip(begins, ends[kept], strict=True)]
    )
    return Events(events.assembly, events.positions[places], events.entity[places], events.time)


def _drawn(
    events: Events, settings: Mapping[str, int], seed: int, stage: Stage
) -> tuple["np.ndarray[tuple[int, ...], np.dtype[np.float64]]", Ints, Ints]:
    """The losses, and a pool of drawn sequences with their starts; runs on the worker."""
    stage.enter("loading SDV", 0.0, 0.05, 10)
    plain = plain_of(events.positions, events.assembly)
    if not plain.varying:
        raise InsufficientEvidence("the events of all sequences are the same: there is nothing to learn")
    synthesizer = _synthesizer(plain, events, settings["epochs"])
    frame = plain.frame(events.positions)
    frame[KEY] = [f"s{number}" for number in events.entity]
    stage.enter("fitting", 0.05, 0.5, of=settings["epochs"])
    with steps_told(stage):
        synthesizer.fit({TABLE: frame})
    stage.enter("sampling a pool", 0.5, 0.94, of=settings["pool"])
    synthesizer._context_synthesizer._set_random_state(seed)
    parts: list[Ints] = []
    while len(parts) < settings["pool"]:
        parts += _chunk(synthesizer, plain, events.time, min(CHUNK, settings["pool"] - len(parts)))
        stage.step = len(parts)
    losses = synthesizer.get_loss_values()["Loss"].to_numpy(dtype=np.float64)
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])]).astype(np.int64)
    return losses, np.concatenate(parts), starts


def _synthesizer(plain: Plain, events: Events, epochs: int) -> Any:
    from sdv.metadata import Metadata
    from sdv.sequential import PARSynthesizer

    metadata = Metadata()
    metadata.add_table(TABLE)
    plain.declare(metadata, TABLE)
    metadata.add_column(KEY, TABLE, sdtype="id")
    metadata.set_sequence_key(KEY, TABLE)
    if events.time in plain.varying:
        metadata.set_sequence_index(named(events.time), TABLE)
    context = [named(place) for place in plain.varying if place != events.time and _steady(events, place)]
    return PARSynthesizer(metadata, context_columns=context, epochs=epochs, cuda=False)


def _steady(events: Events, place: int) -> bool:
    """Never changes within an entity."""
    column = events.positions[:, place]
    return bool(((np.diff(column) == 0) | (np.diff(events.entity) != 0)).all())


def _chunk(synthesizer: Any, plain: Plain, time: int, count: int) -> list[Ints]:
    """Some sequences, each (events, free columns) in order of time."""
    drawn = synthesizer.sample_sequences(count)[TABLE]
    positions = plain.positions(drawn, len(drawn))
    keys = drawn[KEY].to_numpy()
    cuts = np.flatnonzero(keys[1:] != keys[:-1]) + 1
    return [part[np.argsort(part[:, time], kind="stable")] for part in np.split(positions, cuts)]
