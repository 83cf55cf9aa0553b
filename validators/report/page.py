"""One self-contained page about one synthetic table, for a risk officer: no network, no script, no real row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from schemas.contract import Contract
from schemas.errors import MissingExtra
from schemas.finding import Finding, Verdict, verdict_of
from schemas.metrics import BY_NAME
from validators.report.marginals import FEW

MEANING: dict[Verdict, str] = {
    "PASS": "Every gate of the contract found this table within its limits.",
    "FAIL": "At least one limit of the contract is broken. This table must not be released.",
    "INSUFFICIENT": "There are too few rows to tell. This table must not be released on this evidence.",
    "INVALID": "The measurement itself cannot be trusted, for the reason below. This table must not be released.",
}
MOST_NUMBERS = 12


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG element with its title and what it shows, in a sentence."""

    title: str
    caption: str
    svg: str


def page(
    contract: Contract, findings: Sequence[Finding], pictures: Sequence[Picture], samples: Mapping[str, int]
) -> str:
    """The HTML text. Raises ``MissingExtra`` where the template engine is not installed."""
    try:
        from jinja2 import Environment
        from markupsafe import Markup
    except ImportError as error:
        raise MissingExtra("a report as HTML", "report") from error
    template = Environment(autoescape=True, trim_blocks=True).from_string(
        files("validators.report").joinpath("page.html").read_text("utf-8")
    )
    verdict = verdict_of(tuple(findings))
    rows = [_row(finding) for finding in findings]
    gates = list(dict.fromkeys(finding.gate for finding in findings))
    return template.render(
        title=f"Synthetic data report: {contract.title or contract.dataset}",
        dataset=contract.dataset,
        version=contract.version,
        claim=contract.policy.privacy.claim,
        samples=samples,
        verdict=verdict,
        meaning=MEANING[verdict],
        failing=[row for row in rows if row["verdict"] != "PASS"],
        gates=[(gate, [row for row in rows if row["gate"] == gate]) for gate in gates],
        pictures=[
            {"title": picture.title, "caption": picture.caption, "svg": Markup(picture.svg)} for picture in pictures
        ],
        few=FEW,
    )


def _row(finding: Finding) -> dict[str, Any]:
    known = BY_NAME.get(finding.metric)
    sign = "≤" if finding.direction == "at_most" else "≥"
    return {
        "gate": finding.gate,
        "metric": finding.metric,
        "means": known.means if known else "",
        "method": finding.method or "",
        "source": finding.source or "",
        "value": _figure(finding.value) or "nothing measured",
        "interval": "" if finding.interval is None else " to ".join(map(_figure, finding.interval)),
        "limit": "" if finding.limit is None else f"{sign} {_figure(finding.limit)}",
        "baseline": _figure(finding.baseline),
        "samples": ", ".join(f"{side} {count}" for side, count in finding.samples.items()),
        "verdict": finding.verdict,
        "reason": finding.reason,
        "detail": [(name, _text(value)) for name, value in finding.detail.items()],
    }


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return _figure(value)
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {_text(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        shown = ", ".join(_text(item) for item in value[:MOST_NUMBERS])
        return shown + (f" … ({len(value)} in all)" if len(value) > MOST_NUMBERS else "")
    return str(value)
