"""A variational autoencoder whose decoder is autoregressive over columns: what the latent leaves open, earlier columns
tell.

The decoder is a masked network (Germain et al. 2015, MADE) over one-hot cells, given a latent (Kingma and Welling
2014; as PixelVAE, Gulrajani et al. 2017): column k's logits see the latent and the columns before it, through two
hidden layers and, pair by pair, directly. The target comes first, so that sampling can be conditioned on it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from generators.deep.drawing import ANY
from generators.deep.fitting import SHARED, Columns, Config, DeepFamily, Recipe
from generators.deep.networks import (
    Encoder,
    begin_at_shares,
    divergence,
    draw,
    linear,
    looked_up,
    noise,
    offsets,
    one_hot,
    places_of,
    surprise,
)
from generators.deep.schedule import adam, paced
from generators.deep.settings import Setting
from generators.deep.training import mixed

SETTINGS = SHARED | {
    "epochs": Setting(15, 1, 10_000),
    "learning_rate": Setting(3e-3, 1e-6, 1.0),
    "latent": Setting(8, 1, 1_000),
    "group": Setting(32, 1, 1_000),
    "divergence": Setting(1.0, 0.0, 100.0),
    "weight_decay": Setting(1e-5, 0.0, 1.0),
}
"""``group``: hidden units a column in each layer; ``divergence``: the weight of the Kullback-Leibler term."""
ENCODED = (128, 128)
MOST_UNITS = 2_048
"""Units a layer of the decoder: wide tables have fewer a column."""


class Masked(nn.Module):
    """The decoder over columns of ``sizes``, in their order.

    ``table`` holds, for each cell of a row, what it adds to the first layer's units and to the logits of later columns.
    """

    def __init__(self, latent: int, sizes: Sequence[int], group: int, generator: torch.Generator) -> None:
        super().__init__()
        self.sizes, self.group, self.latent = tuple(sizes), group, latent
        width, hidden = sum(sizes), group * len(sizes)
        first = torch.empty(width, hidden)
        reach = 1 / math.sqrt(latent + len(sizes))
        with torch.no_grad():
            first.uniform_(-reach, reach, generator=generator)
        self.table = nn.Parameter(torch.cat([first, torch.zeros(width, width)], dim=1))
        self.start = linear(latent, hidden, generator)
        self.second = linear(hidden, hidden, generator)
        self.last = linear(hidden, width, generator)
        column = torch.arange(len(sizes)).repeat_interleave(torch.tensor(self.sizes))
        unit = torch.arange(len(sizes)).repeat_interleave(group)
        self.register_buffer("seen", column[:, None] < torch.cat([unit, column])[None, :], persistent=False)
        self.register_buffer("seen_second", unit[None, :] <= unit[:, None], persistent=False)
        self.register_buffer("seen_last", unit[None, :] <= column[:, None], persistent=False)

    def forward(self, latent: Tensor, places: Tensor) -> Tensor:
        """(rows, width) logits from the latent and the places of the row's own cells."""
        run, hidden = nn.functional.linear, self.group * len(self.sizes)
        added = looked_up(places, self.table * self.get_buffer("seen"))
        lower = (self.start(latent) + added[:, :hidden]).relu()
        upper = run(lower, self.second.weight * self.get_buffer("seen_second"), self.second.bias).relu()
        return run(upper, self.last.weight * self.get_buffer("seen_last"), self.last.bias) + added[:, hidden:]

    def draw(self, latent: Tensor, generator: torch.Generator, first: Tensor | None) -> Tensor:
        """(rows, columns) cells, column by column; ``first`` are cells of the first column, ``ANY`` where free.

        Each hidden unit is computed once, as soon as all that it sees is drawn.
        """
        group, run, hidden = self.group, nn.functional.linear, self.group * len(self.sizes)
        table = self.table * self.get_buffer("seen")
        added = torch.cat([self.start(latent), self.last.bias.repeat(len(latent), 1)], dim=1)
        lower, upper = (torch.zeros(len(latent), hidden) for _ in range(2))
        found = []
        for place, (begun, size) in enumerate(zip(offsets(self.sizes), self.sizes, strict=True)):
            units, known, outputs = (
                slice(place * group, (place + 1) * group),
                (place + 1) * group,
                slice(begun, begun + size),
            )
            lower[:, units] = added[:, units].relu()
            upper[:, units] = run(lower[:, :known], self.second.weight[units, :known], self.second.bias[units]).relu()
            logits = (
                run(upper[:, :known], self.last.weight[outputs, :known])
                + added[:, hidden + begun : hidden + begun + size]
            )
            cells = draw(logits, generator)
            if place == 0 and first is not None:
                cells = torch.where(first == ANY, cells, first)
            found.append(cells)
            added += table[begun + cells]
        return torch.stack(found, dim=1)


