"""The loop that every deep family trains in: minibatches, progress, checkpoints, an end at non-finite losses.

A family gives a ``Learner``: modules and optimizers, which hold all its state, and one step on a minibatch. All
randomness comes from one generator, whose state is kept in checkpoints, and from the step's number, so that a run that
was killed goes on to the same weights, bit for bit, on the same platform. Cancellation is an exception of ``progress``,
which is let pass.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from generators.deep.checkpointing import State, read, written
from generators.deep.networks import finite
from generators.protocol import Checkpoints, FitFailed, Progress

PROGRESS_SECONDS, CHECKPOINT_SECONDS = 0.4, 5.0
SHARE = 0.9
"""How much of a fit's progress is training."""


class Learner(Protocol):
    """What is trained."""

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """All modules by name, averages of weights included."""

    @property
    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        """All optimizers by name."""

    def step(self, rows: Tensor, done: float, generator: torch.Generator) -> Tensor:
        """Update on the table's rows of these numbers, ``done`` (0 to 1) of the training being over; the loss."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a training is. ``identity`` names request and input: checkpoints of another one are not used.

    ``batch`` (by default a shuffled pass over the rows after the other) gives the rows of a step; ``epsilon`` what has
    been spent after so many steps, where that is to be told.
    """

    rows: int
    batch_size: int
    steps: int
    seed: int
    identity: str
    batch: Callable[[int], Tensor] | None = None
    epsilon: Callable[[int], float] | None = None


def train(
    learner: Learner, plan: Plan, device: torch.device, checkpoints: Checkpoints | None, progress: Progress
) -> FitFailed | None:
    """Train to the end of the plan; ``FitFailed`` where losses or weights overflow, else nothing."""
    generator = torch.Generator(device).manual_seed(plan.seed)
    state = State(learner.modules, learner.optimizers, generator, plan.identity)
    begun = read(checkpoints.load() if checkpoints else None, state, device)
    batch = plan.batch or shuffled(plan, device)
    for module in learner.modules.values():
        module.train()
    total, told, saved = torch.zeros((), device=device), 0.0, time.monotonic()
    for step in range(begun, plan.steps):
        if time.monotonic() - told >= PROGRESS_SECONDS:
            if not bool(torch.isfinite(total)):
                return _overflow(step, plan.steps)
            _tell(progress, plan, step)
            told = time.monotonic()
        if checkpoints is not None and step > begun and time.monotonic() - saved >= CHECKPOINT_SECONDS:
            checkpoints.save(written(state, step))
            saved = time.monotonic()
        total += learner.step(batch(step), step / plan.steps, generator).float()
    for module in learner.modules.values():
        module.eval()
    sound = bool(torch.isfinite(total)) and all(finite(module.parameters()) for module in learner.modules.values())
    if not sound:
        return _overflow(plan.steps, plan.steps)
    _tell(progress, plan, plan.steps)
    return None


def shuffled(plan: Plan, device: torch.device) -> Callable[[int], Tensor]:
    """The rows of a step: passes over all rows, each in an order of its own; a pass's last rows may be left out."""
    size = max(1, min(plan.batch_size, plan.rows))
    each = max(1, plan.rows // size)
    kept: dict[int, Tensor] = {}

    def batch(step: int) -> Tensor:
        epoch, place = divmod(step, each)
        if epoch not in kept:
            kept.clear()
            order = torch.Generator().manual_seed(seed_of(plan.seed.to_bytes(8, "little"), f"epoch {epoch}"))
            kept[epoch] = torch.randperm(plan.rows, generator=order).to(device)
        return kept[epoch][place * size : (place + 1) * size]

    return batch


def seed_of(secret: bytes, purpose: str) -> int:
    """A seed of 63 bits for one purpose."""
    digest = hashlib.blake2b(purpose.encode(), key=secret[:64], digest_size=8, person=b"perennial-deep").digest()
    return int.from_bytes(digest, "little") >> 1


def device_of_choice() -> torch.device:
    """The first CUDA device where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def mixed(device: torch.device) -> torch.autocast:
    """Mixed precision (bfloat16, which needs no scaling of losses) where the device has it, else nothing."""
    able = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=able)


def _tell(progress: Progress, plan: Plan, step: int) -> None:
    spent = plan.epsilon(step) if plan.epsilon else None
    progress(SHARE * step / max(1, plan.steps), "training", step=step, of=plan.steps, epsilon=spent)


def _overflow(step: int, of: int) -> FitFailed:
    return FitFailed("non_finite", f"a loss or weight was no finite number by step {step} of {of}")
