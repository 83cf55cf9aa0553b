"""The three own families: killed fits resume to the same bytes, conditions reach the network, failures are outcomes."""

import numpy as np
import pandas as pd
import pytest

from generators.deep import fitting, training
from generators.deep.drawing import DeepModel
from generators.protocol import Checkpoints, FitFailed, FitRequest, Progress, silent
from generators.registry import family
from schemas.contract import Categories, Column, Contract, Policy, Privacy, Range
from schemas.errors import ContractError, RunCancelled
from schemas.table import conform

NAMES = ("vae", "torch-tvae", "torch-ctgan")
SMALL = {
    "vae": {"epochs": 1, "least_steps": 60, "group": 4},
    "torch-tvae": {"epochs": 1, "least_steps": 60, "hidden": 32},
    "torch-ctgan": {"epochs": 1, "least_steps": 60, "hidden": 16},
}
RARE = 0.02


class Store:
    """Checkpoints in memory."""

    def __init__(self) -> None:
        self.body: bytes | None = None

    def load(self) -> bytes | None:
        return self.body

    def save(self, state: bytes) -> None:
        self.body = state


def contract(claim: str = "empirical") -> Contract:
    columns = (
        Column(name="amount", type="number", domain=Range(lower=0, upper=500, resolution=0.25, confirmed=True)),
        Column(name="city", type="string", required=True, domain=Categories(values=("a", "b", "c"), confirmed=True)),
        Column(name="fraud", type="integer", required=True, domain=Categories(values=(0, 1), confirmed=True)),
    )
    privacy = Privacy(scope="test", claim=claim, epsilon="2")
    return Contract(dataset="cards", columns=columns, policy=Policy(privacy=privacy, target="fraud"))


def table(rows: int = 1_500) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    fraud = rng.random(rows) < RARE
    amount = pd.Series(np.round(rng.gamma(2, 20, rows) + 200 * fraud)).clip(0, 500).mask(rng.random(rows) < 0.1)
    frame = pd.DataFrame({"amount": amount, "city": rng.choice(["a", "b", "c"], rows), "fraud": fraud.astype(int)})
    return conform(frame, contract()).table


def fitted(
    name: str, progress: Progress = silent, checkpoints: Checkpoints | None = None, **parameters: float
) -> DeepModel | FitFailed:
    request = FitRequest(contract(), bytes(range(32)), (), SMALL[name] | parameters, checkpoints)
    found = family(name).fit(table(), request, progress)
    assert isinstance(found, DeepModel | FitFailed)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_fit_resumes_to_the_same_bytes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
    store, seen = Store(), []

    def cancel(fraction: float, phase: str, /, *, step: int = 0, of: int = 0, epsilon: float | None = None) -> None:
        if step == 40:
            raise RunCancelled("cancelled")

    def listen(fraction: float, phase: str, /, *, step: int = 0, of: int = 0, epsilon: float | None = None) -> None:
        seen.append(step)

    with pytest.raises(RunCancelled):
        fitted(name, cancel, store)
    resumed, whole = fitted(name, listen, store), fitted(name)
    assert isinstance(resumed, DeepModel)
    assert isinstance(whole, DeepModel)
    assert min(step for step in seen if step) == 39
    assert resumed.to_bytes() == whole.to_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_rare_value_of_the_target_is_drawn_and_not_repeated(name: str) -> None:
    model = fitted(name)
    assert isinstance(model, DeepModel)
    made = model.sample(2_000, 1, {"fraud": (1, 0.4)})
    frauds = made[made["fraud"] == 1]
    assert len(frauds) == 800
    assert frauds["amount"].nunique() > 100


@pytest.mark.parametrize("name", ["vae", "torch-tvae"])
def test_the_target_keeps_its_share(name: str) -> None:
    """Within four standard deviations of a share of 0.02 in 1,500 rows and 4,000 drawn ones, and a network's error."""
    model = fitted(name, least_steps=200)
    assert isinstance(model, DeepModel)
    assert abs(float((model.sample(4_000, 3)["fraud"] == 1).mean()) - RARE) < 0.03


def test_losses_that_overflow_are_an_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(training, "finite", lambda parameters: False)
    failed = fitted("torch-tvae")
    assert isinstance(failed, FitFailed)
    assert failed.outcome == "non_finite"


def test_a_network_that_draws_one_row_has_collapsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "cells_of", lambda network, rows, rng: np.zeros((rows, 3), dtype=np.int64))
    failed = fitted("vae")
    assert isinstance(failed, FitFailed)
    assert failed.outcome == "mode_collapse"


def test_unknown_parameters_wild_ones_and_formal_claims_are_refused() -> None:
    with pytest.raises(ContractError, match="epochs"):
        fitted("vae", speed=3)
    with pytest.raises(ContractError, match="between"):
        fitted("vae", epochs=-1)
    with pytest.raises(ContractError, match="formal"):
        family("vae").fit(table(), FitRequest(contract("formal"), bytes(32)), silent)
