"""CTGAN (Xu et al. 2019, "Modeling tabular data using conditional GAN") in torch, in a fraction of the time.

Kept: the conditional vector with training by sampling (rare categories are seen as often as their log-frequency), the
cross-entropy on the condition, packed discrimination (Lin et al. 2018, PacGAN), the Wasserstein loss with a gradient
penalty. Changed: numbers are cells by quantile; the penalty is taken every few steps, as heavier (lazy regularisation,
Karras et al. 2020); the critic embeds rows before it packs them; the generator starts at the columns' own shares;
the sampled generator is the moving average of the trained one; values are drawn from the softmax; and beside the critic
the generator is held to the data's tables of all pairs (moment matching, Li et al. 2015).
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from generators.deep.conditioning import Conditions
from generators.deep.drawing import ANY
from generators.deep.fitting import SHARED, Columns, Config, DeepFamily, Recipe
from generators.deep.matching import PairTables
from generators.deep.networks import begin_at_shares, draw_all, linear, looked_up, noise, perceptron, places_of
from generators.deep.schedule import adam, paced
from generators.deep.settings import Setting
from generators.deep.training import mixed

SETTINGS = SHARED | {
    "epochs": Setting(10, 1, 10_000),
    "learning_rate": Setting(1e-3, 1e-6, 1.0),
    "latent": Setting(64, 1, 10_000),
    "hidden": Setting(256, 1, 10_000),
    "pairs": Setting(1.0, 0.0, 1_000.0),
    "pack": Setting(5, 1, 100),
    "temperature": Setting(0.2, 0.01, 10.0),
    "weight_decay": Setting(1e-6, 0.0, 1.0),
}
"""``pack``: rows that the critic sees together; ``pairs``: the weight of pair matching; ``temperature``: of the Gumbel
softmax while training.
"""
BETAS = (0.5, 0.9)
PENALTY, PENALTY_EVERY = 10.0, 4
AVERAGE = 0.995


class Generator(nn.Module):
    """Latent and condition to logits; ``places`` are the columns that conditions are put on.

    ``table`` holds, for each cell that a condition can be, what it adds to the first layer and to the logits.
    """

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        self.sizes = [int(size) for size in config["sizes"]]
        self.places = [int(place) for place in config["conditional"]]
        self.latent, self.hidden = int(config["latent"]), int(config["hidden"])
        width = sum(self.sizes)
        first = torch.empty(width, self.hidden).uniform_(-0.1, 0.1, generator=generator)
        self.table = nn.Parameter(torch.cat([first, torch.zeros(width, width)], dim=1))
        self.first = linear(self.latent, self.hidden, generator)
        self.second = linear(self.hidden, self.hidden, generator)
        self.last = linear(2 * self.hidden, width, generator)
        self.norms = nn.ModuleList([nn.LayerNorm(self.hidden), nn.LayerNorm(self.hidden)])
        self.register_buffer("shares", torch.full((width,), 1.0))

    @property
    def conditional(self) -> tuple[int, ...]:
        """The discrete columns (all columns where none is discrete)."""
        return tuple(self.places)

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        """(rows, width) logits from (rows, latent) and the (rows,) place of each row's condition."""
        added = looked_up(condition[:, None], self.table)
        lower = self.norms[0](self.first(latent) + added[:, : self.hidden]).relu()
        upper = self.norms[1](self.second(lower)).relu()
        logits: Tensor = self.last(torch.cat([lower, upper], dim=1)) + added[:, self.hidden :]
        return logits

    def draw(self, rows: int, generator: torch.Generator, fixed: tuple[int, Tensor] | None = None) -> Tensor:
        """See ``drawing.Network``: free rows have conditions by the data's own shares; all keep their condition."""
        conditions = Conditions(self.sizes, self.places, self.get_buffer("shares"))
        column, cell = conditions.drawn(rows, generator, conditions.shares)
        if fixed is not None:
            column = torch.where(fixed[1] == ANY, column, fixed[0])
            cell = torch.where(fixed[1] == ANY, cell, fixed[1])
        logits = self(noise(rows, self.latent, generator), conditions.place(column, cell))
        cells = draw_all(logits, self.sizes, generator)
        return cells.scatter_(1, column[:, None], cell[:, None])


class Critic(nn.Module):
    """Scores packs of rows: each row with its condition is embedded, then the pack is judged as one."""

    def __init__(self, width: int, hidden: int, pack: int, generator: torch.Generator) -> None:
        super().__init__()
        self.pack, self.embedded = pack, hidden // 2
        reach = 0.1
        self.rows = nn.Parameter(torch.empty(width, self.embedded).uniform_(-reach, reach, generator=generator))
        self.conditions = nn.Parameter(torch.empty(width, self.embedded).uniform_(-reach, reach, generator=generator))
        self.judge = perceptron((pack * self.embedded, hidden, hidden, 1), generator)

    def forward(self, embedded: Tensor, condition: Tensor) -> Tensor:
        """A score a pack, from ``rows @ self.rows`` and the rows' conditions."""
        rows = nn.functional.leaky_relu(embedded + looked_up(condition[:, None], self.conditions), 0.2)
        scores: Tensor = self.judge(rows.reshape(-1, self.pack * self.embedded))
        return scores


