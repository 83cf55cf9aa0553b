"""The loop of a private training: Poisson samples, one noisy gradient a step, checkpoints, progress, what went wrong.

Everything random comes from the secret stream under labels of the step, so that a killed training goes on from its
checkpoint with the very noise that it would have had: the mechanism ran once. One thread, because sums in another
order would be another table's under the same noise.
"""

import contextlib
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from generators.artefact import pack, unpack
from generators.dpsgd.budget import Grant
from generators.dpsgd.gradients import Noise
from generators.dpsgd.histograms import Histograms
from generators.dpsgd.population import Population, sample
from generators.private.noise import NoiseStream
from generators.protocol import Checkpoints, FitFailed, Progress
from schemas.errors import ArtefactError

TELL_SECONDS = 0.3
SAVE_EVERY = 50
"""Steps between checkpoints."""
LARGEST_WEIGHT = 1e4
BEGIN, END = 0.1, 0.9


class Learner(Protocol):
    """Networks and their optimisers; all of their state is in ``state``."""

    @property
    def state(self) -> dict[str, Tensor]:
        """Every tensor that a later step depends on, and that ``restore`` takes back."""

    @property
    def decoder(self) -> dict[str, Tensor]:
        """The weights of what draws: ``decoder.0`` and ``decoder.1``, averaged."""

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes over what ``state`` gave."""

    def step(
        self,
        progress: float,
        rows: Tensor,
        classes: Tensor,
        units: Tensor,
        noise: "StepNoise",
        generator: torch.Generator,
    ) -> None:
        """One step at ``progress`` (0 to 1) of the training on a sample: (rows, columns) cells, class and unit of each
        row. Only ``noise`` may take anything of them out."""


@dataclass(frozen=True, slots=True)
class StepNoise:
    """One step's noise, to be asked once."""

    noise: Noise
    step: int

    @property
    def clip(self) -> float:
        """What units are to be clipped to."""
        return self.noise.clipped_to

    def gradient(self, sums: dict[str, Tensor]) -> dict[str, Tensor]:
        """The private mean gradient from clipped sums."""
        return self.noise.gradient(self.step, sums)


@dataclass(frozen=True, slots=True)
class Run:
    """What a training runs on: the people, what was paid for about them, the secret, and the steps of the grant."""

    people: Population
    histograms: Histograms
    secret: bytes
    grant: Grant
    steps: int
    clip: float
    epsilons: list[tuple[int, float]]


def trained(run: Run, learner: Learner, checkpoints: Checkpoints | None, progress: Progress) -> FitFailed | None:
    """Runs all steps on ``learner``, or says why it came to nothing (with what it cost)."""
    cells = torch.from_numpy(run.histograms.cells(run.people.positions))
    classes = torch.from_numpy(run.histograms.classes_of(cells.numpy()))
    noise = Noise(run.secret, run.grant.training, run.clip, run.histograms.units)
    told = _Told(progress, run)
    for step in range(_resumed(run, learner, checkpoints), run.steps):
        told.at(step)
        rows, units = sample(run.people, run.secret, step, run.grant.training.sample_rate)
        chosen = torch.from_numpy(rows)
        learner.step(
            step / run.steps,
            cells[chosen],
            classes[chosen],
            torch.from_numpy(units),
            StepNoise(noise, step),
            generator_of(run.secret, f"latent/{step}"),
        )
        if not _finite(learner):
            return FitFailed(
                "non_finite",
                f"the weights overflowed at step {step + 1} of {run.steps}: a lower learning_rate may do better",
                run.grant.spent(step + 1),
            )
        if checkpoints is not None and (step + 1) % SAVE_EVERY == 0 and step + 1 < run.steps:
            checkpoints.save(_packed(run, step + 1, learner))
    told.at(run.steps)
    return None


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread, and as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def generator_of(secret: bytes, label: str) -> torch.Generator:
    """A generator for draws that need no secrecy of their own, such as latents and first weights."""
    return torch.Generator().manual_seed(int(NoiseStream(secret, label).words(1)[0] >> np.uint64(1)))


class _Told:
    """Progress several times a second, with the accountant's epsilon at the last mark passed."""

    def __init__(self, progress: Progress, run: Run) -> None:
        self._progress, self._run, self._last = progress, run, 0.0

    def at(self, step: int) -> None:
        now = time.monotonic()
        if now - self._last < TELL_SECONDS and step < self._run.steps:
            return
        self._last = now
        due = [epsilon for mark, epsilon in self._run.epsilons if mark >= step]
        share = step / max(1, self._run.steps)
        self._progress(
            BEGIN + (END - BEGIN) * share,
            "training",
            step=step,
            of=self._run.steps,
            epsilon=due[0] if due else None,
        )


def _finite(learner: Learner) -> bool:
    return all(bool(tensor.abs().amax() < LARGEST_WEIGHT) for tensor in learner.state.values() if tensor.numel())


def _mark(run: Run) -> str:
    """Whose checkpoint it is: the secret depends on the request and on the rows."""
    facts = repr((run.steps, run.clip, run.grant)).encode()
    return hashlib.blake2b(facts, key=run.secret[:64], digest_size=16, person=b"perennial-check").hexdigest()


def _packed(run: Run, step: int, learner: Learner) -> bytes:
    return pack(
        {"mark": _mark(run), "step": step},
        {name: tensor.numpy() for name, tensor in learner.state.items()},
    )


def _resumed(run: Run, learner: Learner, checkpoints: Checkpoints | None) -> int:
    """The step to begin with; a checkpoint that is damaged or another fit's is not used: the fit repeats itself."""
    saved = checkpoints.load() if checkpoints is not None else None
    if saved is None:
        return 0
    try:
        artefact = unpack(saved)
    except ArtefactError:
        return 0
    expected = learner.state
    fits = {name: tensor.shape for name, tensor in expected.items()} == {
        name: torch.Size(array.shape) for name, array in artefact.arrays.items()
    }
    if artefact.header.get("mark") != _mark(run) or not fits:
        return 0
    learner.restore({name: torch.from_numpy(array.copy()) for name, array in artefact.arrays.items()})
    return int(artefact.header["step"])
