"""Conditional vectors and training by sampling (Xu et al. 2019): one cell of one column, and rows that have it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from generators.deep.networks import offsets


@dataclass(frozen=True, slots=True)
class Rows:
    """The table's rows by cell: ``order`` is (columns, rows), each column's rows sorted by its cell."""

    order: Tensor
    starts: Tensor
    counts: Tensor
    begins: Tensor

    def row(self, column: Tensor, cell: Tensor, generator: torch.Generator) -> Tensor:
        """(rows,) numbers of rows that have the cell, drawn uniformly among them."""
        place = self.begins[column] + cell
        chance = torch.rand(len(column), generator=generator, device=column.device, dtype=torch.float64)
        inside = (chance * self.counts[place]).long()
        return self.order[column, self.starts[place] + inside]


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions on the columns ``places`` of one-hot cells; ``shares`` (width,) of each cell in its column."""

    sizes: Sequence[int]
    places: Sequence[int]
    shares: Tensor

    @classmethod
    def counted(cls, sizes: Sequence[int], places: Sequence[int], cells: Tensor) -> "Conditions":
        """With the shares of (rows, columns) cells."""
        counts = [torch.bincount(cells[:, place], minlength=size) for place, size in enumerate(sizes)]
        return cls(sizes, places, torch.cat(counts).float() / max(1, len(cells)))

    @property
    def logged(self) -> Tensor:
        """Weights by log-frequency, which bring rare cells up; nothing stays nothing."""
        return torch.where(self.shares > 0, (1 + self.shares * 1e4).log(), 0.0)

    def drawn(self, rows: int, generator: torch.Generator, weights: Tensor) -> tuple[Tensor, Tensor]:
        """(rows,) columns, uniform among ``places``, and (rows,) cells of them in proportion to (width,) weights."""
        device, begins = weights.device, offsets(self.sizes)
        chosen = torch.randint(len(self.places), (rows,), generator=generator, device=device)
        chance = torch.rand(rows, generator=generator, device=device)
        cell = torch.zeros(rows, dtype=torch.int64, device=device)
        for number, place in enumerate(self.places):
            total = weights[begins[place] : begins[place] + self.sizes[place]].double().cumsum(0)
            found = torch.searchsorted(total, chance.double() * total[-1], right=True).clamp(max=self.sizes[place] - 1)
            cell = torch.where(chosen == number, found, cell)
        return torch.tensor(list(self.places), device=device)[chosen], cell

    def place(self, column: Tensor, cell: Tensor) -> Tensor:
        """(rows,) places of the conditions in a row of one-hot cells."""
        return torch.tensor(offsets(self.sizes), device=column.device)[column] + cell

    def weights(self, cells: Tensor) -> Tensor:
        """(rows,) chances of each row in training by sampling, adding up to 1."""
        total = torch.zeros(len(cells), dtype=torch.float64, device=cells.device)
        parts = list(
            zip(self.logged.double().split(list(self.sizes)), self.shares.double().split(list(self.sizes)), strict=True)
        )
        for place in self.places:
            wished, held = parts[place]
            ratio = wished / wished.sum() / held.clamp(min=1e-12)
            total += ratio[cells[:, place]]
        return total / total.sum()

    def index(self, cells: Tensor) -> Rows:
        """The rows by cell."""
        order = torch.argsort(cells, dim=0, stable=True).T.contiguous()
        counts = torch.cat([torch.bincount(cells[:, place], minlength=size) for place, size in enumerate(self.sizes)])
        starts = [part.cumsum(0) - part for part in counts.split(list(self.sizes))]
        return Rows(order, torch.cat(starts), counts, torch.tensor(offsets(self.sizes), device=cells.device))

    def missed(self, logits: Tensor, column: Tensor, cell: Tensor) -> Tensor:
        """Mean cross-entropy of the conditions' own columns."""
        total = torch.zeros((), device=logits.device)
        parts = logits.split(list(self.sizes), dim=1)
        for place in self.places:
            mine = column == place
            if bool(mine.any()):
                total = total + nn.functional.cross_entropy(parts[place][mine], cell[mine], reduction="sum")
        return total / len(column)
