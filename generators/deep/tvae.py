"""TVAE (Xu et al. 2019, "Modeling tabular data using conditional GAN") in torch, in a fraction of the time.

A Gaussian encoder and a decoder whose columns are independent given the latent. Against the paper: numbers are cells by
quantile rather than modes of a mixture, every column's value is drawn from its softmax rather than taken at its peak
(peaks lose the variety), and encoder and decoder are told the target's cell, so that sampling can be conditioned on it.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from generators.deep.drawing import ANY
from generators.deep.fitting import SHARED, Columns, Config, DeepFamily, Recipe
from generators.deep.networks import (
    Decoder,
    Encoder,
    begin_at_shares,
    divergence,
    draw,
    draw_all,
    noise,
    one_hot,
    surprise,
)
from generators.deep.schedule import adam, paced
from generators.deep.settings import Setting
from generators.deep.training import mixed

SETTINGS = SHARED | {
    "epochs": Setting(15, 1, 10_000),
    "learning_rate": Setting(4e-3, 1e-6, 1.0),
    "latent": Setting(32, 1, 1_000),
    "hidden": Setting(256, 1, 10_000),
    "divergence": Setting(0.5, 0.0, 100.0),
    "weight_decay": Setting(1e-5, 0.0, 1.0),
}
"""``divergence``: the weight of the Kullback-Leibler term, the paper's by default."""


class Autoencoder(nn.Module):
    """Encoder and decoder, both told the target's cell, and the target's shares."""

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        self.sizes = [int(size) for size in config["sizes"]]
        self.latent, hidden = int(config["latent"]), int(config["hidden"])
        self.target = None if config["target"] is None else int(config["target"])
        told = 0 if self.target is None else self.sizes[self.target]
        self.encoder = Encoder(sum(self.sizes), (hidden, hidden), self.latent, generator)
        self.decoder = Decoder(self.latent + told, (hidden, hidden), sum(self.sizes), generator)
        self.register_buffer("shares", torch.zeros(max(1, told)))

    @property
    def conditional(self) -> tuple[int, ...]:
        """The target, where there is one."""
        return () if self.target is None else (self.target,)

    def decoded(self, latent: Tensor, target: Tensor | None) -> Tensor:
        """(rows, width) logits."""
        if target is not None and self.target is not None:
            told = one_hot(target[:, None], self.sizes[self.target : self.target + 1])
            latent = torch.cat([latent, told], dim=1)
        logits: Tensor = self.decoder(latent)
        return logits

    def draw(self, rows: int, generator: torch.Generator, fixed: tuple[int, Tensor] | None = None) -> Tensor:
        """See ``drawing.Network``."""
        latent, target = noise(rows, self.latent, generator), None
        if self.target is not None:
            target = draw(self.get_buffer("shares").log().repeat(rows, 1), generator)
            target = target if fixed is None else torch.where(fixed[1] == ANY, target, fixed[1])
        cells = draw_all(self.decoded(latent, target), self.sizes, generator)
        if target is not None:
            cells[:, self.target] = target
        return cells


class Learning:
    """Trains an autoencoder by its evidence lower bound."""

    def __init__(self, network: Autoencoder, cells: Tensor, settings: Mapping[str, float]) -> None:
        self._network, self._cells, self._settings = network, cells, settings
        if network.target is not None:
            counts = torch.bincount(cells[:, network.target], minlength=network.sizes[network.target])
            network.get_buffer("shares").copy_(counts / len(cells))
        begin_at_shares(network.decoder.layers[-1], cells, network.sizes)
        self._optimizer = adam(network, settings)
        self.modules: dict[str, nn.Module] = {"network": network}
        self.optimizers: dict[str, torch.optim.Optimizer] = {"network": self._optimizer}

    def step(self, rows: Tensor, done: float, generator: torch.Generator) -> Tensor:
        """One step of Adam; the batch's mean loss in nats."""
        network, cells = self._network, self._cells[rows]
        paced(self._optimizer, self._settings["learning_rate"], done)
        with mixed(cells.device):
            mean, spread = network.encoder(one_hot(cells, network.sizes))
            latent = mean + (0.5 * spread).exp() * noise(len(cells), network.latent, generator)
            logits = network.decoded(latent, None if network.target is None else cells[:, network.target])
        told = divergence(mean, spread).sum(dim=1)
        loss = (surprise(logits, cells, network.sizes) + self._settings["divergence"] * told).mean()
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return loss.detach()


def describe(columns: Columns, settings: Mapping[str, float]) -> dict[str, Any]:
    """Sizes alone."""
    latent, hidden = int(settings["latent"]), int(settings["hidden"])
    return {"sizes": list(columns.sizes), "target": columns.target, "latent": latent, "hidden": hidden}


FAMILY = DeepFamily(
    Recipe(
        "torch-tvae",
        1,
        SETTINGS,
        describe,
        Autoencoder,
        lambda network, cells, settings, generator: Learning(network, cells, settings),  # type: ignore[arg-type]
    )
)
