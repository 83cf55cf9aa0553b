"""What a candidate must bring to be certified, and the statement that is then made about it.

The statement's epsilon comes from the mechanisms that were recorded as run, never from configuration; its scope's
epsilon is what the ledger wrote at the grant, at the scope's delta. The gates have judged already; that all of them
did, and passed, is checked here again, because this is the last door.
"""

import math

from schemas.accounting import epsilon_of, within
from schemas.certificate import Digests, Measured, PrivacyClaim, ReleasePredicate, Statement, Subject
from schemas.contract import Contract
from schemas.errors import PerennialError
from schemas.events.runs import Dossier, GenerationRequest, TrainingReport
from schemas.finding import Finding, GateReport
from schemas.mechanism import Mechanism
from schemas.model import epsilon_text
from stream_app.core.register import Approval

DAY_MS = 86_400_000
INSIDE = "internal"
"""The one tier whose certificates show the gates' figures; every other sees verdicts only, because figures look at
real rows.
"""

TIMING = {
    "schedule": "schedule: fixed in advance, it tells nothing about the rows",
    "private": "private: decided by a private test (sparse vector) of epsilon {trigger} for all its looks until it "
    "fires once; that is charged to the scope and stands in its epsilon, not in this release's",
    "raw": "raw: decided by drift on the raw stream, outside the guarantee",
}
LIMITATIONS = (
    "The gates measure real rows: their figures, and which attempt passed them, lie outside the formal guarantee.",
    "What someone has exported as plaintext is out of reach of a revocation.",
    "The gates test the attacks and the uses that they name; they prove nothing about others.",
)
FORMAL_LIMITATIONS = (
    "The guarantee holds per privacy unit as stated, for the domains that the contract declares public.",
)
EMPIRICAL_LIMITATION = "No formal privacy guarantee: no epsilon is claimed, only the empirical audit of the gates."
TIMING_LIMITATION = "When this release was made was decided on the raw stream; the timing lies outside the guarantee."


def faults(dataset: str, dossier: Dossier) -> tuple[str, ...]:
    """Why this candidate may not be certified, none when it may; never holds a cell value."""
    request, training = dossier.request, dossier.training
    found = []
    if request.dataset != dataset or request.contract.dataset != dataset:
        found.append("the request or its contract is of another dataset")
    if request.contract.digest() != request.contract_digest:
        found.append("the pinned contract does not have the digest that the request states")
    reports = (dossier.schema_report, dossier.policy, dossier.privacy, dossier.utility)
    for gate, report in zip(("schema", "policy", "privacy", "utility"), reports, strict=True):
        found += _gate_faults(gate, report)
    found += ["the dossier has no training report"] if training is None else _training_faults(dossier, training)
    return tuple(found)


def _gate_faults(gate: str, report: GateReport | None) -> list[str]:
    if report is None:
        return [f"the {gate} gate has not reported"]
    if report.gate != gate or any(finding.gate != gate for finding in report.findings):
        return [f"the {gate} gate's report is another gate's"]
    return [] if report.verdict == "PASS" else [f"the {gate} gate says {report.verdict}"]


def _training_faults(dossier: Dossier, training: TrainingReport) -> list[str]:
    request = dossier.request
    privacy, recorded = request.contract.policy.privacy, earned(dossier, training)
    if training.family != request.family:
        return ["another family was trained than was asked for"]
    if training.basis == "counts" and request.source.counts is None:
        return ["the fit is said to rest on counts, and the request names none"]
    if request.reuse is not None and training.model.sha256 != request.reuse.sha256:
        return ["another model was sampled than the one that earned its guarantee"]
    if privacy.claim == "formal" and (not recorded or request.contract.unconfirmed):
        return ["a formal claim without a recorded mechanism, or on domains that nobody confirmed"]
    try:
        if request.reuse is None and not within(recorded, request.mechanisms, privacy.delta):
            return ["the recorded mechanisms cost more than was granted"]
        epsilon_text(epsilon_of(recorded, privacy.delta))
    except (PerennialError, ArithmeticError, ValueError):
        return ["the recorded mechanisms cannot be accounted for"]
    return []


