"""Clipped sums of per-unit gradients of linear layers, without ever forming one unit's gradient.

A linear layer's gradient for one row is the outer product of what went in (a) and the loss's derivative by what came
out (b), so its norm is |a| |b| (Goodfellow 2015), and the clipped sum is one product of matrices, (w b)^T a. Rows of
one unit add up before clipping: |sum b a^T|^2 = sum over pairs of rows of (b . b')(a . a'). One forward pass and one
backward pass through the activations, as in a plain step.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

Weights = Mapping[str, Tensor]
"""``name.weight`` (out, in) and ``name.bias`` (out), none of which requires a gradient."""


@dataclass(slots=True)
class Tape:
    """Applies linear layers and keeps (name, inputs, outputs) of each; a layer may be applied once a pass."""

    weights: Weights
    seen: list[tuple[str, Tensor, Tensor]] = field(default_factory=list)

    def linear(self, name: str, inputs: Tensor) -> Tensor:
        """``inputs`` (rows, in) to (rows, out)."""
        outputs = torch.nn.functional.linear(inputs, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])
        if not outputs.requires_grad:
            outputs.requires_grad_()
        self.seen.append((name, inputs.detach(), outputs))
        return outputs


def clipped_sums(tape: Tape, losses: Tensor, units: Tensor, clip: float) -> dict[str, Tensor]:
    """The sum over units of their gradients, each scaled down to an L2 norm of ``clip`` over all layers together.

    ``losses`` (rows) of the pass on ``tape``; ``units`` (rows) int64 in ascending order says whose row each is. A unit
    whose gradient is not finite counts as nothing. No rows give zeros.
    """
    derivatives = torch.autograd.grad(losses.sum(), [outputs for *_, outputs in tape.seen])
    passed = [(name, inputs, derivative) for (name, inputs, _), derivative in zip(tape.seen, derivatives, strict=True)]
    scale = _scales(squared_norms(passed, units), clip)[_ranks(units)].unsqueeze(1)
    broken = bool((scale == 0).any())
    found = {}
    for name, inputs, derivative in passed:
        if broken:
            inputs, derivative = torch.where(scale > 0, inputs, 0.0), torch.where(scale > 0, derivative, 0.0)
        narrow = inputs.shape[1] < derivative.shape[1]
        left, right = (derivative, inputs * scale) if narrow else (derivative * scale, inputs)
        found[f"{name}.weight"] = left.T @ right
        found[f"{name}.bias"] = (derivative.T @ scale)[:, 0]
    return found


def squared_norms(passed: list[tuple[str, Tensor, Tensor]], units: Tensor) -> Tensor:
    """Squared L2 norms of the units' gradients, in the order of ``units``; each bias counts as an input of 1."""
    ranks = _ranks(units)
    count = int(ranks[-1]) + 1 if ranks.numel() else 0
    if count == ranks.numel():
        norm = torch.linalg.vector_norm
        parts = [(norm(a, dim=1).square() + 1) * norm(b, dim=1).square() for _, a, b in passed]
        return torch.stack(parts).sum(0)
    sizes = torch.bincount(ranks, minlength=count)
    place = torch.arange(ranks.numel()) - (sizes.cumsum(0) - sizes)[ranks]
    shape = (count, int(sizes.max()))
    total = torch.zeros(count)
    for _, inputs, derivative in passed:
        a, b = (_padded(part, ranks, place, shape) for part in (inputs, derivative))
        total += ((torch.bmm(a, a.mT) + 1) * torch.bmm(b, b.mT)).sum((1, 2))
    return total.clamp(min=0)


def _scales(squares: Tensor, clip: float) -> Tensor:
    norms = squares.sqrt()
    return torch.where(torch.isfinite(norms), (clip / norms.clamp(min=1e-30)).clamp(max=1.0), 0.0)


def _ranks(units: Tensor) -> Tensor:
    """0, 1, 2 ... for the distinct units in order."""
    ranks: Tensor = torch.unique_consecutive(units, return_inverse=True)[1]
    return ranks


def _padded(rows: Tensor, ranks: Tensor, place: Tensor, shape: tuple[int, int]) -> Tensor:
    padded = torch.zeros(*shape, rows.shape[1])
    padded[ranks, place] = rows
    return padded
