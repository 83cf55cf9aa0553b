"""Many releases of a drifting panel under one total epsilon: fitted afresh, once for ever, or each from the last.

The panel: for every release 19,536 of Adult's 39,073 rows, none twice, drawn with weights that drift, so that the rate
of high incomes goes from .13 to .35 and people get older and work longer. A row is the unit over all releases:
whatever their number, all of them together cost epsilon = 1 (delta = 1e-5). Every release is scored against its own
real rows; as many rows are drawn as there are real ones.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from generators.live.fitting import fit_rows, open_rows
from generators.live.release import Release
from generators.marginals.family import FAMILY
from generators.private.granting import whole_budget
from generators.protocol import FitRequest, FittedModel, silent
from schemas.accounting import epsilon_of, gaussian_budget
from schemas.contract import Contract
from schemas.mechanism import Gaussian, Mechanism
from tests.benchmarks.generators.score import auc, tvd2
from tests.benchmarks.generators.tables import adult

ROWS = 19_536
FIRST, LAST = 0.13, 0.35
LEANS = {"age": 0.4, "hours_per_week": 0.2}
OPENING = 0.5
"""Of the budget, what the first of releases that follow each other gets."""
SEEDS = {12: 3, 52: 2}
SCORED = 5


@dataclass(frozen=True, slots=True)
class Panel:
    """The real rows of each release, in order, and Adult's holdout."""

    contract: Contract
    waves: list[pd.DataFrame]
    holdout: pd.DataFrame
    target: str


Made = Iterator[tuple[FittedModel | None, tuple[Mechanism, ...]]]


def panel(releases: int, seed: int) -> Panel:
    """The waves of a seed, which also splits off the holdout."""
    table = adult(seed=seed)
    rng = np.random.default_rng([seed, 0x9A7E])
    positive = table.train[table.target].astype(str).str.contains(">50K").to_numpy()
    lean = sum(by * _standard(table.train[name]) for name, by in LEANS.items())
    waves = []
    for at in np.linspace(-1, 1, releases):
        wanted = round((FIRST + (LAST - FIRST) * (at + 1) / 2) * ROWS)
        # Weighted drawing without putting back (Efraimidis and Spirakis 2006).
        order = np.argsort(np.log(rng.random(len(positive))) / np.exp(at * lean))[::-1]
        chosen = [order[positive[order]][:wanted], order[~positive[order]][: ROWS - wanted]]
        waves.append(table.train.iloc[np.sort(np.concatenate(chosen))].reset_index(drop=True))
    return Panel(table.contract, waves, table.holdout, table.target)


def afresh(found: Panel, seed: int, wanted: set[int]) -> Made:
    """A ``dp-marginals`` fit to each wave alone, all at the same price; only the wanted ones are made."""
    granted = _part(found.contract, 1 / len(found.waves))
    for at, wave in enumerate(found.waves):
        request = FitRequest(found.contract, _secret(seed, at), granted)
        yield FAMILY.fit(wave, request, silent) if at in wanted else None, granted


def once(found: Panel, seed: int, _: set[int]) -> Made:
    """One release for ever."""
    granted = _part(found.contract, 1.0)
    model = FAMILY.fit(found.waves[0], FitRequest(found.contract, _secret(seed, 0), granted), silent)
    for at in range(len(found.waves)):
        yield model, granted if at == 0 else ()


def followed(found: Panel, seed: int, _: set[int], **parameters: float) -> Made:
    """Each release from counts and from the one before."""
    release: Release | None = None
    for at, wave in enumerate(found.waves):
        share = OPENING if at == 0 else (1 - OPENING) / (len(found.waves) - 1)
        request = FitRequest(
            found.contract, _secret(seed, at), _part(found.contract, share), parameters if release is not None else {}
        )
        release = open_rows(wave, request, silent) if release is None else fit_rows(wave, request, silent, release)
        yield release, release.mechanisms


def all_again(found: Panel, seed: int, wanted: set[int]) -> Made:
    """``followed`` with every table measured again every time."""
    return followed(found, seed, wanted, again=0)


METHODS: dict[str, Callable[[Panel, int, set[int]], Made]] = {
    "each fitted afresh": afresh,
    "one release for ever": once,
    "from the last, all tables again": all_again,
    "from the last, what drifted again": followed,
}


def measure(quick: bool) -> list[dict[str, Any]]:
    """A row a method and number of releases; ratio and TVD2 are means over ``SCORED`` releases spread over all."""
    rows = []
    for releases in (4,) if quick else (12, 52):
        for seed in range(SEEDS.get(releases, 1)):
            found = panel(releases, seed)
            scored = sorted({round(at) for at in np.linspace(0, releases - 1, 2 if quick else SCORED)})
            real = {at: auc(found.waves[at], found.holdout, found.target) for at in scored}
            rows += [_scored(name, found, seed, real) for name in METHODS]
    return rows


def _scored(name: str, found: Panel, seed: int, real: dict[int, float]) -> dict[str, Any]:
    begun, scoring = time.process_time(), 0.0
    spent: list[Mechanism] = []
    ratios, distances = [], []
    for at, (model, mechanisms) in enumerate(METHODS[name](found, seed, set(real))):
        spent += mechanisms
        if at in real and model is not None:
            since = time.process_time()
            drawn = model.sample(ROWS, at)
            ratios.append(auc(drawn, found.holdout, found.target) / real[at])
            distances.append(tvd2(found.waves[at], drawn))
            scoring += time.process_time() - since
    return {
        "releases": len(found.waves),
        "method": name,
        "seed": seed,
        "epsilon": round(epsilon_of(spent, found.contract.policy.privacy.delta), 4),
        "ratio": round(float(np.mean(ratios)), 4),
        "tvd2": round(float(np.mean(distances)), 4),
        "tvd2_last": round(distances[-1], 4),
        "cpu_seconds": round(time.process_time() - begun - scoring, 1),
    }


def _standard(values: "pd.Series[Any]") -> Any:
    numbers = values.to_numpy(dtype=np.float64)
    return (numbers - numbers.mean()) / numbers.std()


def _part(contract: Contract, share: float) -> tuple[Mechanism, ...]:
    """That share of the contract's whole budget, as a Gaussian."""
    return (Gaussian(noise_multiplier=1 / math.sqrt(gaussian_budget([whole_budget(contract)]) * share)),)


def _secret(seed: int, at: int) -> bytes:
    return bytes([seed, at]) + bytes(30)
