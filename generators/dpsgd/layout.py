"""Cells as one-hot rows: where each column begins, and the arithmetic of softmaxes over all columns at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

FLOOR = 1e-30


@dataclass(frozen=True, slots=True)
class Layout:
    """``starts`` (columns) is each column's first place in a row of ``width``; ``member`` (width, columns) says whose
    each place is; ``sizes`` are the columns' cells.
    """

    starts: Tensor
    member: Tensor
    sizes: list[int]

    @property
    def width(self) -> int:
        """Places in a row."""
        return int(self.member.shape[0])

    def one_hot(self, cells: Tensor) -> Tensor:
        """(rows, columns) cells to (rows, width) zeros and ones."""
        rows = torch.zeros(len(cells), self.width)
        return rows.scatter_(1, cells + self.starts, 1.0)

    def log_normalisers(self, logits: Tensor) -> Tensor:
        """(rows, columns): each column's log of summed exponentials."""
        highest = logits.detach().amax(1, keepdim=True)
        summed = torch.exp(logits - highest) @ self.member
        return torch.log(summed.clamp(min=FLOOR)) + highest

    def shares(self, logits: Tensor) -> Tensor:
        """(rows, width): softmax within each column."""
        raised = torch.exp(logits - logits.detach().amax(1, keepdim=True))
        return raised / ((raised @ self.member).clamp(min=FLOOR) @ self.member.T)

    def highest(self, logits: Tensor) -> Tensor:
        """(rows, width): one at each column's highest logit, else zero."""
        parts = logits.split(self.sizes, 1)
        cells = torch.stack([part.argmax(1) for part in parts], 1)
        return self.one_hot(cells)


def layout(sizes: Sequence[int]) -> Layout:
    """The layout of columns of so many cells each."""
    counts = torch.tensor(list(sizes), dtype=torch.int64)
    column = torch.repeat_interleave(torch.arange(len(counts)), counts)
    member = torch.zeros(int(counts.sum()), len(counts))
    member[torch.arange(len(column)), column] = 1.0
    return Layout(counts.cumsum(0) - counts, member, list(sizes))
