"""The different cells of a column of objects, how often each occurs, and each row's place among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.factorized import factorized_objects

Places = npt.NDArray[np.int32]
LOOKED_AT = 1_000
"""Rows that tell whether equal cells mostly are one object."""


@dataclass(frozen=True, slots=True)
class Distinct:
    """(n_values,) different ``values`` in order of first appearance, how often each occurs, and each row's place among
    them, n_values where missing.
    """

    values: Any
    counts: npt.NDArray[np.int64]
    places: Places

    @classmethod
    def of(cls, cells: Any) -> "Distinct":
        """Of (n_rows,) ``cells`` of dtype object."""
        if not len(cells):
            return cls(cells, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int32))
        places, objects = _by_object(cells)
        codes, values = factorized_objects(objects)
        found = np.where(codes < 0, len(values), codes).astype(np.int32)[places]
        return cls(values, np.bincount(found, minlength=len(values) + 1)[: len(values)], found)


def _by_object(cells: Any) -> tuple[npt.NDArray[np.intp], Any]:
    """Different objects in order of first appearance, and each cell's place among them.

    One object is equal to itself, so objects are told apart by address first, and only different ones by value: the
    text columns of a file hold each text once.
    """
    import pandas as pd

    addresses = np.frombuffer(np.ascontiguousarray(cells), dtype=np.intp)
    seen = addresses[:LOOKED_AT]
    if 2 * len(np.unique(seen)) > len(seen):
        return np.arange(len(cells)), cells
    places, objects = pd.factorize(addresses)
    rows = LOOKED_AT
    while int(places[:rows].max()) < len(objects) - 1:
        rows *= 8
    head = places[:rows]
    first = np.empty(len(objects), dtype=np.intp)
    first[head[::-1]] = np.arange(len(head) - 1, -1, -1)
    return places, cells[first]


def most_frequent(samples: Sequence[Distinct], kept: int) -> Any:
    """The ``kept`` most frequent values of all samples together, ties by first appearance."""
    places, values = factorized_objects(np.concatenate([sample.values for sample in samples]))
    counts = np.bincount(places, np.concatenate([sample.counts for sample in samples]), minlength=len(values))
    return values[np.argsort(-counts, kind="stable")[:kept]]
