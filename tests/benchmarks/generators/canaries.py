"""One-run audits: how much of a claimed epsilon a single fit gives away about rows that fair coins put in or left out.

A table of one column with one public value per canary: canary i is the row of value i, and a coin says whether it is
in. An adversary then ranks all canaries by what the release says of their values, and guesses that the best are in.
Under epsilon-DP guesses are right no oftener than epsilon lets them be (Steinke, Nasr and Jagielski 2023, with
``validators.privacy.audit_epsilon``), so that the bound exceeds a true claim with a chance of 5 % at most, delta's
failures included. *White box*: the noisy answers, as the meter gave them. *Black box*: counts in synthetic rows.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

import numpy as np
import pandas as pd

from generators.arrays import Bools, Floats, Ints
from generators.private import meter as metering
from generators.private.meter import Meter
from generators.private.noise import noisy_counts
from generators.protocol import FitFailed, FitRequest, FittedModel, silent
from generators.registry import family
from schemas.contract import Categories, Column, Contract, Policy, Privacy
from schemas.table import conform
from validators.privacy.audit_epsilon import Audit, audit

COLUMN = "value"


@dataclass(frozen=True, slots=True)
class Canaries:
    """A contract, the table of the canaries that the coins put in, and the coins."""

    contract: Contract
    table: pd.DataFrame
    inside: Bools

    @property
    def claimed(self) -> float:
        return float(self.contract.policy.privacy.epsilon)


def canaries(count: int, epsilon: str, seed: int) -> Canaries:
    """``count`` of them, about half inside; the claim is ``epsilon`` at the contract's usual delta."""
    values = tuple(f"v{place:06d}" for place in range(count))
    contract = Contract(
        dataset="canaries",
        columns=(Column(name=COLUMN, type="string", required=True, domain=Categories(values=values, confirmed=True)),),
        policy=Policy(privacy=Privacy(scope="audit", claim="formal", epsilon=epsilon)),
    )
    inside = np.random.default_rng(seed).random(count) < 0.5
    rows = pd.DataFrame({COLUMN: np.array(values, dtype=object)[inside]})
    return Canaries(contract, conform(rows, contract).table, inside)


def bound(found: Canaries, scores: Floats, seed: int) -> Audit:
    """The lower bound on epsilon from one score a canary, the larger the likelier inside; ties by lot."""
    # A stream of its own: the lots of the coins' stream would be the coins themselves, and tell who is inside.
    lots = np.random.default_rng([seed, 1]).random(scores.size)
    order = np.lexsort((lots, -scores))
    return audit(found.inside[order], 1.0, found.contract.policy.privacy.delta)


def fit(name: str, found: Canaries, seed: int, parameters: Mapping[str, float] | None = None) -> FittedModel:
    """One fit of a family under its own mechanisms, the noise from ``seed``."""
    chosen = family(name)
    granted = chosen.mechanisms(found.contract, len(found.table))
    request = FitRequest(found.contract, seed.to_bytes(32, "big"), granted, dict(parameters or {}))
    model = chosen.fit(found.table, request, silent)
    if isinstance(model, FitFailed):
        raise RuntimeError(f"{name} failed: {model.detail}")
    return model


def white_box(name: str, found: Canaries, seed: int, parameters: Mapping[str, float] | None = None) -> Audit:
    """From every noisy answer that has one cell a canary, added up by precision."""
    with answers() as given:
        fit(name, found, seed, parameters)
    scores = np.zeros(found.inside.size)
    for noisy, deviation in given:
        if noisy.size == scores.size:
            scores += noisy.ravel() / deviation**2
    return bound(found, scores, seed)


def black_box(name: str, found: Canaries, seed: int, rows: int, parameters: Mapping[str, float] | None = None) -> Audit:
    """From how often each canary's value is among ``rows`` synthetic rows."""
    made = fit(name, found, seed, parameters).sample(rows, seed)[COLUMN]
    domain = found.contract.columns[0].domain
    assert isinstance(domain, Categories)
    counts = made.value_counts().reindex(list(domain.values), fill_value=0)
    return bound(found, counts.to_numpy(dtype=np.float64), seed)


@contextmanager
def answers() -> Iterator[list[tuple[Floats, float]]]:
    """Everything that meters answer in the meantime: noisy counts and their deviation."""
    given: list[tuple[Floats, float]] = []
    measure = Meter.measure

    def recorded(
        meter: Meter, label: str, counts: Ints, share: float, sensitivity: float = 1.0, unit: int = 1
    ) -> tuple[Floats, float]:
        answer = measure(meter, label, counts, share, sensitivity, unit)
        given.append(answer)
        return answer

    with mock.patch.object(Meter, "measure", recorded):
        yield given


@contextmanager
def broken(divisor: float) -> Iterator[None]:
    """Meters add noise of a ``divisor``-th of the deviation that they pay for, and tell what they added."""

    def weaker(secret: bytes, label: str, counts: Ints, sigma: float) -> tuple[Floats, float]:
        return noisy_counts(secret, label, counts, sigma / divisor)

    with mock.patch.object(metering, "noisy_counts", weaker):
        yield
