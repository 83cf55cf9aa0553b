"""Plain perceptrons on one-hot cells, initialised from a generator of their own, and the arithmetic of their outputs.

``Encoder`` and ``Decoder`` are those of a variational autoencoder: linear layers and ReLU alone, so that per-row
gradient norms have a closed form.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

LOG_VARIANCE = 8.0
"""Log variances are held within this of zero."""


def linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """A linear layer drawn from ``generator`` (uniform, as torch does it), the global state untouched."""
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)
    reach = 1 / math.sqrt(max(1, inputs))
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-reach, reach, generator=generator)
    return layer


def perceptron(sizes: Sequence[int], generator: torch.Generator) -> nn.Sequential:
    """Linear layers of these sizes with ReLU between them, none after the last."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [linear(inputs, outputs, generator), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Encoder(nn.Module):
    """(rows, width) one-hot cells to mean and log variance, (rows, latent) each."""

    def __init__(self, width: int, hidden: Sequence[int], latent: int, generator: torch.Generator) -> None:
        super().__init__()
        self.layers = perceptron((width, *hidden, 2 * latent), generator)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        mean, spread = self.layers(inputs).chunk(2, dim=1)
        return mean, spread.clamp(-LOG_VARIANCE, LOG_VARIANCE)


class Decoder(nn.Module):
    """(rows, latent) to (rows, width) logits of all cells."""

    def __init__(self, latent: int, hidden: Sequence[int], width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.layers = perceptron((latent, *hidden, width), generator)

    def forward(self, latent: Tensor) -> Tensor:
        logits: Tensor = self.layers(latent)
        return logits


def offsets(sizes: Sequence[int]) -> list[int]:
    """Where each column begins in a row of one-hot cells."""
    return [sum(sizes[:place]) for place in range(len(sizes))]


def one_hot(cells: Tensor, sizes: Sequence[int]) -> Tensor:
    """(rows, sum of sizes) float32 of (rows, columns) int64 cells."""
    return torch.zeros(len(cells), sum(sizes), device=cells.device).scatter_(1, places_of(cells, sizes), 1.0)


def looked_up(places: Tensor, table: Tensor) -> Tensor:
    """(rows, outputs): ``one_hot @ table``, from the (rows, columns) places of the ones in a row.

    On the CPU the rows of the table are picked and added, which is several times faster; on a device they are
    multiplied, which is repeatable there.
    """
    if places.device.type == "cpu":
        return nn.functional.embedding_bag(places, table, mode="sum")
    return torch.zeros(len(places), len(table), device=places.device).scatter_(1, places, 1.0) @ table


def places_of(cells: Tensor, sizes: Sequence[int]) -> Tensor:
    """(rows, columns) places of the cells in a row of one-hot cells."""
    return cells + torch.tensor(offsets(sizes), device=cells.device)


def surprise(logits: Tensor, cells: Tensor, sizes: Sequence[int]) -> Tensor:
    """(rows,) negative log likelihood of ``cells``, all columns added."""
    found = torch.zeros(len(cells), device=cells.device)
    for place, part in enumerate(logits.float().split(list(sizes), dim=1)):
        found = found + nn.functional.cross_entropy(part, cells[:, place], reduction="none")
    return found


def divergence(mean: Tensor, spread: Tensor) -> Tensor:
    """(rows, latent) Kullback-Leibler divergence of N(mean, exp(spread)) from N(0, 1)."""
    mean, spread = mean.float(), spread.float()
    return 0.5 * (mean.square() + spread.exp() - 1 - spread)


def begin_at_shares(layer: nn.Module, cells: Tensor, sizes: Sequence[int]) -> None:
    """Set the bias of a layer of logits so that, with nothing learnt, each column is drawn by its own shares."""
    counts = [torch.bincount(cells[:, place], minlength=size) for place, size in enumerate(sizes)]
    with torch.no_grad():
        layer.get_parameter("bias").copy_(((torch.cat(counts) + 0.5) / max(1, len(cells))).log())


def noise(rows: int, width: int, generator: torch.Generator) -> Tensor:
    """(rows, width) standard normal numbers on the generator's device."""
    return torch.randn(rows, width, generator=generator, device=generator.device)


def draw(logits: Tensor, generator: torch.Generator) -> Tensor:
    """(rows,) int64: one cell a row, in proportion to the exponentials of (rows, cells) logits (Gumbel's trick)."""
    uniform = torch.rand(logits.shape, generator=generator, device=generator.device).clamp_(1e-20, 1 - 1e-7)
    return (logits.float() - uniform.log_().neg_().log_()).argmax(dim=1)


def draw_all(logits: Tensor, sizes: Sequence[int], generator: torch.Generator) -> Tensor:
    """(rows, columns) int64 cells, each column independently of the others given its logits."""
    return torch.stack([draw(part, generator) for part in logits.split(list(sizes), dim=1)], dim=1)


def finite(parameters: Iterable[Tensor]) -> bool:
    """True where every number of them is."""
    return all(bool(torch.isfinite(parameter).all()) for parameter in parameters)
