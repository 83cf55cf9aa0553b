"""What the deep families share: from a table to a trained network, and back from bytes. Empirical claims only."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from generators.arrays import Ints
from generators.deep.collapse import ROWS, collapsed
from generators.deep.drawing import DeepModel, Network, cells_of
from generators.deep.encoding import Encoding, learnt, restored
from generators.deep.settings import Setting, Settings, settled
from generators.deep.storage import put_back
from generators.deep.training import Learner, Plan, device_of_choice, seed_of, train
from generators.keeping import opened
from generators.preparing import Prepared, prepared_empirically
from generators.protocol import FitFailed, FitRequest, Progress
from schemas.canonical import canonical
from schemas.contract import Contract
from schemas.errors import ArtefactError
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd

SHARED: dict[str, Setting] = {
    "batch_size": Setting(500, 2, 1_000_000),
    "cells": Setting(64, 2, 1_000),
    "least_steps": Setting(300, 1, 1_000_000),
}
"""``cells``: about so many a column. ``least_steps``: trained at least, however few the rows."""
LEAST_BATCH = 16
WIDEST, FEWEST_CELLS = 4_096, 4
"""All columns' cells together, about, and how many each column has at least."""

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Columns:
    """What a network's description may rest on: each column's number of cells, whether it is ordered, the target's
    place.
    """

    sizes: tuple[int, ...]
    ordered: tuple[bool, ...]
    target: int | None


@dataclass(frozen=True, slots=True)
class Recipe:
    """A deep family: its settings (``epochs`` among them), its network from a description, and how that is trained.

    ``describe`` makes the JSON description (with ``sizes``) from the columns and the settings; ``build`` the network,
    initialised by the generator; ``learner`` what ``train`` takes, from the network, the (rows, columns) cells, the
    settings and the generator of first weights.
    """

    name: str
    version: int
    settings: Settings
    describe: Callable[[Columns, Mapping[str, float]], Config]
    build: Callable[[Config, torch.Generator], Network]
    learner: Callable[[Network, Tensor, Mapping[str, float], torch.Generator], Learner]


class DeepFamily:
    """A recipe as a family: see ``generators.protocol.Family``."""

    formal = False
    control = False
    extra = "deep"

    def __init__(self, recipe: Recipe) -> None:
        self.name = recipe.name
        self._recipe = recipe

    def mechanisms(self, contract: Contract, rows: int) -> tuple[Mechanism, ...]:
        """None."""
        return ()

    def fit(self, table: "pd.DataFrame", request: FitRequest, progress: Progress) -> DeepModel | FitFailed:
        """Train on all usable rows; raises ``ContractError`` under a formal claim, ``InsufficientEvidence`` below two
        rows. ``FitFailed`` where losses overflow or modes collapse.
        """
        recipe = self._recipe
        settings = settled(self.name, recipe.settings, request.parameters)
        progress(0.0, "encoding")
        ready = prepared_empirically(table, request, self.name)
        encoding = learnt(ready, cells_a_column(int(settings["cells"]), len(ready.assembly.free)))
        cells = encoding.cells(ready.positions)
        config = dict(recipe.describe(columns_of(ready, encoding, request.contract.policy.target), settings))
        network = self._trained(cells, config, settings, request, progress)
        if isinstance(network, FitFailed):
            return network
        progress(0.95, "looking for mode collapse")
        failed = lost_variety(network, cells, encoding, seed_of(request.seed, "collapse"))
        progress(1.0, "fitted")
        rows = len(cells)
        return failed or DeepModel(
            self.name, recipe.version, request.contract, ready.assembly, encoding, network, config, rows
        )

    def load(self, body: bytes, contract: Contract) -> DeepModel:
        """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""
        artefact, assembly, rows = opened(body, contract, self.name, self._recipe.version)
        encoding = restored(artefact.arrays, assembly)
        config = artefact.header.get("config")
        try:
            assert isinstance(config, dict)
            assert tuple(config["sizes"]) == encoding.sizes
            network = self._recipe.build(config, torch.Generator().manual_seed(0))
        except (AssertionError, KeyError, TypeError, ValueError, RuntimeError):
            raise ArtefactError("the model's description is broken") from None
        assert isinstance(network, torch.nn.Module)
        put_back(network, artefact.arrays)
        return DeepModel(self.name, self._recipe.version, contract, assembly, encoding, network, config, rows)

    def _trained(
        self, cells: Ints, config: Config, settings: Mapping[str, float], request: FitRequest, progress: Progress
    ) -> Network | FitFailed:
        recipe, device = self._recipe, device_of_choice()
        generator = torch.Generator().manual_seed(seed_of(request.seed, "weights"))
        network = recipe.build(config, generator)
        assert isinstance(network, torch.nn.Module)
        network.to(device)
        learner = recipe.learner(network, torch.from_numpy(cells).to(device), settings, generator)
        plan = planned(len(cells), settings, seed_of(request.seed, "training"), identity(self.name, request, cells))
        failed = train(learner, plan, device, request.checkpoints, progress)
        network.to("cpu")
        return failed or network


def cells_a_column(wished: int, columns: int) -> int:
    """Fewer cells a column than wished where there are many columns: weights grow with the square of all cells."""
    return min(wished, max(FEWEST_CELLS, WIDEST // max(1, columns)))


def columns_of(ready: Prepared, encoding: Encoding, target: str | None) -> Columns:
    """The facts of an encoding's columns."""
    free, grids = ready.assembly.free, ready.assembly.grids
    place = free.index(target) if target in free else None
    return Columns(encoding.sizes, tuple(grids[name].ordered for name in free), place)


def planned(rows: int, settings: Mapping[str, float], seed: int, named: str) -> Plan:
    """``epochs`` passes in batches of ``batch_size``, smaller ones and ``least_steps`` where the table is small."""
    size = int(min(settings["batch_size"], max(LEAST_BATCH, rows // 8), rows))
    steps = max(int(settings["least_steps"]), round(settings["epochs"] * rows / size))
    return Plan(rows, size, steps, seed, named)


def identity(family: str, request: FitRequest, cells: Ints) -> str:
    """A keyed name of a request and its input, for checkpoints."""
    facts = {"family": family, "contract": request.contract.digest(), "parameters": dict(request.parameters)}
    digest = hashlib.blake2b(canonical(facts), key=request.seed[:64], person=b"perennial-deep")
    digest.update(np.ascontiguousarray(cells).tobytes())
    return digest.hexdigest()


def lost_variety(network: Network, cells: Ints, encoding: Encoding, seed: int) -> FitFailed | None:
    """``collapsed`` for a fitted network and the cells that it was fitted to."""
    rng = np.random.default_rng(seed)
    few = min(ROWS, len(cells))
    return collapsed(cells[rng.permutation(len(cells))[:few]], cells_of(network, few, rng), encoding.sizes)
