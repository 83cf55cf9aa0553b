"""Run gates in order: every validator's findings, and never a traceback for what a table holds."""

import time
from collections.abc import Callable

from schemas.errors import InsufficientEvidence, PerennialError
from schemas.finding import Finding, Gate, GateReport
from validators.entities import bounded
from validators.protocol import Evidence, Validator
from validators.registry import validators_of
from validators.verdicts import unmeasured

GATES: tuple[Gate, ...] = ("schema", "policy", "privacy", "utility")
"""All gates in their order."""
Progress = Callable[[str, float], None]
"""Called after each validator with its metric and the seconds it took."""


def run_gates(evidence: Evidence, progress: Progress | None = None) -> tuple[GateReport, ...]:
    """The reports of all gates in order; none after a schema gate that is INVALID, for nothing else would mean much."""
    reports: list[GateReport] = []
    for gate in GATES:
        reports.append(run_gate(gate, evidence, progress))
        if gate == "schema" and reports[-1].verdict == "INVALID":
            break
    return tuple(reports)


def run_gate(
    gate: Gate, evidence: Evidence, progress: Progress | None = None, only: tuple[Validator, ...] | None = None
) -> GateReport:
    """All findings of one gate, or those of some of its validators.

    ``InsufficientEvidence`` becomes an INSUFFICIENT finding, any other ``PerennialError`` an INVALID one: both fail
    closed.
    """
    started, chosen = time.perf_counter(), validators_of(gate) if only is None else only
    findings: list[Finding] = []
    try:
        evidence = bounded(evidence)
    except PerennialError as error:
        return GateReport(
            gate=gate,
            findings=(unmeasured(evidence.contract, chosen[0].metric, gate, "INVALID", str(error)),),
        )
    for validator in chosen:
        begun = time.perf_counter()
        findings += _measured(validator, evidence)
        if progress is not None:
            progress(validator.metric, time.perf_counter() - begun)
    return GateReport(gate=gate, findings=tuple(findings), seconds=round(time.perf_counter() - started, 3))


def _measured(validator: Validator, evidence: Evidence) -> tuple[Finding, ...]:
    try:
        return validator.measure(evidence)
    except InsufficientEvidence as error:
        return (unmeasured(evidence.contract, validator.metric, validator.gate, "INSUFFICIENT", str(error)),)
    except PerennialError as error:
        return (unmeasured(evidence.contract, validator.metric, validator.gate, "INVALID", str(error)),)
