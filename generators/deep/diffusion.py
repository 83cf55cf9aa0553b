"""Discrete diffusion for mixed tables: cells are masked at random and a network learns to tell them from the others.

The forward process masks each column of a row after the other until none is left (absorbing states: Austin et al. 2021,
D3PM; in continuous time Sahoo et al. 2024, MDLM); the reverse process uncovers them again, in any order. It belongs to
the line of TabDDPM (Kotelnikov et al. 2023), without its Gaussian part: numbers are cells here, which keeps their
spikes, gaps and tails, and the place within a cell is drawn by the encoding. Because any order can be drawn, a sample
can be conditioned on any column.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from generators.deep.drawing import ANY
from generators.deep.fitting import SHARED, Columns, Config, DeepFamily, Recipe
from generators.deep.networks import draw, linear, offsets, one_hot
from generators.deep.schedule import adam, paced
from generators.deep.settings import Setting
from generators.deep.training import mixed

SETTINGS = {
    **SHARED,
    "epochs": Setting(40, 1, 10_000),
    "learning_rate": Setting(2e-3, 1e-6, 1.0),
    "hidden": Setting(256, 2, 8_192),
    "blocks": Setting(3, 1, 32),
    "weight_decay": Setting(1e-5, 0.0, 1.0),
}
"""``hidden``: units of each of so many residual ``blocks``."""
TOGETHER = 1_024
"""Rows that are uncovered in one order: a step then computes the logits of one column alone."""


class Block(nn.Module):
    """x + W' relu(W norm(x)); it starts as the identity."""

    def __init__(self, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first = linear(width, width, generator)
        self.second = linear(width, width, generator)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        after: Tensor = hidden + self.second(self.first(self.norm(hidden)).relu())
        return after


class Denoiser(nn.Module):
    """The logits of all columns from a row's uncovered cells (one-hot; nothing where masked)."""

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        self.sizes = [int(size) for size in config["sizes"]]
        hidden = int(config["hidden"])
        self.seen = linear(sum(self.sizes), hidden, generator)
        self.blocks = nn.ModuleList([Block(hidden, generator) for _ in range(int(config["blocks"]))])
        self.norm = nn.LayerNorm(hidden)
        self.told = linear(hidden, sum(self.sizes), generator)

    @property
    def conditional(self) -> tuple[int, ...]:
        """Every column."""
        return tuple(range(len(self.sizes)))

    def forward(self, inputs: Tensor) -> Tensor:
        """(rows, width) logits from (rows, width) one-hot cells, those of masked columns being zeros."""
        logits: Tensor = self.told(self.norm(self.worked(self.seen(inputs))))
        return logits

    def worked(self, hidden: Tensor) -> Tensor:
        """The residual blocks."""
        for block in self.blocks:
            hidden = block(hidden)
        return hidden

    def draw(self, rows: int, generator: torch.Generator, fixed: tuple[int, Tensor] | None = None) -> Tensor:
        """See ``drawing.Network``. Each group of rows is uncovered in a random order, a fixed column first."""
        parts = []
        for begun in range(0, rows, TOGETHER):
            group = slice(begun, min(rows, begun + TOGETHER))
            order = torch.randperm(len(self.sizes), generator=generator).tolist()
            if fixed is not None:
                order.remove(fixed[0])
                order.insert(0, fixed[0])
            parts.append(
                self._uncovered(group.stop - begun, order, None if fixed is None else fixed[1][group], generator)
            )
        return torch.cat(parts) if parts else torch.zeros(0, len(self.sizes), dtype=torch.int64)

    def _uncovered(self, rows: int, order: Sequence[int], first: Tensor | None, generator: torch.Generator) -> Tensor:
        """The first layer's sums grow by one column of weights as a cell is drawn, so no step repeats them."""
        cells = torch.zeros(rows, len(self.sizes), dtype=torch.int64)
        sums = self.seen.bias.expand(rows, -1).clone()
        begins = offsets(self.sizes)
        for place, column in enumerate(order):
            outputs = slice(begins[column], begins[column] + self.sizes[column])
            hidden = self.norm(self.worked(sums))
            logits = nn.functional.linear(hidden, self.told.weight[outputs], self.told.bias[outputs])
            found = draw(logits, generator)
            if place == 0 and first is not None:
                found = torch.where(first == ANY, found, first)
            cells[:, column] = found
            sums += self.seen.weight.T[begins[column] + found]
        return cells


class Denoising:
    """Trains a denoiser: for each row a uniform number of its columns is masked, and the mean surprise of those counts.

    In expectation that is the negative log likelihood of a row, averaged over all orders, a column.
    """

    def __init__(self, network: Denoiser, cells: Tensor, settings: Mapping[str, float]) -> None:
        self._network, self._cells, self._settings = network, cells, settings
        self._inputs_of = torch.arange(len(network.sizes), device=cells.device).repeat_interleave(
            torch.tensor(network.sizes, device=cells.device)
        )
        self._optimizer = adam(network, settings)
        self.modules: dict[str, nn.Module] = {"network": network}
        self.optimizers: dict[str, torch.optim.Optimizer] = {"network": self._optimizer}

    def step(self, rows: Tensor, done: float, generator: torch.Generator) -> Tensor:
        """One step of Adam; the batch's mean surprise of a masked cell, in nats."""
        network, cells = self._network, self._cells[rows]
        paced(self._optimizer, self._settings["learning_rate"], done)
        masked = hidden_columns(len(cells), cells.shape[1], generator)
        inputs = one_hot(cells, network.sizes) * (~masked[:, self._inputs_of])
        with mixed(inputs.device):
            logits = network(inputs)
        weight = masked / masked.sum(dim=1, keepdim=True)
        loss = (surprises(logits, cells, network.sizes) * weight).sum(dim=1).mean()
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return loss.detach()


def hidden_columns(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    """(rows, columns) booleans: in each row a uniform number of columns, one at least, chosen uniformly."""
    where = generator.device
    many = torch.randint(1, columns + 1, (rows, 1), generator=generator, device=where)
    rank = torch.rand(rows, columns, generator=generator, device=where).argsort(dim=1).argsort(dim=1)
    return rank < many


def surprises(logits: Tensor, cells: Tensor, sizes: Sequence[int]) -> Tensor:
    """(rows, columns) negative log likelihoods of the cells."""
    parts = logits.float().split(list(sizes), dim=1)
    lost = [nn.functional.cross_entropy(part, cells[:, place], reduction="none") for place, part in enumerate(parts)]
    return torch.stack(lost, dim=1)


def describe(columns: Columns, settings: Mapping[str, float]) -> dict[str, Any]:
    """The network's sizes; the target has no place of its own."""
    hidden, blocks = int(settings["hidden"]), int(settings["blocks"])
    return {"sizes": list(columns.sizes), "hidden": hidden, "blocks": blocks}


FAMILY = DeepFamily(
    Recipe(
        "diffusion",
        1,
        SETTINGS,
        describe,
        Denoiser,
        lambda network, cells, settings, generator: Denoising(network, cells, settings),  # type: ignore[arg-type]
    )
)
