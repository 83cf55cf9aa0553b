"""The gates' work, on a pool process: open the candidate, read the held-out shares, measure."""

import io
import time
from typing import TYPE_CHECKING

from schemas.accounting import within
from schemas.contract import Contract
from schemas.errors import InsufficientEvidence
from schemas.events.runs import Dossier
from schemas.finding import Finding, Gate, GateReport
from schemas.table import conform
from stream_app.adapters.jobs import Progress
from stream_app.adapters.workplace import Workplace
from stream_app.agents.inputs import HOLDOUT, REFERENCE, SECOND_HOLDOUT, TRAIN, read_shares, seed_of
from validators.gate import run_gate
from validators.protocol import Evidence

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


def judge_privacy(workplace: Workplace, dossier: Dossier, progress: Progress) -> Dossier:
    """The dossier with its schema and privacy reports; privacy is not measured on a table that breaks its schema."""
    evidence = _evidence(workplace, dossier, HOLDOUT)
    schema = _timed("schema", evidence, progress)
    if schema.verdict != "PASS":
        return dossier.model_copy(update={"schema_report": schema})
    privacy = _timed("privacy", evidence, progress)
    # The gate's library checks the schema itself as well; a report at the last door holds its own gate's findings only.
    own = tuple(finding for finding in privacy.findings if finding.gate == "privacy")
    privacy = privacy.model_copy(update={"findings": (*own, *prove_budget(dossier))})
    return dossier.model_copy(update={"schema_report": schema, "privacy": privacy})


def judge_utility(workplace: Workplace, dossier: Dossier, progress: Progress) -> Dossier:
    """The dossier with its utility report, measured against a holdout that the privacy gate did not use."""
    return dossier.model_copy(
        update={"utility": _timed("utility", _evidence(workplace, dossier, SECOND_HOLDOUT), progress)}
    )


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
    started = time.perf_counter()
    report = run_gate(gate, evidence, lambda metric, seconds: progress(0.5, f"{metric} measured in {seconds:.1f} s"))
    return report.model_copy(update={"seconds": round(time.perf_counter() - started, 3)})


def _evidence(workplace: Workplace, dossier: Dossier, holdout: int) -> Evidence:
    import pandas as pd

    request, training = dossier.request, dossier.training
    if training is None:
        raise InsufficientEvidence("a candidate without a training report")
    contract = request.contract
    raw = pd.read_parquet(io.BytesIO(workplace.store.open(training.data)))
    shares = read_shares(workplace, contract, request.source)
    parts = {share: shares.rows(share) for share in (TRAIN, holdout, REFERENCE)}
    modelled = [column.name for column in contract.modelled]
    return Evidence(
        contract=contract,
        synthetic=conform(raw, contract).table,
        raw_synthetic=raw,
        train=parts[TRAIN][modelled],
        holdout=parts[holdout][modelled],
        reference=parts[REFERENCE][modelled],
        entities=_entities(contract, list(parts.values())),
        seed=seed_of(request.release_id, "gate"),
        conditioned=tuple(where.column for where in request.where),
        attempt=request.attempt,
    )


def _entities(
    contract: Contract,
    parts: "list[pd.DataFrame]",
) -> "tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]] | None":
    import numpy as np
    import pandas as pd

    column = contract.policy.privacy.unit.column
    if column is None:
        return None
    codes, _ = pd.factorize(pd.concat([part[column] for part in parts], ignore_index=True))
    first, second, third = np.split(codes.astype(np.int64), np.cumsum([len(part) for part in parts])[:-1])
    return first, second, third
