"""The conditional variational autoencoder (Kingma and Welling 2014; Sohn, Lee and Yan 2015) on one-hot cells.

Made for noise: few weights. The encoder is one linear layer to the mean of a normal law whose variance is fixed; the
decoder goes from latent and class to logits of all cells, which start at the paid log shares within the class. Linear
layers and ReLU alone, so that gradients of units clip in closed form.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from generators.dpsgd.clipping import Tape, clipped_sums
from generators.dpsgd.descent import Descent
from generators.dpsgd.layout import Layout
from generators.dpsgd.training import StepNoise

LOG_VARIANCE = -2.0
"""Of the latent given a row: fixed, so that no weight is spent on it."""
BEGIN = 0.3
"""How small the last layer begins, next to usual."""


@dataclass(frozen=True, slots=True)
class Autoencoder:
    """``offsets`` (classes, width): log shares of the cells within each class; never trained."""

    layout: Layout
    offsets: Tensor
    hidden: int
    latent: int

    def start(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Random weights."""
        classes, width = self.offsets.shape
        weights = {
            **layer("encoder", width + classes, self.latent, generator),
            **layer("decoder.0", self.latent + classes, self.hidden, generator),
            **layer("decoder.1", self.hidden, width, generator),
        }
        return {name: weight * BEGIN if name == "decoder.1.weight" else weight for name, weight in weights.items()}

    def losses(self, tape: Tape, cells: Tensor, classes: Tensor, generator: torch.Generator) -> Tensor:
        """(rows) negative evidence bounds, in nats."""
        rows = self.layout.one_hot(cells)
        condition = torch.nn.functional.one_hot(classes, len(self.offsets)).to(torch.float32)
        mean = tape.linear("encoder", torch.cat([rows, condition], 1))
        latent = mean + torch.randn(mean.shape, generator=generator) * math.exp(LOG_VARIANCE / 2)
        hidden = torch.relu(tape.linear("decoder.0", torch.cat([latent, condition], 1)))
        logits = tape.linear("decoder.1", hidden) + self.offsets[classes]
        fit = self.layout.log_normalisers(logits).sum(1) - (logits * rows).sum(1)
        constant = self.latent * (math.exp(LOG_VARIANCE) - 1 - LOG_VARIANCE)
        return fit + 0.5 * ((mean * mean).sum(1) + constant)


class AutoencoderLearner:
    """Adam on the private gradient of the autoencoder: see ``training.Learner``."""

    def __init__(self, network: Autoencoder, generator: torch.Generator, rate: float) -> None:
        self._network = network
        self._descent = Descent(network.start(generator), rate)

    @property
    def state(self) -> dict[str, Tensor]:
        """Weights, moments and averages."""
        return self._descent.state("vae")

    @property
    def decoder(self) -> dict[str, Tensor]:
        """The averaged decoder."""
        return {name: weight for name, weight in self._descent.averaged.items() if name.startswith("decoder")}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes over what ``state`` gave."""
        self._descent.restore("vae", state)

    def step(
        self,
        progress: float,
        rows: Tensor,
        classes: Tensor,
        units: Tensor,
        noise: StepNoise,
        generator: torch.Generator,
    ) -> None:
        """One step: see ``training.Learner``."""
        tape = Tape(self._descent.weights)
        losses = self._network.losses(tape, rows, classes, generator)
        self._descent.apply(noise.gradient(clipped_sums(tape, losses, units, noise.clip)), progress)


def layer(name: str, inputs: int, outputs: int, generator: torch.Generator) -> dict[str, Tensor]:
    """A linear layer drawn from ``generator`` (He et al. 2015), its bias zero."""
    weight = torch.randn(outputs, inputs, generator=generator) * (2 / max(1, inputs)) ** 0.5
    return {f"{name}.weight": weight, f"{name}.bias": torch.zeros(outputs)}
