"""Adam, and how its learning rate runs over a training: a short warm-up, then down to nothing along a cosine."""

import math
from collections.abc import Mapping

import torch
from torch import nn

WARM = 0.05
LEAST = 0.01


def adam(
    module: nn.Module, settings: Mapping[str, float], betas: tuple[float, float] = (0.9, 0.99)
) -> torch.optim.Optimizer:
    """AdamW on all parameters, with ``learning_rate`` and ``weight_decay`` of the settings."""
    return torch.optim.AdamW(
        module.parameters(),
        lr=settings["learning_rate"],
        betas=betas,
        weight_decay=settings.get("weight_decay", 0.0),
        fused=True,
    )


def paced(optimizer: torch.optim.Optimizer, rate: float, done: float) -> None:
    """Set the learning rate for a step at which ``done`` (0 to 1) of the training is over."""
    warmth = min(1.0, done / WARM + 0.02)
    fall = LEAST + (1 - LEAST) * 0.5 * (1 + math.cos(math.pi * done))
    for group in optimizer.param_groups:
        group["lr"] = rate * warmth * fall
