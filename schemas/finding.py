"""What a validator found: a value with its interval, the limit it was held against, and the verdict."""

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.model import Digest, Model

Verdict = Literal["PASS", "FAIL", "INSUFFICIENT", "INVALID"]
Gate = Literal["schema", "policy", "privacy", "utility"]

WORST_FIRST: tuple[Verdict, ...] = ("INVALID", "FAIL", "INSUFFICIENT", "PASS")


class Finding(Model):
    """One metric of one synthetic table.

    ``interval`` is at 95 % unless ``detail`` says otherwise; ``baseline`` is the same metric on held-out real
    rows; ``support`` is the number of rows it rests on, ``samples`` that of each side. ``method`` and ``source`` are
    those of the metric (``schemas.metrics``). ``detail`` holds figures and column names, never cell values.
    """

    metric: str
    gate: Gate
    value: float | None = None
    interval: tuple[float, float] | None = None
    limit: float | None = None
    direction: Literal["at_most", "at_least"] = "at_most"
    verdict: Verdict
    baseline: float | None = None
    support: Annotated[int, Field(ge=0)] = 0
    samples: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    method: str | None = None
    source: str | None = None
    reason: str | None = None
    detail: dict[str, Any] = Field(default_factory=dict)


class GateReport(Model):
    """All findings of one gate on one candidate; the worst finding is the gate's verdict, none at all is INVALID.

    ``suite`` names the measures that the privacy gate had then (``validators.suite``).
    """

    gate: Gate
    findings: tuple[Finding, ...]
    seconds: float = 0.0
    suite: Digest | None = None

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.findings)


def verdict_of(findings: tuple[Finding, ...]) -> Verdict:
    """The worst verdict among the findings; no evidence is never a pass."""
    found = {finding.verdict for finding in findings}
    return next((verdict for verdict in WORST_FIRST if verdict in found), "INVALID")
