"""What both private networks do alike: price, pay for histograms, train, calibrate, look for collapse, hand back."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Floats, Ints
from generators.dpsgd.budget import Grant, planned, read_grant, spending
from generators.dpsgd.calibration import calibrated
from generators.dpsgd.histograms import Histograms, measured
from generators.dpsgd.model import Decoder, NetworkModel
from generators.dpsgd.population import Population, population
from generators.preparing import refuse_unconfirmed
from generators.private.meter import Meter, noise_key
from generators.protocol import FitFailed, FitRequest, Progress
from schemas.canonical import canonical
from schemas.contract import Contract
from schemas.errors import BudgetError, ContractError
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from generators.dpsgd.training import Learner

LEAST_BATCH, MOST_BATCH = 2_048, 8_192
"""Units a step: a twentieth of the announced rows, within these."""
LOOK, LEAST_ENTROPY, LEAST_DISTINCT = 2_000, 0.5, 0.01


@dataclass(frozen=True, slots=True)
class Settings:
    """Sizes of a training, all of them public: ``steps``, units of the ``hidden`` layers, the ``latent``'s dimensions,
    Adam's ``learning_rate`` and the L2 norm that a unit's gradient is clipped to.
    """

    steps: int
    hidden: int
    latent: int
    learning_rate: float
    clip: float

    def changed(self, request: FitRequest, family: str) -> "Settings":
        """With the request's parameters; raises ``ContractError`` on unknown ones or those out of bounds."""
        unknown = sorted(set(request.parameters) - set(BOUNDS))
        if unknown:
            raise ContractError(f"{family} knows no parameter {', '.join(unknown)}; it knows {', '.join(BOUNDS)}")
        for name, value in request.parameters.items():
            low, high = BOUNDS[name]
            if not low <= value <= high:
                raise ContractError(f"the parameter {name} of {family} must lie between {low:g} and {high:g}")
        given = request.parameters
        return Settings(
            round(given.get("steps", self.steps)),
            round(given.get("hidden", self.hidden)),
            round(given.get("latent", self.latent)),
            float(given.get("learning_rate", self.learning_rate)),
            float(given.get("clip", self.clip)),
        )


BOUNDS: dict[str, tuple[float, float]] = {
    "steps": (1, 100_000),
    "hidden": (4, 1_024),
    "latent": (1, 256),
    "learning_rate": (1e-6, 1.0),
    "clip": (1e-6, 1e6),
}
"""What a request may set; ``steps`` beyond the granted ones are not run."""
Build = Callable[[Histograms, Settings, "torch.Generator"], "Learner"]


