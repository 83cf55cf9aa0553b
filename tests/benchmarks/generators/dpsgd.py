"""DP-SGD: what a step costs next to a plain one and next to Opacus, and what the private networks are worth on Adult.

Steps are taken on the own autoencoder with as many weights as one usually has (138,000) and in its default size, 2,048
rows each, one thread, CPU time of the fastest of several rounds that take turns. Opacus's per-sample hooks (its default
and functorch) are run on fewer rounds: they take a second or more.
"""

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch

from generators.dpsgd.autoencoder import Autoencoder
from generators.dpsgd.clipping import Tape, clipped_sums
from generators.dpsgd.descent import Descent
from generators.dpsgd.gradients import Noise
from generators.dpsgd.layout import layout
from generators.generation import generate
from generators.protocol import FitFailed
from schemas.mechanism import SubsampledGaussian
from tests.benchmarks.generators.score import auc, detection
from tests.benchmarks.generators.tables import Table, adult

BATCH = 2_048
SIZES = (16, 8, 16, 15, 16, 7, 14, 6, 4, 2, 8, 8, 16, 4, 2)
"""Cells of Adult's columns."""
SHAPES = {"138k weights": (440, 128), "as fitted": (64, 12)}
ROUNDS, SLOW_ROUNDS = 25, 3


