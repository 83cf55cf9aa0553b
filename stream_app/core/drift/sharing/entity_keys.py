"""The keys of entities in live columns: those that ``generators.entities.units.split`` gives the conformed column."""

from collections.abc import Hashable, Sequence

import numpy as np

from generators.entities.units import TRUE, entity_keys
from schemas.contract import Column
from schemas.factorized import factorized
from schemas.keyed_hash import Bools, Hashes, Path
from stream_app.core.drift.coding.cells import Cells, Numbers, Words
from stream_app.core.drift.coding.conforming import Conforming

_REMEMBERED = 262_144
"""Entities whose keys are kept at most, about 150 bytes each; then all are forgotten and worked out again."""


class EntityKeys:
    """Keyed BLAKE2b of each distinct entity, worked out once for entities that return soon."""

    def __init__(self, column: Column, secret: bytes, path: Path = "numpy") -> None:
        self._conforming, self._secret = Conforming(column, path), secret
        self._known: dict[Hashable, int] = {}

    def keys(self, cells: Cells) -> tuple[Hashes, Bools]:
        """(rows,) keys, and whether a row has an entity at all; all rows without one have one key."""
        conformed = self._conforming(cells)
        if isinstance(conformed, Words):
            # Index -1 takes the last word, which is none.
            table = np.array(self._of((*conformed.values, None)), dtype=np.uint64)
            return table.take(conformed.indices), conformed.indices >= 0
        values = conformed.values if isinstance(conformed, Numbers) else conformed
        codes, distinct = factorized(values)
        table = np.array(self._of((*distinct, None)), dtype=np.uint64)
        return table.take(codes), codes >= 0

    def _of(self, values: Sequence[Hashable]) -> list[int]:
        known = self._known
        try:
            return [known[value] for value in values]
        except KeyError:
            fresh = list({value: None for value in values if value not in known})
            if len(known) + len(fresh) > _REMEMBERED:
                known.clear()
                fresh = list(dict.fromkeys(values))
            known.update(zip(fresh, entity_keys(map(self._value, fresh), self._secret).tolist(), strict=True))
            return [known[value] for value in values]

    def _value(self, value: Hashable) -> object:
        """What the conformed column would hold where arrays hold ``value``."""
        import pandas as pd

        kind = self._conforming.column.type
        if kind == "boolean" and isinstance(value, str):
            return value == TRUE
        if kind in ("date", "timestamp") and isinstance(value, float):
            return pd.Timestamp(np.datetime64(round(value * 1_000_000), "us"))
        return value
