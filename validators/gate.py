"""Run one gate: every validator's findings, and never a traceback for what a table holds."""

import time
from collections.abc import Callable

from schemas.errors import InsufficientEvidence, PerennialError
from schemas.finding import Finding, Gate, GateReport
from validators.entities import bounded
from validators.protocol import Evidence, Validator
from validators.registry import validators_of
from validators.verdicts import unmeasured

Progress = Callable[[str, float], None]
"""Called after each validator with its metric and the seconds it took."""


def run_gate(gate: Gate, evidence: Evidence, progress: Progress | None = None) -> GateReport:
    """All findings of the gate. The privacy gate checks the schema first, and stops there if columns are missing.

    ``InsufficientEvidence`` becomes an INSUFFICIENT finding, any other ``PerennialError`` an INVALID one: both fail
    closed.
    """
    started = time.perf_counter()
    findings: list[Finding] = []
    try:
        evidence = bounded(evidence)
    except PerennialError as error:
        return GateReport(
            gate=gate,
            findings=(unmeasured(evidence.contract, validators_of(gate)[0].metric, gate, "INVALID", str(error)),),
        )
    for validator in validators_of(gate):
        begun = time.perf_counter()
        found = _measured(validator, evidence)
        findings += found
        if progress is not None:
            progress(validator.metric, time.perf_counter() - begun)
        if validator.gate == "schema" and any(finding.verdict == "INVALID" for finding in found):
            break
    return GateReport(gate=gate, findings=tuple(findings), seconds=round(time.perf_counter() - started, 3))


def _measured(validator: Validator, evidence: Evidence) -> tuple[Finding, ...]:
    try:
        return validator.measure(evidence)
    except InsufficientEvidence as error:
        return (unmeasured(evidence.contract, validator.metric, validator.gate, "INSUFFICIENT", str(error)),)
    except PerennialError as error:
        return (unmeasured(evidence.contract, validator.metric, validator.gate, "INVALID", str(error)),)
