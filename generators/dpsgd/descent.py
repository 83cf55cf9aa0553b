"""Adam (Kingma and Ba 2015) on noisy gradients, its rate raised and lowered along a cosine, and averaged weights."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

TINY = 1e-12
WARM = 0.05


class Descent:
    """Adam over named weights, with an exponential average of them over the last half of the training.

    The average is post-processing and takes most of the noise out. ``state`` is everything that a later step needs.
    """

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        rate: float,
        betas: tuple[float, float] = (0.9, 0.99),
        average: float = 0.98,
    ) -> None:
        self.weights = dict(weights)
        self._rate, self._betas, self._average = rate, betas, average
        self._first, self._second, self._mean = (
            {name: torch.zeros_like(weight) for name, weight in weights.items()} for _ in range(3)
        )
        self._counts = torch.zeros(2, dtype=torch.float64)

    def apply(self, gradients: Mapping[str, Tensor], progress: float) -> None:
        """One step at ``progress`` (0 to 1) of the training."""
        self._counts[0] += 1
        one, two = self._betas
        step = float(self._counts[0])
        rate = self._rate * min(1.0, (progress + 1e-3) / WARM) * 0.5 * (1 + math.cos(math.pi * progress))
        late = progress >= 0.5
        if late:
            self._counts[1] = self._average * self._counts[1] + 1 - self._average
        for name, gradient in gradients.items():
            first, second, weight = self._first[name], self._second[name], self.weights[name]
            first.mul_(one).add_(gradient, alpha=1 - one)
            second.mul_(two).addcmul_(gradient, gradient, value=1 - two)
            size = (second / (1 - two**step)).sqrt_().add_(TINY)
            weight.addcdiv_(first, size, value=-rate / (1 - one**step))
            if late:
                self._mean[name].mul_(self._average).add_(weight, alpha=1 - self._average)

    @property
    def averaged(self) -> dict[str, Tensor]:
        """The averaged weights, or the last ones where there is no average yet."""
        weight = float(self._counts[1])
        return {name: tensor / weight for name, tensor in self._mean.items()} if weight > 0 else dict(self.weights)

    def state(self, prefix: str) -> dict[str, Tensor]:
        """All tensors, named under ``prefix``."""
        parts = {"weight": self.weights, "first": self._first, "second": self._second, "mean": self._mean}
        found = {f"{prefix}/{part}/{name}": tensor for part, held in parts.items() for name, tensor in held.items()}
        return {**found, f"{prefix}/counts": self._counts}

    def restore(self, prefix: str, state: Mapping[str, Tensor]) -> None:
        """Takes over what ``state`` gave."""
        parts = {"weight": self.weights, "first": self._first, "second": self._second, "mean": self._mean}
        for part, held in parts.items():
            for name in held:
                held[name] = state[f"{prefix}/{part}/{name}"]
        self._counts = state[f"{prefix}/counts"]