class Learning:
    """Trains a generator against a critic, one step of either a batch."""

    def __init__(
        self, network: Generator, cells: Tensor, settings: Mapping[str, float], generator: torch.Generator
    ) -> None:
        self._average, self._settings, self._sizes = network, settings, network.sizes
        self._conditions = Conditions.counted(network.sizes, network.places, cells)
        self._rows = self._conditions.index(cells)
        self._places = places_of(cells, network.sizes)
        self._pairs = PairTables.of(self._places, self._conditions.weights(cells), sum(network.sizes))
        network.get_buffer("shares").copy_(self._conditions.shares)
        begin_at_shares(network.last, cells, network.sizes)
        with torch.no_grad():
            network.last.weight.mul_(0.3)
        self._maker = copy.deepcopy(network)
        pack, hidden = int(settings["pack"]), int(settings["hidden"])
        self._critic = Critic(sum(network.sizes), hidden, pack, generator).to(cells.device)
        optimizers = [adam(module, settings, BETAS) for module in (self._maker, self._critic)]
        self._optimizers = optimizers
        self.modules: dict[str, nn.Module] = {"maker": self._maker, "critic": self._critic, "average": network}
        self.optimizers: dict[str, torch.optim.Optimizer] = {"maker": optimizers[0], "critic": optimizers[1]}

    def step(self, rows: Tensor, done: float, generator: torch.Generator) -> Tensor:
        """One batch drawn by its conditions: an update of the critic, then one of the generator; the critic's loss."""
        for optimizer in self._optimizers:
            paced(optimizer, self._settings["learning_rate"], done)
        count = max(1, len(rows) // (2 * self._critic.pack)) * 2 * self._critic.pack
        column, cell = self._conditions.drawn(count, generator, self._conditions.logged)
        condition = self._conditions.place(column, cell)
        real = self._places[self._rows.row(column, cell, generator)]
        with mixed(real.device):
            logits = self._maker(noise(count, self._maker.latent, generator), condition).float()
            made = relaxed(logits, self._sizes, self._settings["temperature"], generator)
        loss = self._criticise(real, made.detach(), condition, generator)
        with mixed(real.device):
            judged = -self._critic(made @ self._critic.rows, condition).float().mean()
        missed = self._conditions.missed(logits, column, cell)
        self._update(0, judged + missed + self._settings["pairs"] * self._pairs.distance(made))
        with torch.no_grad():
            torch._foreach_lerp_(list(self._average.parameters()), list(self._maker.parameters()), 1 - AVERAGE)
        return loss

    def _criticise(self, real: Tensor, made: Tensor, condition: Tensor, generator: torch.Generator) -> Tensor:
        critic = self._critic
        with mixed(made.device):
            scores = (
                critic(made @ critic.rows, condition).float(),
                critic(looked_up(real, critic.rows), condition).float(),
            )
            loss = scores[0].mean() - scores[1].mean()
        # Decided by chance, not by counting steps: chance is in the checkpoint.
        if float(torch.rand((), generator=generator, device=made.device)) < 1 / PENALTY_EVERY:
            loss = loss + PENALTY * PENALTY_EVERY * self._penalty(real, made, condition, generator)
        return self._update(1, loss)

    def _penalty(self, real: Tensor, made: Tensor, condition: Tensor, generator: torch.Generator) -> Tensor:
        packs = len(made) // self._critic.pack
        mix = torch.rand(packs, 1, generator=generator, device=made.device).repeat_interleave(self._critic.pack, dim=0)
        ones = torch.zeros_like(made).scatter_(1, real, 1.0)
        between = (mix * ones + (1 - mix) * made).requires_grad_(True)
        scores = self._critic(between @ self._critic.rows, condition)
        slopes = torch.autograd.grad(scores.sum(), between, create_graph=True)[0]
        penalty: Tensor = (slopes.reshape(packs, -1).norm(dim=1) - 1).square().mean()
        return penalty

    def _update(self, which: int, loss: Tensor) -> Tensor:
        self._optimizers[which].zero_grad()
        loss.backward()
        self._optimizers[which].step()
        return loss.detach()


def relaxed(logits: Tensor, sizes: Sequence[int], temperature: float, generator: torch.Generator) -> Tensor:
    """(rows, width) nearly one-hot draws that gradients pass through (Jang et al. 2017, Gumbel softmax)."""
    uniform = torch.rand(logits.shape, generator=generator, device=logits.device).clamp_(1e-20, 1 - 1e-7)
    warm = (logits - uniform.log_().neg_().log_()) / temperature
    return torch.cat([part.softmax(dim=1) for part in warm.split(list(sizes), dim=1)], dim=1)


def describe(columns: Columns, settings: Mapping[str, float]) -> dict[str, Any]:
    """Conditions are put on discrete columns and the target; on all where there are none."""
    places = [place for place, ordered in enumerate(columns.ordered) if not ordered or place == columns.target] or list(
        range(len(columns.sizes))
    )
    latent, hidden = int(settings["latent"]), int(settings["hidden"])
    return {"sizes": list(columns.sizes), "conditional": places, "latent": latent, "hidden": hidden}


FAMILY = DeepFamily(Recipe("torch-ctgan", 1, SETTINGS, describe, Generator, Learning))  # type: ignore[arg-type]