class Autoencoder(nn.Module):
    """Encoder and masked decoder; ``order`` are the columns' places in the order in which they are drawn."""

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        self.order = [int(place) for place in config["order"]]
        self.sizes = [int(config["sizes"][place]) for place in self.order]
        self.latent = int(config["latent"])
        self.encoder = Encoder(sum(self.sizes), ENCODED, self.latent, generator)
        self.decoder = Masked(self.latent, self.sizes, int(config["group"]), generator)

    @property
    def conditional(self) -> tuple[int, ...]:
        """The column that is drawn first."""
        return (self.order[0],)

    def draw(self, rows: int, generator: torch.Generator, fixed: tuple[int, Tensor] | None = None) -> Tensor:
        """See ``drawing.Network``."""
        latent = noise(rows, self.latent, generator)
        found = self.decoder.draw(latent, generator, None if fixed is None else fixed[1])
        cells = torch.empty_like(found)
        cells[:, self.order] = found
        return cells


class Learning:
    """Trains an autoencoder by its evidence lower bound."""

    def __init__(self, network: Autoencoder, cells: Tensor, settings: Mapping[str, float]) -> None:
        self._network, self._cells, self._settings = network, cells[:, network.order].contiguous(), settings
        begin_at_shares(network.decoder.last, self._cells, network.sizes)
        self._optimizer = adam(network, settings)
        self.modules: dict[str, nn.Module] = {"network": network}
        self.optimizers: dict[str, torch.optim.Optimizer] = {"network": self._optimizer}

    def step(self, rows: Tensor, done: float, generator: torch.Generator) -> Tensor:
        """One step of Adam; the batch's mean loss in nats."""
        network, cells = self._network, self._cells[rows]
        paced(self._optimizer, self._settings["learning_rate"], done)
        places = places_of(cells, network.sizes)
        with mixed(cells.device):
            mean, spread = network.encoder(one_hot(cells, network.sizes))
            latent = mean + (0.5 * spread).exp() * noise(len(cells), network.latent, generator)
            logits = network.decoder(latent, places)
        told = divergence(mean, spread).sum(dim=1)
        loss = (surprise(logits, cells, network.sizes) + self._settings["divergence"] * told).mean()
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return loss.detach()


def describe(columns: Columns, settings: Mapping[str, float]) -> dict[str, Any]:
    """The target first, then the columns in the contract's order."""
    first = [] if columns.target is None else [columns.target]
    order = first + [place for place in range(len(columns.sizes)) if place != columns.target]
    latent = int(settings["latent"])
    group = max(1, min(int(settings["group"]), MOST_UNITS // max(1, len(order))))
    return {"sizes": list(columns.sizes), "order": order, "latent": latent, "group": group}


FAMILY = DeepFamily(
    Recipe(
        "vae",
        1,
        SETTINGS,
        describe,
        Autoencoder,
        lambda network, cells, settings, generator: Learning(network, cells, settings),  # type: ignore[arg-type]
    )
)
