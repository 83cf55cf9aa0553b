"""The trainer's work, on a pool process: read under a grant, fit or sample again, store encrypted artefacts."""

import hashlib
import time
from typing import TYPE_CHECKING

from generators.generation import Generated, generate
from generators.protocol import FitFailed, Progress
from generators.registry import entry, family
from generators.sampling.releasing import released
from schemas.counts import TableCounts
from schemas.errors import BudgetError, InsufficientEvidence, RunCancelled
from schemas.events.runs import Dossier, GenerationRequest, TrainingReport
from schemas.events.sources import CountsRef
from schemas.table import encode_parquet
from stream_app.adapters.cancellations import Cancellations
from stream_app.adapters.checkpoints import Checkpoints, FitCheckpoints
from stream_app.adapters.vault import derive_seed
from stream_app.adapters.workplace import Workplace
from stream_app.agents.inputs import TRAIN, read_shares, seed_of

if TYPE_CHECKING:
    import pandas as pd

PARQUET = "application/vnd.apache.parquet"
MODEL = "application/vnd.perennial.model"


def train(workplace: Workplace, dossier: Dossier, progress: Progress) -> Dossier | FitFailed:
    """The dossier with its training report, or why the fit came to nothing.

    The same request on the same input gives the same bytes: a retry after a crash repeats the mechanism run and is no
    second spend.
    """
    started = time.perf_counter()
    request = dossier.request
    if request.contract.policy.privacy.claim == "formal" and not (request.mechanisms or request.reuse):
        raise BudgetError("a formal claim needs a grant before a row is read")
    told = cancellable(workplace, request.run_id, progress)
    done = _sample_again(workplace, request, told) if request.reuse else _fit(workplace, request, told)
    if isinstance(done, FitFailed):
        return done
    progress(1.0, "artefacts stored")
    return dossier.model_copy(
        update={"training": done.model_copy(update={"seconds": round(time.perf_counter() - started, 3)})}
    )


def _fit(workplace: Workplace, request: GenerationRequest, progress: Progress) -> TrainingReport | FitFailed:
    given = _input(workplace, request, progress)
    made = _made(workplace, request, given, progress)
    if isinstance(made, FitFailed):
        return made
    model = workplace.store.put(f"{request.release_id}.model", "model.bin", MODEL, made.model_bytes)
    data = workplace.store.put(f"{request.release_id}.data", "data.parquet", PARQUET, encode_parquet(made.table))
    return TrainingReport(
        data=data,
        model=model,
        mechanisms=made.mechanisms,
        family=request.family,
        rows=len(made.table),
        train_rows=given.rows if isinstance(given, TableCounts) else len(given),
        seconds=0.0,
        sampling=made.sampling,
        basis="counts" if isinstance(given, TableCounts) else "rows",
    )


def _input(workplace: Workplace, request: GenerationRequest, progress: Progress) -> "pd.DataFrame | TableCounts":
    """The train share's rows; where the source comes with their counts and these are enough, the counts and no row."""
    counts = _counts_of(request)
    if counts is not None:
        progress(0.02, "reading the counts")
        return workplace.read_counts(counts)
    progress(0.02, "reading the source")
    rows = read_shares(workplace, request.contract, request.source).rows(TRAIN)
    if rows.empty and entry(request.family).fidelity != "none":
        raise InsufficientEvidence("the train share of the source has no rows")
    return rows


def _counts_of(request: GenerationRequest) -> CountsRef | None:
    public = request.contract.policy.generation.counts == "public_bins"
    return request.source.counts if public and entry(request.family).counts else None


def _made(
    workplace: Workplace, request: GenerationRequest, given: "pd.DataFrame | TableCounts", progress: Progress
) -> Generated | FitFailed:
    """Fit and sample; a fit that was killed goes on from its checkpoint, under the same noise."""
    counts = _counts_of(request)
    secret = derive_seed(
        workplace.secret("noise"),
        request.release_id,
        request.source.sha256 if counts is None else counts.sha256,
        _mechanism_digest(request),
        record=workplace.home / "vault" / "seeds",
    )
    checkpoints = FitCheckpoints(Checkpoints(workplace), f"{request.release_id}:{hashlib.sha256(secret).hexdigest()}")
    try:
        made = generate(
            given,
            request.contract,
            request.family,
            request.rows or request.contract.policy.regeneration.rows,
            seed_of(request.release_id),
            granted=request.mechanisms,
            parameters=request.parameters,
            where=_where(request),
            progress=progress,
            secret=secret,
            checkpoints=checkpoints,
            prior=None if request.prior is None else workplace.store.open(request.prior),
        )
    except RunCancelled:
        checkpoints.forget()
        raise
    checkpoints.forget()
    return made


def _sample_again(workplace: Workplace, request: GenerationRequest, progress: Progress) -> TrainingReport:
    assert request.reuse is not None
    progress(0.1, "opening the cached generator")
    fitted = family(request.family).load(workplace.store.open(request.reuse), request.contract)
    rows = request.rows or request.contract.policy.regeneration.rows or fitted.rows
    table, report = released(fitted, request.contract, rows, seed_of(request.release_id), _where(request))
    data = workplace.store.put(f"{request.release_id}.data", "data.parquet", PARQUET, encode_parquet(table))
    return TrainingReport(
        data=data,
        model=request.reuse,
        mechanisms=fitted.mechanisms,
        family=request.family,
        rows=len(table),
        train_rows=0,
        seconds=0.0,
        sampling=report,
    )


def cancellable(workplace: Workplace, run_id: str, progress: Progress) -> Progress:
    """``progress`` that raises ``RunCancelled`` once the run was cancelled."""
    cancellations = Cancellations(workplace.home)

    def told(fraction: float, phase: str, /, *, step: int = 0, of: int = 0, epsilon: float | None = None) -> None:
        if cancellations.holds(run_id):
            raise RunCancelled("the run was cancelled")
        progress(fraction, phase, step=step, of=of, epsilon=epsilon)

    return told


def _where(request: GenerationRequest) -> dict[str, tuple[bool | int | float | str, float]] | None:
    return {where.column: (where.value, where.share) for where in request.where} or None


def _mechanism_digest(request: GenerationRequest) -> str:
    from schemas.canonical import digest

    return digest([mechanism.document() for mechanism in request.mechanisms])
