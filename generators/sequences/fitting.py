"""Fitting a sequence model to positions: entities, keys, and events that look back."""

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.protocol import Progress
from generators.sequences.conditional import Conditional, conditional
from generators.sequences.entities import Levels, entities_of
from generators.sequences.favourites import favourites_of
from generators.sequences.layout import Layout, layout_of
from generators.sequences.model import SequenceModel
from generators.sequences.replay import Replay
from generators.trees.coding import codes_of
from schemas.contract import Contract
from schemas.errors import InsufficientEvidence


def fitted(
    positions: Ints, contract: Contract, assembly: Assembly, leaf: int, seed: int, progress: Progress
) -> SequenceModel:
    """To (rows, free columns) positions; rows without entity, time or key are left out.

    Raises ``InsufficientEvidence`` below two usable rows.
    """
    layout = layout_of(contract, assembly)
    rows = _in_order(positions, layout)
    if len(rows) < 2:
        raise InsufficientEvidence("a sequence needs two rows with an entity and a time at least")
    progress(0.1, "entities and times")
    listing, entity = np.unique(rows[:, layout.entity], return_inverse=True)
    time = rows[:, layout.time]
    measured = [rows[:, layout.attributes[at]] for at in layout.measured]
    entities, levels = entities_of(entity, time, measured, layout, listing, seed, leaf)
    progress(0.2, "keys")
    favourites = tuple(favourites_of(entity, rows[:, place], seed + place, leaf) for place in layout.keys)
    by_time = np.lexsort((entity, time))
    numbers = [np.unique(rows[:, place], return_inverse=True)[1][by_time] for place in layout.keys]
    events, common = _events(rows[by_time], entity[by_time], numbers, levels, layout, leaf, seed, progress)
    return SequenceModel(contract, assembly, entities, favourites, events, common, len(rows))


def _in_order(positions: Ints, layout: Layout) -> Ints:
    """Rows with entity, time and keys, by entity and time."""
    present = np.ones(len(positions), dtype=bool)
    for place in (layout.entity, layout.time, *layout.keys):
        present &= positions[:, place] < layout.grids[place].size
    rows = positions[present]
    return rows[np.lexsort((rows[:, layout.time], rows[:, layout.entity]))]


def _events(
    rows: Ints, entity: Ints, keys: list[Ints], levels: Levels, layout: Layout, leaf: int, seed: int,
    progress: Progress,
) -> tuple[tuple[Conditional, ...], int]:  # fmt: skip
    """One conditional an attribute from rows in order of time, and the target's commonest code."""
    columns = [rows[:, place] for place in layout.attributes]
    codes = [codes_of(column, layout.grids[place]) for column, place in zip(columns, layout.attributes, strict=True)]
    coded = [own.encoded(column) for own, column in zip(codes, columns, strict=True)]
    common = int(np.bincount(coded[0]).argmax()) if coded else 0
    progress(0.3, "looking back")
    replay = Replay(layout, codes, common, entity, rows[:, layout.time], keys, levels)
    seen, kinds = replay.seen(coded, columns), replay.kinds()
    found = []
    for step, own in enumerate(codes):
        progress(0.4 + 0.5 * step / len(codes), "growing trees", step=step + 1, of=len(codes))
        inputs, given = [*coded[:step], *seen], [*codes[:step], *kinds]
        found.append(conditional(coded[step], own, inputs, given, seed + 101 * step, leaf, step > 0 and layout.marked))
    return tuple(found), common
