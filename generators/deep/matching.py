"""Tables of all pairs of cells as a target: how far the tables of drawn rows are from the data's.

The distance is unbiased whatever the batch (two halves that know nothing of each other; Li et al. 2015 with the
quadratic kernel), and each entry is measured in units of about its own standard deviation, so that rare cells count.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

FLOOR = 2e-3
"""Shares below this count as this much: the weight of the rarest cells ends there."""
CHUNK = 8_192


@dataclass(frozen=True, slots=True)
class PairTables:
    """``tables`` (width, width): the share of rows with both cells; ``scale`` (width,): what each cell counts."""

    tables: Tensor
    scale: Tensor

    @classmethod
    def of(cls, places: Tensor, weights: Tensor, width: int) -> "PairTables":
        """Of (rows, columns) places of one-hot cells, rows weighted."""
        tables = torch.zeros(width, width, device=places.device)
        for part, weight in zip(places.split(CHUNK), weights.float().split(CHUNK), strict=True):
            ones = torch.zeros(len(part), width, device=places.device).scatter_(1, part, 1.0)
            tables += ones.T @ (ones * weight[:, None])
        scale = (tables.diagonal() + FLOOR).rsqrt()
        return cls(tables * scale[:, None] * scale[None, :], scale)

    def distance(self, rows: Tensor) -> Tensor:
        """Squared distance, an even number of (rows, width) relaxed rows given; may fall below 0 by chance."""
        scaled = rows * self.scale
        half = len(rows) // 2
        first = scaled[:half].T @ scaled[:half] / half - self.tables
        second = scaled[half : 2 * half].T @ scaled[half : 2 * half] / half - self.tables
        return (first * second).sum() / len(self.scale)
