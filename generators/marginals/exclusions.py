"""Which cells of a column can follow the cells drawn before, where declared dependencies exclude combinations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generators.arrays import Bools, Ints
from generators.domains.assembly import Assembly
from generators.marginals.coding import Coding


@dataclass(frozen=True, slots=True)
class Exclusion:
    """For one column and the determinants drawn before it: (n + 1, cells) masks by the n listed tuples of earlier
    cells.

    The last mask is for tuples that are not listed, which hold a missing value: everything goes with them.
    """

    earlier: tuple[int, ...]
    radix: tuple[int, ...]
    keys: Ints
    masks: Bools

    def allowed(self, cells: Ints) -> Bools:
        """(rows, cells) mask for rows of fine cells of all columns."""
        if not self.earlier:
            return np.broadcast_to(self.masks[0], (cells.shape[0], self.masks.shape[1]))
        key = _key([cells[:, column] for column in self.earlier], self.radix)
        place = np.clip(np.searchsorted(self.keys, key), 0, self.keys.size - 1)
        found: Bools = self.masks[np.where(self.keys[place] == key, place, self.keys.size)]
        return found


def exclusions(assembly: Assembly, codings: Sequence[Coding], order: Sequence[int]) -> dict[int, list[Exclusion]]:
    """The exclusions of each column, given the order in which columns are drawn."""
    rank = {column: place for place, column in enumerate(order)}
    found: dict[int, list[Exclusion]] = {column: [] for column in order}
    for support in assembly.supports:
        columns = sorted((assembly.free.index(name) for name in support.determinants), key=rank.__getitem__)
        parts = {column: support.determinants.index(assembly.free[column]) for column in columns}
        cells = {column: codings[column].encode(support.combinations[:, part]) for column, part in parts.items()}
        for place, column in enumerate(columns):
            size = support.sizes[parts[column]]
            found[column].append(_exclusion(columns[:place], column, cells, codings, size))
    return found


def _exclusion(
    earlier: list[int], column: int, cells: dict[int, Ints], codings: Sequence[Coding], size: int
) -> Exclusion:
    radix = tuple(codings[known].fine_cells for known in earlier)
    key = _key([cells[known] for known in earlier], radix) if earlier else np.zeros(cells[column].size, dtype=np.int64)
    keys, place = np.unique(key, return_inverse=True)
    masks = np.zeros((keys.size + 1, codings[column].fine_cells), dtype=bool)
    masks[place, cells[column]] = True
    masks[:, codings[column].cell[(codings[column].low >= size) & (codings[column].weight > 0)]] = True
    masks[-1] = True
    return Exclusion(tuple(earlier), radix, keys, masks)


def _key(parts: list[Ints], radix: tuple[int, ...]) -> Ints:
    key = np.zeros(parts[0].size if parts else 0, dtype=np.int64)
    for part, size in zip(parts, radix, strict=True):
        key = key * size + part
    return key
