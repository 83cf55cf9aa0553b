"""The gates' work, on a pool process: open the candidate, read the held-out shares, measure."""

import hashlib
import io
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from generators.protocol import Progress
from schemas.accounting import within
from schemas.contract import Contract
from schemas.errors import ArtefactError, ContractError, InputError, InsufficientEvidence
from schemas.events.runs import Dossier, GenerationRequest
from schemas.factorized import factorized
from schemas.finding import Finding, Gate, GateReport
from schemas.table import conform
from stream_app.adapters.workplace import Workplace
from stream_app.agents.inputs import HOLDOUT, REFERENCE, SECOND_HOLDOUT, TRAIN, read_shares, seed_of
from validators.gate import run_gate
from validators.looks import run_look
from validators.memo import Memo
from validators.protocol import Evidence
from validators.registry import validators_of
from validators.suite import suite_digest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Units = npt.NDArray[np.int64]


MOST_REAL_SIDES = 2
WORTH_TELLING = 0.5


class SourceGone(InputError):
    """The real rows that a release is to be compared with can no longer be read."""


def judge_privacy(workplace: Workplace, dossier: Dossier, progress: Progress) -> Dossier:
    """The dossier with its schema, policy and privacy reports; none is made after one that does not pass."""
    with _evidence(workplace, dossier, HOLDOUT, SECOND_HOLDOUT) as evidence:
        schema = _timed("schema", evidence, progress)
        dossier = dossier.model_copy(update={"schema_report": schema})
        if schema.verdict != "PASS":
            return dossier
        policy = _timed("policy", evidence, progress)
        dossier = dossier.model_copy(update={"policy": policy})
        if policy.verdict != "PASS":
            return dossier
        privacy = _timed("privacy", evidence, progress)
    whole = privacy.model_copy(update={"findings": (*privacy.findings, *prove_budget(dossier))})
    return dossier.model_copy(update={"privacy": whole})


def judge_utility(workplace: Workplace, dossier: Dossier, progress: Progress) -> Dossier:
    """The dossier with its utility report, measured against a holdout that the privacy gate held nothing against."""
    with _evidence(workplace, dossier, SECOND_HOLDOUT, None) as evidence:
        return dossier.model_copy(update={"utility": _timed("utility", evidence, progress)})


def attack_again(workplace: Workplace, dossier: Dossier, look: int, progress: Progress) -> GateReport:
    """The privacy gate on a release that is in use, on the rows that it was made from.

    Each ``look`` draws its targets anew; what it calls a failure is more than chance (``validators.looks``).
    Raises ``SourceGone``; ``ArtefactError`` where the release itself cannot be opened.
    """
    with _evidence(workplace, dossier, HOLDOUT, SECOND_HOLDOUT, look) as evidence:
        report = run_look(evidence, _teller("privacy", progress))
    return report.model_copy(update={"suite": suite_digest()})


def prove_budget(dossier: Dossier) -> tuple[Finding, ...]:
    """The accountant's proof: what was recorded as run is within what was granted. Nothing is proved under an
    empirical claim.
    """
    request, training = dossier.request, dossier.training
    if request.contract.policy.privacy.claim != "formal" or training is None:
        return ()
    granted = request.earned if request.reuse else request.mechanisms
    delta = request.contract.policy.privacy.delta
    proved = bool(training.mechanisms) and within(training.mechanisms, granted, delta)
    reason = None if proved else "the recorded mechanisms cost more than was granted, or none were recorded"
    return (
        Finding(
            metric="accountant_proof",
            gate="privacy",
            value=1.0 if proved else 0.0,
            limit=1.0,
            direction="at_least",
            verdict="PASS" if proved else "FAIL",
            support=len(training.mechanisms),
            reason=reason,
        ),
    )


def _timed(gate: Gate, evidence: Evidence, progress: Progress) -> GateReport:
    """The gate's report, and its seconds; tells of every measure that took over half a second, and the verdict."""
    started = time.perf_counter()
    report = run_gate(gate, evidence, _teller(gate, progress))
    progress(1.0, f"{gate} gate: {len(report.findings)} findings, {report.verdict}")
    suite = suite_digest() if gate == "privacy" else None
    return report.model_copy(update={"seconds": round(time.perf_counter() - started, 3), "suite": suite})