class PrivateNetwork:
    """A family trained by DP-SGD: see ``generators.protocol.Family``."""

    formal = True
    control = False
    extra = "deep"

    def __init__(self, name: str, settings: Settings, build: Build) -> None:
        self.name = name
        self._settings, self._build = settings, build

    def mechanisms(self, contract: Contract, rows: int) -> tuple[Mechanism, ...]:
        """A Gaussian for histograms and the steps on samples; none under an empirical claim."""
        return self._planned(contract, rows) if contract.policy.privacy.claim == "formal" else ()

    def fit(self, table: "pd.DataFrame", request: FitRequest, progress: Progress) -> NetworkModel | FitFailed:
        """Fit within ``request.granted``; raises ``ContractError`` on unconfirmed domains, ``BudgetError`` without a
        grant.

        Under an empirical claim the same noise is used, at the contract's epsilon, and nothing is recorded or claimed.
        """
        contract = request.contract
        formal = contract.policy.privacy.claim == "formal"
        settings = self._settings.changed(request, self.name)
        if formal:
            refuse_unconfirmed(contract)
        if formal and not request.granted:
            raise BudgetError("a formally private fit needs a granted mechanism")
        grant = read_grant(request.granted or self._planned(contract, len(table)), self.name)
        people = population(table, request)
        if not people.assembly.free:
            raise ContractError(f"{self.name} needs a modelled column at least")
        found = self._fitted(people, grant, request, settings, progress)
        return found if formal else _unclaimed(found)

    def load(self, body: bytes, contract: Contract) -> NetworkModel:
        """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""
        from generators.dpsgd.storage import from_bytes

        return from_bytes(body, contract, self.name)

    def _planned(self, contract: Contract, rows: int) -> tuple[Mechanism, ...]:
        batch = min(MOST_BATCH, max(LEAST_BATCH, rows // 20))
        return planned(contract, rows, batch, self._settings.steps)

    def _fitted(
        self, people: Population, grant: Grant, request: FitRequest, settings: Settings, progress: Progress
    ) -> NetworkModel | FitFailed:
        from generators.dpsgd.training import Run, generator_of, one_thread, trained

        contract = request.contract
        progress(0.05, "counting values")
        key = _key(request, people)
        meter = Meter(grant.histograms, key, contract.policy.privacy.unit.max_rows)
        histograms = measured(meter, people, contract.policy.target)
        steps = min(settings.steps, grant.training.steps)
        epsilons = spending(grant, contract.policy.privacy.delta, steps)
        with one_thread():
            learner = self._build(histograms, settings, generator_of(key, "weights"))
            run = Run(people, histograms, key, grant, steps, settings.clip, epsilons)
            failed = trained(run, learner, request.checkpoints, progress)
        if failed is not None:
            return failed
        progress(0.9, "calibrating")
        model = self._model(contract, people, histograms, learner, grant.spent(steps))
        progress(1.0, "fitted", step=steps, of=steps, epsilon=epsilons[-1][1])
        return collapsed(model, histograms) or model

    def _model(
        self,
        contract: Contract,
        people: Population,
        histograms: Histograms,
        learner: "Learner",
        mechanisms: tuple[Mechanism, ...],
    ) -> NetworkModel:
        weights = {name: weight.numpy() for name, weight in learner.decoder.items()}
        shares = np.concatenate(histograms.shares, axis=1)
        raw = Decoder(
            weights["decoder.0.weight"],
            weights["decoder.0.bias"],
            weights["decoder.1.weight"],
            weights["decoder.1.bias"],
            np.log(shares).astype(np.float32),
        )
        sizes = [coding.fine_cells for coding in histograms.codings]
        decoder = calibrated(raw, sizes, shares, np.random.default_rng(0xCA1))
        return NetworkModel(
            self.name,
            contract,
            people.assembly,
            histograms.codings,
            decoder,
            histograms.classes,
            histograms.label,
            histograms.target,
            mechanisms,
            max(1, round(histograms.rows)),
        )


def collapsed(model: NetworkModel, histograms: Histograms) -> FitFailed | None:
    """``FitFailed`` where what is drawn has lost the variety that the histograms show: nothing of the data is read."""
    rng = np.random.default_rng(0xC011)
    drawn = model.cells(LOOK, rng, model.classes)
    mixed = [histograms.classes @ shares for shares in histograms.shares]
    apart = np.stack([rng.choice(share.size, LOOK, p=share / share.sum()) for share in mixed], axis=1)
    expected, found = sum(map(_entropy, mixed)), sum(_entropy(_frequencies(column)) for column in drawn.T)
    distinct = len(np.unique(drawn, axis=0)) / len(np.unique(apart, axis=0))
    if found >= LEAST_ENTROPY * expected - 0.1 and distinct >= LEAST_DISTINCT:
        return None
    return FitFailed(
        "mode_collapse",
        "drawn rows have lost most of the variety that the private histograms show: "
        "another seed, fewer steps or a lower learning_rate may do better",
        model.mechanisms,
    )


def _frequencies(cells: Ints) -> Floats:
    return np.bincount(cells) / max(1, cells.size)


def _entropy(shares: Floats) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())


def _unclaimed(found: NetworkModel | FitFailed) -> NetworkModel | FitFailed:
    return replace(found, mechanisms=())


def _key(request: FitRequest, people: Population) -> bytes:
    context = canonical(
        {
            "contract": request.contract.digest(),
            "parameters": dict(request.parameters),
            "granted": [mechanism.document() for mechanism in request.granted],
        }
    )
    return noise_key(request.seed, context, [*people.positions.T, people.start])
