"""One generation from a table in memory: fit a family under a budget, sample, hand back everything that was made."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from generators.artefact import unpack
from generators.checking import check_contract
from generators.protocol import Checkpoints, FitFailed, FitRequest, FittedModel, Progress, silent
from generators.registry import counts_family, entry
from generators.registry import family as family_of
from generators.sampling.releasing import released
from schemas.accounting import within
from schemas.contract import Contract, Scalar
from schemas.counts import TableCounts
from schemas.errors import ArtefactError, BudgetError, InputError
from schemas.mechanism import Mechanism
from schemas.sampling import SamplingReport

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted model, what was really run on the data, and how long that took."""

    model: FittedModel
    mechanisms: tuple[Mechanism, ...]
    seconds: float
    family: str


@dataclass(frozen=True, slots=True)
class Generated:
    """A synthetic table, the model as bytes, what was really run on the data, and how long it all took.

    ``sampling`` tells what was done to what the model draws, where the contract or the run asked for anything.
    """

    table: "pd.DataFrame"
    model_bytes: bytes
    mechanisms: tuple[Mechanism, ...]
    seconds: float
    family: str
    sampling: SamplingReport | None = None


def generate(
    table: "pd.DataFrame | TableCounts",
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
    announced: int | None = None,
    prior: bytes | None = None,
) -> Generated | FitFailed:
    """Fit ``family`` to all rows of ``table`` (typed by the contract; with the entity column under an entity unit), or
    to counts of them, and draw ``rows``, shaped as the contract's ``generation`` asks.

    See ``fit`` for grants, secrets and errors; ``InputError`` too where a wished shape cannot be had.
    """
    if rows is not None and rows < 1:
        raise InputError("ask for at least one row")
    started = time.perf_counter()
    found = fit(table, contract, family, seed, granted, parameters, progress, secret, checkpoints, announced, prior)
    if isinstance(found, FitFailed):
        return found
    progress(0.95, "sampling")
    sampled, report = released(found.model, contract, rows or found.model.rows, seed, where)
    seconds = time.perf_counter() - started
    return Generated(sampled, found.model.to_bytes(), found.mechanisms, seconds, family, report)


def fit(
    table: "pd.DataFrame | TableCounts",
    contract: Contract,
    family: str,
    seed: int,
    granted: tuple[Mechanism, ...] | None = None,
    parameters: Mapping[str, float] | None = None,
    progress: Progress = silent,
    secret: bytes | None = None,
    checkpoints: Checkpoints | None = None,
    announced: int | None = None,
    prior: bytes | None = None,
) -> Fitted | FitFailed:
    """Fit ``family`` to all rows of ``table``, or to counts of them alone; ``announced`` is how many rows the public
    knows of, ``prior`` the model of an earlier release to go on from.

    The contract is checked against announced rows alone under a formal claim: the table's own number is private there.
    Without ``granted`` the family's own mechanisms for the contract's epsilon are granted. The noise is only as secret
    as ``secret`` (32 bytes), or as ``seed`` where none is given: a seed that others can guess undoes a formal
    guarantee. Raises ``BudgetError`` where more was run than granted, ``MissingExtra``, ``ContractError`` before any
    row is read where the contract cannot be met, ``InputError``.
    """
    started = time.perf_counter()
    chosen = family_of(family)
    size = _checked(table, contract, family, announced)
    grant = chosen.mechanisms(contract, size) if granted is None else granted
    request = FitRequest(contract, secret or _secret(seed), grant, dict(parameters or {}), checkpoints, prior)
    if isinstance(table, TableCounts):
        model: FittedModel | FitFailed = counts_family(family).fit_counts(table, request, progress)
    else:
        model = chosen.fit(table, request, progress)
    if isinstance(model, FitFailed):
        return model
    if not within(model.mechanisms, grant, contract.policy.privacy.delta):
        raise BudgetError(f"the family {family} ran more on the data than it was granted")
    return Fitted(model, model.mechanisms, time.perf_counter() - started, family)


def _checked(table: "pd.DataFrame | TableCounts", contract: Contract, family: str, announced: int | None) -> int:
    """The number of rows, once the contract can be met; raises ``ContractError``, and no row is read."""
    size = table.rows if isinstance(table, TableCounts) else len(table)
    if entry(family).fidelity == "none":  # it needs no row, so what the table has does not matter
        check_contract(contract)
    else:
        private = contract.policy.privacy.claim == "formal"
        columns = None if isinstance(table, TableCounts) else map(str, table.columns)
        check_contract(contract, announced if private else size, columns)
    return size


def opened(body: bytes, contract: Contract) -> tuple[str, FittedModel]:
    """The family and the model that kept bytes hold: sampling it again spends nothing.

    Raises ``ArtefactError`` on damage or under a contract with other columns, ``MissingExtra``.
    """
    name = unpack(body).header.get("family")
    try:
        chosen = family_of(str(name))
    except InputError:
        raise ArtefactError("the model is of a family that is not known here") from None
    return chosen.name, chosen.load(body, contract)


def _secret(seed: int) -> bytes:
    return hashlib.blake2b(str(seed).encode(), digest_size=32, person=b"perennial-seed").digest()
