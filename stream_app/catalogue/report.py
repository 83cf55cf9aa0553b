"""A release's full report for people inside: every finding against its limit, what was spent, what is not promised."""

from schemas.certificate import Statement
from schemas.events.runs import Dossier
from schemas.finding import Finding


def report(dossier: Dossier, statement: Statement | None, drift: str | None = None) -> str:
    """Markdown. Holds gate figures, which look at real rows: for inside readers, not for an external tier.

    ``drift`` is the sentence of the drift that started the run.
    """
    request = dossier.request
    lines = [
        f"# Release {request.release_id}",
        "",
        f"Dataset `{request.dataset}`, run `{request.run_id}`, attempt {request.attempt}.",
        f"Family **{request.family}**: {request.why}.",
        f"Trigger: {request.trigger}." + (f" That is: {drift}." if drift else ""),
        "",
    ]
    lines += [*_privacy(dossier, statement), "", "## Findings", "", *findings_table(dossier.findings), ""]
    if statement is not None:
        lines += [
            "## What this release does not promise",
            "",
            *(f"- {text}" for text in statement.predicate.limitations),
            "",
        ]
    return "\n".join(lines)


def findings_table(findings: tuple[Finding, ...]) -> list[str]:
    """A Markdown table, one row a finding."""
    rows = [
        "| gate | metric | value | interval | limit | baseline | rows | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for finding in findings:
        sign = "≤" if finding.direction == "at_most" else "≥"
        interval = "" if finding.interval is None else f"[{finding.interval[0]:.4g}, {finding.interval[1]:.4g}]"
        rows.append(
            f"| {finding.gate} | {finding.metric} | {_figure(finding.value)} | {interval} "
            f"| {sign} {_figure(finding.limit)} "
            f"| {_figure(finding.baseline)} | {finding.support} | **{finding.verdict}** {finding.reason or ''} |"
        )
    return rows


def _privacy(dossier: Dossier, statement: Statement | None) -> list[str]:
    lines = ["## Privacy", ""]
    if statement is None:
        return [*lines, f"No certificate. The budget scope stands at epsilon {dossier.epsilon_after or 'unknown'}."]
    claim = statement.predicate.privacy
    if claim.claim == "empirical":
        return [*lines, "Empirical: no formal guarantee, epsilon is absent."]
    return [
        *lines,
        f"epsilon {claim.epsilon} at delta {claim.delta} per {claim.unit} (at most {claim.max_rows_per_unit} rows), "
        f"{claim.neighbouring}; "
        f"the scope `{claim.scope}` has spent {claim.scope_epsilon}.",
        f"{len(claim.mechanisms)} mechanisms recorded; accountant {claim.accountant}.",
        f"Timing: {claim.timing}.",
    ]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