def _teller(gate: Gate, progress: Progress) -> Callable[[str, float], None]:
    names = [validator.metric for validator in validators_of(gate)]

    def tell(metric: str, seconds: float) -> None:
        if seconds >= WORTH_TELLING:
            progress((names.index(metric) + 1) / len(names), f"{gate} gate, {metric} measured in {seconds:.1f} s")

    return tell


@dataclass(frozen=True, slots=True)
class _RealSide:
    """A source's shares as one gate sees them, and what was worked out from them for earlier candidates."""

    tables: "tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]"
    spare: "pd.DataFrame | None"
    entities: "tuple[Units, ...]"
    memo: Memo


_real_sides: OrderedDict[str, _RealSide] = OrderedDict()
"""The last few of this process, oldest first."""


@contextmanager
def _evidence(
    workplace: Workplace, dossier: Dossier, holdout: int, spare: int | None, look: int | None = None
) -> Iterator[Evidence]:
    """``look`` is that of a release in use; a candidate's is its attempt."""
    import pandas as pd

    request, training = dossier.request, dossier.training
    if training is None:
        raise InsufficientEvidence("a candidate without a training report")
    raw = pd.read_parquet(io.BytesIO(workplace.store.open(training.data)))
    try:
        real = _real_side(workplace, request, holdout, spare)
    except (InputError, ContractError, ArtefactError) as error:
        if look is None:
            raise
        raise SourceGone(str(error)) from None
    by_entity = request.contract.policy.privacy.unit.column is not None
    train, held, reference = real.tables
    yield Evidence(
        contract=request.contract,
        synthetic=conform(raw, request.contract).table,
        raw_synthetic=raw,
        train=train,
        holdout=held,
        reference=reference,
        entities=(real.entities[0], real.entities[1], real.entities[2]) if by_entity else None,
        spare=real.spare,
        spare_entities=real.entities[3] if by_entity and real.spare is not None else None,
        # Of the source, not of the release: what the gates draw from real rows is then drawn once a snapshot.
        seed=seed_of(request.source.sha256, request.contract_digest, "gate", *([] if look is None else [look])),
        conditioned=request.conditioned,
        attempt=request.attempt if look is None else look,
        memo=real.memo,
    )
    real.memo.keep_only((*real.tables, *real.entities, real.spare))


def _real_side(workplace: Workplace, request: GenerationRequest, holdout: int, spare: int | None) -> _RealSide:
    """Read and split once for all candidates of a source in this process; another secret splits otherwise."""
    secret = hashlib.sha256(workplace.secret("split")).hexdigest()
    key = f"{request.source.sha256} {request.contract_digest} {secret} {holdout} {spare}"
    if key not in _real_sides:
        shares = read_shares(workplace, request.contract, request.source)
        wanted = [TRAIN, holdout, REFERENCE] + ([] if spare is None else [spare])
        parts = [shares.rows(share) for share in wanted]
        modelled = [column.name for column in request.contract.modelled]
        tables = [part[modelled] for part in parts]
        entities = entities_of(request.contract, parts)
        _real_sides[key] = _RealSide(
            (tables[0], tables[1], tables[2]), None if spare is None else tables[3], entities, Memo()
        )
    _real_sides.move_to_end(key)
    while len(_real_sides) > MOST_REAL_SIDES:
        _real_sides.popitem(last=False)
    return _real_sides[key]


def entities_of(contract: Contract, parts: "list[pd.DataFrame]") -> "tuple[Units, ...]":
    """The unit of each row of each part, as numbers; none where the row is the unit."""
    import numpy as np
    import pandas as pd

    column = contract.policy.privacy.unit.column
    if column is None:
        return ()
    codes, _ = factorized(pd.concat([part[column] for part in parts], ignore_index=True))
    return tuple(np.split(codes.astype(np.int64), np.cumsum([len(part) for part in parts])[:-1]))
