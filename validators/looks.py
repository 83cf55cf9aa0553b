"""The privacy gate on a release in use, look after look, so that chance alone freezes no release."""

import time
from dataclasses import replace
from typing import Final

from schemas.finding import Finding, GateReport
from validators.gate import Progress, run_gate
from validators.protocol import Evidence, Validator
from validators.registry import validators_of
from validators.statistics import generator

DRAWS: Final = 3
"""Draws of its targets that a measure must fail under, each alone, before the look calls it a failure."""
OWN_RATE: Final = frozenset({"copied_rows"})
"""Measures that share their rate out over the looks (``Evidence.attempt``) and need no confirmation."""
CHANCE: Final = "it fails under one draw of its targets and not under another: no attack that is sure to succeed"


def run_look(evidence: Evidence, progress: Progress | None = None) -> GateReport:
    """All findings of the privacy gate at the look ``evidence.attempt``.

    A candidate is refused by any failure, because it can be made anew. A release that passed once and meets ever new
    draws would fail one of them some day by chance: here a measure fails only where it does so under three draws, and
    one that does under some is INSUFFICIENT, which is neither a pass nor a failure.
    """
    started = time.perf_counter()
    findings: list[Finding] = []
    for validator in validators_of("privacy"):
        begun = time.perf_counter()
        findings += _confirmed(validator, evidence)
        if progress is not None:
            progress(validator.metric, time.perf_counter() - begun)
    return GateReport(gate="privacy", findings=tuple(findings), seconds=round(time.perf_counter() - started, 3))


def _confirmed(validator: Validator, evidence: Evidence) -> tuple[Finding, ...]:
    first = run_gate("privacy", evidence, only=(validator,)).findings
    doubtful = _failed(first) - OWN_RATE
    for draw in range(1, DRAWS):
        if not doubtful:
            break
        seed = int(generator(evidence.seed, f"look draw {draw}").integers(2**32))
        again = run_gate("privacy", replace(evidence, seed=seed), only=(validator,)).findings
        doubtful &= _failed(again)
    sure = doubtful | OWN_RATE
    return tuple(
        finding if finding.verdict != "FAIL" or finding.metric in sure else _by_chance(finding) for finding in first
    )


def _failed(findings: tuple[Finding, ...]) -> frozenset[str]:
    return frozenset(finding.metric for finding in findings if finding.verdict == "FAIL")


def _by_chance(finding: Finding) -> Finding:
    return finding.model_copy(update={"verdict": "INSUFFICIENT", "reason": CHANCE})