class _Module(torch.nn.Module):
    """The autoencoder as a plain module that returns every row's loss, for plain steps and for Opacus."""

    def __init__(self, network: Autoencoder) -> None:
        super().__init__()
        self.network = network
        classes, width = network.offsets.shape
        self.layers = torch.nn.ModuleDict(
            {
                "encoder": torch.nn.Linear(width + classes, network.latent),
                "decoder_0": torch.nn.Linear(network.latent + classes, network.hidden),
                "decoder_1": torch.nn.Linear(network.hidden, width),
            }
        )

    def linear(self, name: str, inputs: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layers[name.replace(".", "_")](inputs)
        return found

    def forward(self, cells: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        generator = torch.Generator().manual_seed(1)
        return self.network.losses(self, cells, classes, generator)  # type: ignore[arg-type]


def steps(quick: bool) -> list[dict[str, Any]]:
    """CPU milliseconds of a step of each kind, and its ratio to the plain one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    found = []
    for shape, (hidden, latent) in SHAPES.items():
        generator = torch.Generator().manual_seed(0)
        network = Autoencoder(layout(SIZES), torch.zeros(2, sum(SIZES)), hidden, latent)
        cells = torch.stack([torch.randint(size, (BATCH,), generator=generator) for size in SIZES], 1)
        classes = torch.randint(2, (BATCH,), generator=generator)
        kinds = _kinds(network, cells, classes, slow=not quick and shape != "as fitted")
        taken = _timed(kinds, 5 if quick else ROUNDS)
        for kind, milliseconds in taken.items():
            ratio = milliseconds / taken["plain"]
            weights = sum(weight.numel() for weight in network.start(generator).values())
            found.append({"network": shape, "weights": weights, "step": kind, "cpu_ms": milliseconds, "ratio": ratio})
    torch.set_num_threads(before)
    return found


def _kinds(
    network: Autoencoder, cells: torch.Tensor, classes: torch.Tensor, slow: bool
) -> dict[str, Callable[[], None]]:
    kinds = {
        "plain": _plain(network, cells, classes),
        "own, closed form, lattice noise": _own(network, cells, classes, True),
        "own, closed form, no noise": _own(network, cells, classes, False),
        "Opacus ghost": _opacus(network, cells, classes, "ghost"),
    }
    if slow:
        kinds["Opacus default hooks"] = _opacus(network, cells, classes, "hooks")
        kinds["Opacus functorch"] = _opacus(network, cells, classes, "functorch")
    return kinds


def _timed(kinds: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """The median of the faster half of the rounds, in turn, so that a busy machine touches all alike."""
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    for turn in range(rounds + 1):
        for kind, step in kinds.items():
            if turn > SLOW_ROUNDS and kind in ("Opacus default hooks", "Opacus functorch"):
                continue
            started = time.process_time()
            step()
            if turn:
                taken[kind].append(1_000 * (time.process_time() - started))
    return {kind: statistics.median(sorted(found)[: (len(found) + 1) // 2]) for kind, found in taken.items()}


def _plain(network: Autoencoder, cells: torch.Tensor, classes: torch.Tensor) -> Callable[[], None]:
    module = _Module(network)
    optimizer = torch.optim.Adam(module.parameters())

    def step() -> None:
        optimizer.zero_grad()
        module(cells, classes).mean().backward()
        optimizer.step()

    return step


def _own(network: Autoencoder, cells: torch.Tensor, classes: torch.Tensor, noisy: bool) -> Callable[[], None]:
    descent = Descent(network.start(torch.Generator().manual_seed(2)), 1e-3)
    noise = Noise(b"benchmark" * 4, SubsampledGaussian(noise_multiplier=4, sample_rate=0.05, steps=1), 1.0, 40_000.0)
    count = iter(range(10_000))

    def step() -> None:
        tape = Tape(descent.weights)
        losses = network.losses(tape, cells, classes, torch.Generator().manual_seed(1))
        sums = clipped_sums(tape, losses, torch.arange(len(cells)), 1.0)
        descent.apply(noise.gradient(next(count), sums) if noisy else sums, 0.2)

    return step


def _opacus(network: Autoencoder, cells: torch.Tensor, classes: torch.Tensor, mode: str) -> Callable[[], None]:
    from opacus import GradSampleModule
    from opacus.grad_sample import GradSampleModuleFastGradientClipping
    from opacus.optimizers import DPOptimizer
    from opacus.optimizers.optimizer_fast_gradient_clipping import DPOptimizerFastGradientClipping
    from opacus.utils.fast_gradient_clipping_utils import DPTensorFastGradientClipping

    warnings.simplefilter("ignore")
    ghost = mode == "ghost"
    plain = _Module(network)
    module = (
        GradSampleModuleFastGradientClipping(plain, max_grad_norm=1.0, use_ghost_clipping=True)
        if ghost
        else GradSampleModule(plain, force_functorch=mode == "functorch")
    )
    kind = DPOptimizerFastGradientClipping if ghost else DPOptimizer
    optimizer = kind(
        torch.optim.Adam(plain.parameters()), noise_multiplier=4.0, max_grad_norm=1.0, expected_batch_size=len(cells)
    )

    def step() -> None:
        optimizer.zero_grad()
        losses = module(cells, classes)
        if ghost:
            DPTensorFastGradientClipping(module, optimizer, losses, loss_reduction="mean").backward()
        else:
            losses.mean().backward()
        optimizer.step()

    return step


def worth(family: str, epsilons: tuple[str, ...], seeds: int) -> list[dict[str, Any]]:
    """Fit CPU seconds, ratio and detection on Adult."""
    return [_fitted(family, adult(seed, epsilon), epsilon, seed) for epsilon in epsilons for seed in range(seeds)]


def _fitted(family: str, table: Table, epsilon: str, seed: int) -> dict[str, Any]:
    started = time.process_time()
    made = generate(table.train, table.contract, family, len(table.train), seed)
    row: dict[str, Any] = {"family": family, "epsilon": epsilon, "seed": seed, "cpu_s": time.process_time() - started}
    if isinstance(made, FitFailed):
        return {**row, "failed": made.outcome}
    real = auc(table.train, table.holdout, table.target)
    ratio = auc(made.table, table.holdout, table.target) / real
    return {**row, "ratio": ratio, "detection": detection(table.holdout, made.table)}


def measure(quick: bool) -> list[dict[str, Any]]:
    """Steps beside Opacus, then both families on Adult."""
    if quick:
        return [*steps(True), *worth("dp-vae", ("1",), 1)]
    return [*steps(False), *worth("dp-vae", ("1", "10"), 3), *worth("dp-gan", ("1", "10"), 1)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--steps-only", action="store_true")
    asked = parser.parse_args()
    for line in steps(asked.quick) if asked.steps_only else measure(asked.quick):
        print(json.dumps({key: round(value, 4) if isinstance(value, float) else value for key, value in line.items()}))
