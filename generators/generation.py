"""One generation from a table in memory: fit a family under a budget, sample, hand back everything that was made."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from generators.protocol import Checkpoints, FitFailed, FitRequest, Progress, silent
from generators.registry import family as family_of
from schemas.accounting import within
from schemas.contract import Contract, Scalar
from schemas.errors import BudgetError, InputError
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Generated:
    """A synthetic table, the model as bytes, what was really run on the data, and how long it all took."""

    table: "pd.DataFrame"
    model_bytes: bytes
    mechanisms: tuple[Mechanism, ...]
    seconds: float
    family: str


def generate(
    table: "pd.DataFrame",
    contract: Contract,
    family: str,
    rows: int | None,
    seed: int,
    granted: tuple[Mechanism, ...] | None = None,
    parameters: Mapping[str, float] | None = None,
    where: Mapping[str, tuple[Scalar, float]] | None = None,
    progress: Progress = silent,
    secret: bytes | None = None,
    checkpoints: Checkpoints | None = None,
) -> Generated | FitFailed:
    """Fit ``family`` to all rows of ``table`` (typed by the contract; with the entity column under an entity unit) and
    draw ``rows``.

    Without ``granted`` the family's own mechanisms for the contract's epsilon are granted. The noise is only as secret
    as ``secret`` (32 bytes), or as ``seed`` where none is given: a seed that others can guess undoes a formal
    guarantee. Raises ``BudgetError`` where more was run than granted, ``MissingExtra``, ``ContractError``,
    ``InputError``.
    """
    if rows is not None and rows < 1:
        raise InputError("ask for at least one row")
    started = time.perf_counter()
    chosen = family_of(family)
    grant = chosen.mechanisms(contract, len(table)) if granted is None else granted
    request = FitRequest(contract, secret or _secret(seed), grant, dict(parameters or {}), checkpoints)
    model = chosen.fit(table, request, progress)
    if isinstance(model, FitFailed):
        return model
    if not within(model.mechanisms, grant, contract.policy.privacy.delta):
        raise BudgetError(f"the family {family} ran more on the data than it was granted")
    progress(0.95, "sampling")
    sampled = model.sample(rows or model.rows, seed, where)
    return Generated(sampled, model.to_bytes(), model.mechanisms, time.perf_counter() - started, family)


def _secret(seed: int) -> bytes:
    return hashlib.blake2b(str(seed).encode(), digest_size=32, person=b"perennial-seed").digest()
