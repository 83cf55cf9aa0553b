"""Synthetic rows turned against the model that learns from them: labels turned in one region or all over, backdoors."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from schemas.contract import Contract
from schemas.finding import Finding, Gate
from validators.poison.flips import flips
from validators.poison.regions import regions
from validators.poison.suspicion import Planted, judged, self_judged, suspicion
from validators.poison.triggers import triggers
from validators.protocol import Evidence
from validators.utility.learning import Learning
from validators.utility.tstr import described
from validators.verdicts import hold

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Poisoning:
    """``label_flips``: the share of rows with a turned label, all over (``flips``) or in one region (``regions``);
    ``backdoor_rows``: the share of rows behind a trigger (``triggers``).

    Only an interval that lies above the limit fails. Up to 16,000 rows of each table are looked at, by seed. What a
    private generator's noise does to labels can look like flips of some percent: the limit of flips leaves room for it,
    that of triggers need not.
    """

    metric: str = "label_flips"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """Two findings, or none without a target; raises ``InsufficientEvidence`` as ``learning`` does."""
        task = suspicion(evidence)
        return () if task is None else _findings(task)


def poisoned_snapshot(
    reference: "tuple[pd.DataFrame, pd.DataFrame]", snapshot: "pd.DataFrame", contract: Contract, seed: int = 0
) -> tuple[Finding, ...]:
    """The same tests of a new snapshot, with rows of the running reference as the real side; none without a target.

    ``reference`` are two random halves of the rows behind the release that runs: models are fitted on the first and
    held against the second. All tables are typed by the contract. Labels and triggers that were planted in the
    snapshot are found; so is a real change of what the label depends on, and a person must tell the two apart.
    Raises ``InsufficientEvidence`` as ``learning`` does.
    """
    first, second = reference
    task = suspicion(Evidence(contract, snapshot, first, second, second.iloc[:0], seed))
    return () if task is None else _findings(task)


def _findings(task: Learning) -> tuple[Finding, ...]:
    source = task.evidence
    synthetic, holdout = judged(task, source.synthetic), judged(task, source.holdout)
    turned = (flips(synthetic, holdout, self_judged(task, synthetic)), regions(task, synthetic, holdout))
    samples = {"synthetic": len(synthetic.rows), "holdout": len(holdout.rows), "train": task.size}
    return (
        _finding("label_flips", task, turned, samples),
        _finding("backdoor_rows", task, (triggers(task, synthetic),), samples),
    )


def _finding(metric: str, task: Learning, each: tuple[Planted | None, ...], samples: dict[str, int]) -> Finding:
    found = sorted((one for one in each if one is not None), key=lambda one: -one.lower)
    most = 1 - 0.025 ** (1 / samples["synthetic"])
    worst = found[0] if found else Planted("none", 0.0, 0.0, most, samples["synthetic"])
    return hold(
        task.evidence.contract,
        metric,
        "utility",
        max(0.0, worst.share),
        interval=(max(0.0, worst.lower), max(0.0, worst.upper)),
        rule="confident",
        baseline=0.0,
        support=worst.rows,
        samples=samples,
        detail=described(task) | {"tests": [_figures(one, task) for one in found]},
    )


def _figures(one: Planted, task: Learning) -> dict[str, Any]:
    names = [column.name for column in task.evidence.contract.modelled]
    figures: dict[str, Any] = {
        "kind": one.kind,
        "share": one.share,
        "interval": [one.lower, one.upper],
        "rows": one.rows,
    }
    if one.label is not None:
        figures["class"] = one.label
    if one.columns:
        figures["columns"] = [names[j] for j in one.columns]
    return figures
