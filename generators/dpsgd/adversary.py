"""The conditional adversarial pair on one-hot cells: a private critic, and a generator that sees the critic alone.

After CTGAN (Xu et al. 2019): conditional on a class, outputs by Gumbel softmax (Jang, Gu and Poole 2017), the loss the
non-saturating one. Not as there: no mixtures fitted to the data, no frequencies of conditions, no packs of rows and no
gradient penalty, whose rows would meet in one gradient. Real rows touch the critic's gradient only, unit by unit and
clipped; drawn rows are public, so their part of it needs no noise, and neither does the generator (Xie et al. 2018).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear, one_hot, softplus

from generators.dpsgd.autoencoder import BEGIN, layer
from generators.dpsgd.clipping import Tape, clipped_sums
from generators.dpsgd.descent import Descent
from generators.dpsgd.layout import Layout
from generators.dpsgd.training import StepNoise

DRAWN = 1_024
"""Rows that are drawn a step."""
TEMPERATURE = 0.5
EVERY = 2
"""Steps of the critic to one of the generator."""
FARTHEST = 1.0
"""Weights of the critic are held within this of zero."""


@dataclass(frozen=True, slots=True)
class Adversaries:
    """``offsets`` (classes, width): log shares of the cells within each class, never trained; ``shares`` of classes."""

    layout: Layout
    offsets: Tensor
    shares: Tensor
    hidden: int
    latent: int

    def critic(self, generator: torch.Generator) -> dict[str, Tensor]:
        """The critic's first weights."""
        classes, width = self.offsets.shape
        return {
            **layer("critic.0", width + classes, self.hidden, generator),
            **layer("critic.1", self.hidden, self.hidden, generator),
            **layer("critic.2", self.hidden, 1, generator),
        }

    def decoder(self, generator: torch.Generator) -> dict[str, Tensor]:
        """The generator's first weights."""
        classes, width = self.offsets.shape
        weights = {
            **layer("decoder.0", self.latent + classes, self.hidden, generator),
            **layer("decoder.1", self.hidden, width, generator),
        }
        return {name: weight * BEGIN if name == "decoder.1.weight" else weight for name, weight in weights.items()}

    def judged(self, tape: Tape, rows: Tensor, classes: Tensor) -> Tensor:
        """(rows) scores, high where they look real."""
        condition = one_hot(classes, len(self.offsets)).to(torch.float32)
        hidden = torch.nn.functional.leaky_relu(tape.linear("critic.0", torch.cat([rows, condition], 1)), 0.2)
        hidden = torch.nn.functional.leaky_relu(tape.linear("critic.1", hidden), 0.2)
        return tape.linear("critic.2", hidden)[:, 0]

    def drawn(self, weights: Mapping[str, Tensor], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """(rows, width) one-hot rows through which gradients pass as if they were soft, and their classes."""
        classes = torch.multinomial(self.shares, DRAWN, replacement=True, generator=generator)
        latent = torch.randn(DRAWN, self.latent, generator=generator)
        condition = one_hot(classes, len(self.offsets)).to(torch.float32)
        inputs = torch.cat([latent, condition], 1)
        hidden = torch.relu(linear(inputs, weights["decoder.0.weight"], weights["decoder.0.bias"]))
        logits = linear(hidden, weights["decoder.1.weight"], weights["decoder.1.bias"]) + self.offsets[classes]
        uniform = torch.rand(logits.shape, generator=generator).clamp(1e-7, 1 - 1e-7)
        noisy = logits - torch.log(-torch.log(uniform))
        soft = self.layout.shares(noisy / TEMPERATURE)
        hard = self.layout.highest(noisy.detach())
        return hard + soft - soft.detach(), classes


class AdversariesLearner:
    """Adam on both: see ``training.Learner``."""

    def __init__(self, networks: Adversaries, generator: torch.Generator, rate: float) -> None:
        self._networks = networks
        self._critic = Descent(networks.critic(generator), rate, betas=(0.5, 0.99))
        self._decoder = Descent(networks.decoder(generator), rate / 4, betas=(0.5, 0.99))
        self._steps = torch.zeros(1)

    @property
    def state(self) -> dict[str, Tensor]:
        """Weights, moments and averages of both."""
        return {**self._critic.state("critic"), **self._decoder.state("decoder"), "steps": self._steps}

    @property
    def decoder(self) -> dict[str, Tensor]:
        """The averaged generator."""
        return self._decoder.averaged

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes over what ``state`` gave."""
        self._critic.restore("critic", state)
        self._decoder.restore("decoder", state)
        self._steps = state["steps"]

    def step(
        self,
        progress: float,
        rows: Tensor,
        classes: Tensor,
        units: Tensor,
        noise: StepNoise,
        generator: torch.Generator,
    ) -> None:
        """One step of the critic, and every other time one of the generator."""
        tape = Tape(self._critic.weights)
        scores = self._networks.judged(tape, self._networks.layout.one_hot(rows), classes)
        real = noise.gradient(clipped_sums(tape, softplus(-scores), units, noise.clip))
        made, of_made = self._networks.drawn(self._decoder.weights, generator)
        tape = Tape(self._critic.weights)
        scores = self._networks.judged(tape, made, of_made)
        fake = clipped_sums(tape, softplus(scores), torch.arange(DRAWN), noise.clip)
        self._critic.apply({name: real[name] + fake[name] / DRAWN for name in real}, progress)
        self._critic.weights = {
            name: weight.clamp(-FARTHEST, FARTHEST) for name, weight in self._critic.weights.items()
        }
        self._steps += 1
        if int(self._steps) % EVERY == 0:
            self._decoder.apply(self._decoder_gradient(generator), progress)

    def _decoder_gradient(self, generator: torch.Generator) -> dict[str, Tensor]:
        weights = {name: weight.detach().requires_grad_() for name, weight in self._decoder.weights.items()}
        made, classes = self._networks.drawn(weights, generator)
        loss = softplus(-self._networks.judged(Tape(self._critic.weights), made, classes)).mean()
        return dict(zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True))
