"""What becomes of a granted attempt where nothing is trained: a candidate that all gates pass, or that one refuses.

None of this leaves the memory of a backtest: no table is made, nothing is measured, and what stands for the gates'
reports says so.
"""

import hashlib

from schemas.events.base import derive_id
from schemas.events.runs import ArtefactRef, CandidateCleared, CandidateRejected, Dossier, TrainingReport
from schemas.finding import Finding, Gate, GateReport

SIMULATED = "simulated"


def outcome(dossier: Dossier, rows: int, reject_rate: float, seed: int) -> CandidateCleared | CandidateRejected:
    """The outcome of one attempt on a source of ``rows`` rows; of many, the share ``reject_rate`` is refused.

    A function of seed and attempt, so that a replay repeats it.
    """
    release = dossier.request.release_id
    if _fraction(seed, release) < reject_rate:
        return CandidateRejected(
            event_id=derive_id("rejected", release),
            dataset=dossier.request.dataset,
            dossier=dossier,
            station="utility",
            verdict="FAIL",
            reasons=("a simulated rejection",),
        )
    passed = dossier.model_copy(
        update={
            "training": _training(dossier, rows),
            "schema_report": _report("schema"),
            "policy": _report("policy"),
            "privacy": _report("privacy"),
            "utility": _report("utility"),
        }
    )
    return CandidateCleared(event_id=derive_id("cleared", release), dataset=dossier.request.dataset, dossier=passed)


def _fraction(seed: int, name: str) -> float:
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:6], "big") / 2**48


def _training(dossier: Dossier, rows: int) -> TrainingReport:
    """As if the grant had been used whole."""
    request = dossier.request
    train_rows = int(rows * request.contract.policy.split.train)
    return TrainingReport(
        data=_artefact(f"{request.release_id}.data"),
        model=request.reuse or _artefact(f"{request.release_id}.model"),
        mechanisms=request.earned if request.reuse is not None else request.mechanisms,
        family=request.family,
        rows=request.rows or train_rows,
        train_rows=train_rows,
        seconds=0.0,
    )


def _artefact(name: str) -> ArtefactRef:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return ArtefactRef(
        artefact_id=name,
        name=SIMULATED,
        media_type="application/octet-stream",
        sha256=digest,
        size=0,
        ciphertext_sha256=digest,
        uri=f"{SIMULATED}:{name}",
    )


def _report(gate: Gate) -> GateReport:
    return GateReport(gate=gate, findings=(Finding(metric=SIMULATED, gate=gate, verdict="PASS"),))
