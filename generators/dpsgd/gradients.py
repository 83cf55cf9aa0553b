"""Private gradients: clipped sums on a lattice plus discrete Gaussian noise, divided by the expected sample size.

The sum over units has sensitivity ``clip`` in exact arithmetic. Rounding it to the lattice moves it by less than one
step a weight, and 32-bit sums of different samples differ in their last places: ``MARGIN`` of the clip pays for both,
units being clipped to (1 - MARGIN) of what the noise is scaled to. What leaves is an integer times a public factor, so
no bits of the sum show below the noise (Mironov 2012).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from generators.dpsgd.lattice import DEEPEST, deviation, lattice_gaussian
from generators.private.noise import NoiseStream
from schemas.errors import BudgetError
from schemas.mechanism import SubsampledGaussian

MARGIN = 0.01


@dataclass(frozen=True, slots=True)
class Noise:
    """Adds a step's noise to the clipped sums of a sample; ``units`` is the noisy number of them."""

    secret: bytes
    mechanism: SubsampledGaussian
    clip: float
    units: float

    @property
    def clipped_to(self) -> float:
        """What units are to be clipped to."""
        return self.clip * (1 - MARGIN)

    def gradient(self, step: int, sums: dict[str, Tensor]) -> dict[str, Tensor]:
        """The noisy mean gradient; one step's noise is always the same, so ask once a step."""
        flat = np.concatenate([part.numpy().reshape(-1) for part in sums.values()], dtype=np.float64)
        levels, unit = self._lattice(flat.size)
        drawn = lattice_gaussian(NoiseStream(self.secret, f"noise/{step}"), flat.size, levels)
        flat /= unit
        np.rint(flat, out=flat)
        flat += drawn
        flat *= unit / (self.mechanism.sample_rate * self.units)
        parts = torch.from_numpy(flat.astype(np.float32)).split([part.numel() for part in sums.values()])
        return {name: part.reshape(sums[name].shape) for name, part in zip(sums, parts, strict=True)}

    def _lattice(self, weights: int) -> tuple[int, float]:
        """Levels and step such that rounding all weights moves the sum by less than half the margin."""
        for levels in range(2, DEEPEST + 1):
            unit = self.mechanism.noise_multiplier * self.clip / deviation(levels)
            if math.sqrt(weights) * unit <= self.clip * MARGIN / 2:
                return levels, unit
        raise BudgetError("the noise is too large for so many weights")