def earned(dossier: Dossier, training: TrainingReport) -> tuple[Mechanism, ...]:
    """The mechanisms that stand behind a release: those that ran, or those that its model had been fitted with."""
    return dossier.request.earned if dossier.request.reuse is not None else training.mechanisms


def statement(dossier: Dossier, approvals: tuple[Approval, ...], at: int) -> Statement:
    """The certificate's statement, as of the broker's time ``at``; the candidate must be free of ``faults``."""
    request, training = dossier.request, dossier.training
    assert training is not None
    contract = request.contract
    tier = contract.policy.tier
    return Statement(
        subject=(Subject(name=training.data.name, digest=Digests(sha256=training.data.sha256)),),
        predicate=ReleasePredicate(
            dataset=request.dataset,
            release_id=request.release_id,
            run_id=request.run_id,
            attempt=request.attempt,
            tier=tier.name,
            family=request.family,
            contract_version=contract.version,
            contract_digest=request.contract_digest,
            source_sha256=request.source.sha256,
            counts_sha256=_counted(request, training),
            prior_sha256=None if request.prior is None else request.prior.sha256,
            rows=training.rows,
            certified_at=at,
            expires_at=at + tier.valid_days * DAY_MS,
            privacy=_claim(contract, earned(dossier, training), dossier.epsilon_after),
            gates=tuple(_measured(finding, tier.name == INSIDE) for finding in dossier.findings),
            smallest_leak_seen=_smallest_leak(dossier.findings),
            sampling=training.sampling,
            approvals=tuple(f"{approval.role}:{approval.keyid}" for approval in approvals),
            artefacts=(training.data,),
            limitations=_limitations(contract),
        ),
    )


def _counted(request: GenerationRequest, training: TrainingReport) -> str | None:
    """The digest of the counts that the fit read in place of rows, or none."""
    if training.basis == "rows" or request.source.counts is None:
        return None
    return request.source.counts.sha256


def _claim(contract: Contract, mechanisms: tuple[Mechanism, ...], scope_epsilon: str | None) -> PrivacyClaim:
    privacy, formal = contract.policy.privacy, contract.policy.privacy.claim == "formal"
    unit = privacy.unit.kind if privacy.unit.column is None else f"{privacy.unit.kind} {privacy.unit.column}"
    epsilon = epsilon_text(epsilon_of(mechanisms, privacy.delta)) if formal else None
    return PrivacyClaim(
        claim=privacy.claim,
        epsilon=epsilon,
        delta=privacy.delta if formal else None,
        unit=unit,
        max_rows_per_unit=privacy.unit.max_rows,
        neighbouring=privacy.neighbouring,
        mechanisms=mechanisms if formal else (),
        accountant=privacy.accountant,
        scope=privacy.scope,
        scope_epsilon=scope_epsilon if formal else None,
        timing=TIMING[privacy.timing].format(trigger=privacy.trigger_cost),
    )


def _measured(finding: Finding, inside: bool) -> Measured:
    if not inside:
        return Measured(metric=finding.metric, verdict=finding.verdict)
    return Measured(
        metric=finding.metric,
        verdict=finding.verdict,
        value=finding.value,
        interval=finding.interval,
        limit=finding.limit,
    )


def _smallest_leak(findings: tuple[Finding, ...]) -> float | None:
    """What the leak gate says that it sees, rounded up to one digit; absent where it did not say."""
    found = next((finding.value for finding in findings if finding.metric == "leak_detectable_share"), None)
    if found is None or found <= 0:
        return found
    unit = 10.0 ** math.floor(math.log10(found))
    return min(1.0, float(f"{math.ceil(found / unit - 1e-9) * unit:.1g}"))


def _limitations(contract: Contract) -> tuple[str, ...]:
    privacy = contract.policy.privacy
    own = FORMAL_LIMITATIONS if privacy.claim == "formal" else (EMPIRICAL_LIMITATION,)
    return (*own, *LIMITATIONS, *((TIMING_LIMITATION,) if privacy.timing == "raw" else ()))
