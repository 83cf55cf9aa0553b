"""Counts of a table, and nothing else of it: every column's marginal, tables of pairs and triples, as integers.

Marginals are on bins; pairs and triples on levels, which are unions of bins. What is counted is known before any row
is: a layout follows from a contract, or from a release that is public already.
"""

import base64
import hashlib
import zlib
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.canonical import canonical, parse
from schemas.column_bins import ColumnBins
from schemas.contract import Contract
from schemas.errors import ContractError, PerennialError
from schemas.public_bins import public_column

Integers = npt.NDArray[np.int64]

MOST_PAIRED = 30
"""Columns of which all pairs are counted; of more, the target, the subgroups and those first in the contract."""


@dataclass(frozen=True)
class CountLayout:
    """``bins`` of the columns; (codes,) ``levels`` of each column's codes; which pairs and triples are counted."""

    bins: tuple[ColumnBins, ...]
    levels: tuple[tuple[int, ...], ...]
    pairs: tuple[tuple[int, int], ...]
    triples: tuple[tuple[int, int, int], ...] = ()

    def __post_init__(self) -> None:
        fits = len(self.levels) == len(self.bins) and all(
            len(levels) == column.size and min(levels) >= 0
            for levels, column in zip(self.levels, self.bins, strict=True)
        )
        places = [place for named in (*self.pairs, *self.triples) for place in named]
        if not fits or any(not 0 <= place < len(self.bins) for place in places):
            raise ContractError("the layout of counts does not fit together")

    @cached_property
    def level_sizes(self) -> tuple[int, ...]:
        return tuple(max(levels) + 1 for levels in self.levels)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.bins)

    def document(self) -> dict[str, Any]:
        """The layout as JSON; bins are public facts."""
        return {
            "bins": [asdict(column) for column in self.bins],
            "levels": [list(levels) for levels in self.levels],
            "pairs": [list(pair) for pair in self.pairs],
            "triples": [list(triple) for triple in self.triples],
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "CountLayout":
        """What ``document`` gave; raises ``ContractError`` on anything else."""
        try:
            return cls(
                tuple(ColumnBins(**_tuples(column)) for column in document["bins"]),
                tuple(tuple(int(level) for level in levels) for levels in document["levels"]),
                tuple((int(left), int(right)) for left, right in document["pairs"]),
                tuple((int(one), int(two), int(three)) for one, two, three in document["triples"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ContractError("not a layout of counts") from None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what a cell counts."""
        return hashlib.sha256(canonical(self.document())).hexdigest()


@dataclass(frozen=True, eq=False)
class TableCounts:
    """``marginals`` (codes,) of every column; ``pairs`` and ``triples`` (levels, levels[, levels]) in the layout's
    order.

    ``windows``: over how many windows an entity's bounded rows were added up, so that it may be in ``windows`` times
    the contract's ``max_rows`` of them; 1 where one bound was kept throughout, or the unit is a row.
    """

    layout: CountLayout
    marginals: tuple[Integers, ...]
    pairs: tuple[Integers, ...]
    triples: tuple[Integers, ...] = ()
    windows: int = 1

    def __post_init__(self) -> None:
        layout, sizes = self.layout, self.layout.level_sizes
        wanted: list[tuple[int, ...]] = [(column.size,) for column in layout.bins]
        wanted += [tuple(sizes[place] for place in named) for named in (*layout.pairs, *layout.triples)]
        if [part.shape for part in self.parts] != wanted or self.windows < 1:
            raise ContractError("the counts are not of their layout")

    @property
    def parts(self) -> tuple[Integers, ...]:
        return (*self.marginals, *self.pairs, *self.triples)

    @property
    def rows(self) -> int:
        """As the first column's marginal has them."""
        return int(self.marginals[0].sum()) if self.marginals else 0

    @cached_property
    def digest(self) -> bytes:
        """BLAKE2b of layout and counts: what noise on them may be derived from."""
        state = hashlib.blake2b(digest_size=32, person=b"perennial-cells")
        state.update(f"{self.layout.digest}/{self.windows}".encode())
        for part in self.parts:
            state.update(np.ascontiguousarray(part, dtype="<i8").tobytes())
        return state.digest()

    @property
    def cut(self) -> "TableCounts":
        """Cells below zero, which a delete of an older row leaves, cut at zero: no cell moves by more than before."""
        if all(int(part.min(initial=0)) >= 0 for part in self.parts):
            return self
        marginals, pairs, triples = (
            tuple(np.maximum(part, 0) for part in parts) for parts in (self.marginals, self.pairs, self.triples)
        )
        return TableCounts(self.layout, marginals, pairs, triples, self.windows)

    def to_bytes(self) -> bytes:
        """The counts as JSON; they are exact, so they are to be kept as rows are."""
        flat = np.concatenate([part.ravel() for part in self.parts]) if self.parts else np.zeros(0)
        packed = base64.b64encode(zlib.compress(flat.astype("<i8").tobytes(), 6)).decode("ascii")
        return canonical({"layout": self.layout.document(), "windows": self.windows, "counts": packed})

    @classmethod
    def from_bytes(cls, body: bytes) -> "TableCounts":
        """What ``to_bytes`` wrote; raises ``ContractError`` on anything else."""
        try:
            document = parse(body)
            layout = CountLayout.from_document(document["layout"])
            shapes: list[tuple[int, ...]] = [(column.size,) for column in layout.bins]
            for named in (*layout.pairs, *layout.triples):
                shapes.append(tuple(layout.level_sizes[place] for place in named))
            cells = sum(int(np.prod(shape)) for shape in shapes)
            raw = zlib.decompressobj().decompress(base64.b64decode(document["counts"], validate=True), 8 * cells + 1)
            flat = np.frombuffer(raw, dtype="<i8").astype(np.int64)
            if flat.size != cells:
                raise ValueError
            ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
            parts = [piece.reshape(shape) for piece, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True)]
            first, second = len(layout.bins), len(layout.bins) + len(layout.pairs)
            windows = int(document["windows"])
            return cls(layout, tuple(parts[:first]), tuple(parts[first:second]), tuple(parts[second:]), windows)
        except (KeyError, TypeError, ValueError, AttributeError, zlib.error, PerennialError):
            raise ContractError("not counts of a table") from None


def public_layout(contract: Contract) -> CountLayout:
    """What follows from the contract alone: its bins, all pairs of (at most 30) columns, the declared triples.

    Raises ``ContractError`` where a modelled column has no domain.
    """
    found = [public_column(column) for column in contract.modelled]
    names = [column.name for column in contract.modelled]
    return CountLayout(
        tuple(column.bins for column in found),
        tuple(column.levels for column in found),
        paired(names, contract),
        declared_triples(names, contract),
    )


def paired(names: list[str], contract: Contract) -> tuple[tuple[int, int], ...]:
    """All pairs of the target, the subgroups and the first columns in the contract, ``MOST_PAIRED`` columns at most."""
    policy = contract.policy
    first = [names.index(name) for name in (policy.target, *dict.fromkeys(policy.subgroups)) if name in names]
    return tuple(combinations(sorted(list(dict.fromkeys([*first, *range(len(names))]))[:MOST_PAIRED]), 2))


def declared_triples(names: list[str], contract: Contract) -> tuple[tuple[int, int, int], ...]:
    """The contract's triples of these columns."""
    return tuple(
        (names.index(one), names.index(two), names.index(three))
        for one, two, three in contract.policy.triples
        if {one, two, three} <= set(names)
    )


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    # Canonical JSON writes 1.0 as 1.
    return found | {"edges": tuple(float(edge) for edge in found["edges"]), "fresh": float(found["fresh"])}
