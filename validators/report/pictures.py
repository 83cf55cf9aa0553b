"""The pictures of a report: what people ask to see, from the evidence and from what the findings say."""

from collections.abc import Callable, Sequence

from schemas.finding import Finding
from validators.protocol import Evidence
from validators.report import associations, attacks, distances, learners, marginals, subgroups
from validators.report.page import Picture

OF_FINDINGS: tuple[tuple[str, str, str, Callable[[Finding], str | None]], ...] = (
    (
        "neighbour_risk",
        "Distance to the nearest real row",
        "Where synthetic rows lie nearer to training rows than to held-out rows, the curves part: the generator "
        "remembers. Steps at zero are exact copies, which real tables with few different rows have by nature.",
        distances.drawn,
    ),
    (
        "membership_accuracy",
        "Who was in the training data?",
        "Each attack guesses which real rows were fitted. On the dotted line it guesses blindly. The bars show its "
        "accuracy; the gate holds the bound of the worst against the dashed limit.",
        attacks.drawn,
    ),
    (
        "tstr_ratio",
        "Models trained on synthetic rows",
        "The same models, fitted once on real and once on synthetic rows, tested on real rows that neither saw.",
        learners.drawn,
    ),
    (
        "subgroup_gap",
        "Subgroups",
        "How much worse each measure is for a subgroup than for the whole table; a subgroup is named by its column and "
        "the position of its value.",
        subgroups.drawn,
    ),
)


def pictures(evidence: Evidence, findings: Sequence[Finding]) -> list[Picture]:
    """Marginals and dependence from the tables where both sides have rows, then one picture a finding that has one."""
    drawn: list[Picture] = []
    if len(evidence.synthetic) and len(evidence.holdout):
        drawn += [_marginals(evidence), _associations(evidence)]
    for metric, title, caption, draw in OF_FINDINGS:
        for finding in findings:
            if finding.metric == metric and (svg := draw(finding)) is not None:
                drawn.append(Picture(title, caption, svg))
    return drawn


def _marginals(evidence: Evidence) -> Picture:
    left_out = len(evidence.contract.modelled) - marginals.MOST_COLUMNS
    more = f" {left_out} more columns are not shown." if left_out > 0 else ""
    return Picture(
        "Each column by itself",
        f"Shares of held-out real rows (blue) and synthetic rows (orange).{more}",
        marginals.drawn(marginals.overlays(evidence)),
    )


def _associations(evidence: Evidence) -> Picture:
    return Picture(
        "Columns together",
        "Association of each pair of columns, synthetic less real: white is right, red is too much, blue too little.",
        associations.drawn(*associations.difference(evidence)),
    )
