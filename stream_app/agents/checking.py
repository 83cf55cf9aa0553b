"""A release in use against fresh rows, on a pool process: subgroups first, labels where they have come."""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from generators.protocol import Progress
from schemas.contract import Contract
from schemas.errors import ArtefactError, InputError, InsufficientEvidence
from schemas.events.runs import ArtefactRef
from schemas.events.sources import SourceRef
from schemas.finding import Finding
from schemas.table import conform
from stream_app.adapters.workplace import Workplace
from stream_app.agents.inputs import HOLDOUT, REFERENCE, TRAIN, Shares, read_shares, seed_of
from stream_app.agents.judging import SourceGone, entities_of
from stream_app.core.unlabelled import without_target
from validators.gate import run_gate
from validators.protocol import Evidence, Validator
from validators.registry import validators_of

if TYPE_CHECKING:
    import pandas as pd

Part = Literal["subgroups", "table"]
PARTS: Final[tuple[Part, ...]] = ("subgroups", "table")
SUBGROUPS: Final = frozenset({"subgroup_gap", "demographic_shift", "parity_gap"})
OF_LABELS: Final = frozenset(
    {
        "class_balance",
        "label_flips",
        "label_leakage",
        "minority_recall",
        "parity_gap",
        "trts_ratio",
        "tstr_auc",
        "tstr_ratio",
    }
)
"""Metrics that say something of the target alone: they look at rows whose label has come."""


@dataclass(frozen=True, slots=True)
class Check:
    """What is compared: a release's data with a window of live rows, under the contract in force.

    ``conditioned`` are the columns whose shares the release was asked to have, which no fresh rows need to match.
    """

    contract: Contract
    data: ArtefactRef
    window: SourceRef
    conditioned: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What its tables are kept by between the two parts."""
        return f"{self.data.sha256} {self.window.sha256} {self.contract.digest()} {self.conditioned}"


@dataclass(frozen=True, slots=True)
class Side:
    """Tables, and the measures that look at them."""

    evidence: Evidence
    measures: tuple[Validator, ...]


_kept: dict[str, tuple[Side, ...]] = {}
"""The last check of this process, so that its second part reads and fits nothing again."""


def recheck(workplace: Workplace, check: Check, part: Part, _: Progress) -> tuple[Finding, ...]:
    """The utility findings of one part of the measures.

    Raises ``SourceGone`` where the window cannot be read, ``InsufficientEvidence`` where it is too small,
    ``ArtefactError`` where the release cannot be opened, ``ContractError``.
    """
    found: tuple[Finding, ...] = ()
    for side in _sides(workplace, check):
        chosen = tuple(each for each in side.measures if (each.metric in SUBGROUPS) == (part == "subgroups"))
        if chosen:
            found += run_gate("utility", side.evidence, only=chosen).findings
    return found


def _sides(workplace: Workplace, check: Check) -> tuple[Side, ...]:
    if check.name not in _kept:
        _kept.clear()
        _kept[check.name] = _compared(workplace, check)
    return _kept[check.name]


def _compared(workplace: Workplace, check: Check) -> tuple[Side, ...]:
    """All rows with all measures; where labels are late, all rows without the target, and labelled ones with it."""
    import pandas as pd

    contract, measures = check.contract, validators_of("utility")
    synthetic = conform(pd.read_parquet(io.BytesIO(workplace.store.open(check.data))), contract).table
    shares = _window(workplace, check)
    labelled = _labelled(contract, synthetic, shares)
    if labelled is None:
        return (Side(_evidence(check, contract, synthetic, shares), measures),)
    of_labels = tuple(each for each in measures if each.metric in OF_LABELS)
    others = tuple(each for each in measures if each.metric not in OF_LABELS)
    bare = without_target(contract)
    return (
        Side(_evidence(check, bare, synthetic[[column.name for column in bare.modelled]], shares), others),
        Side(_evidence(check, contract, synthetic, labelled, may_be_empty=True), of_labels),
    )


def _window(workplace: Workplace, check: Check) -> Shares:
    try:
        return read_shares(workplace, check.contract, check.window)
    except (ArtefactError, InputError) as error:
        raise SourceGone(str(error)) from None


def _labelled(contract: Contract, synthetic: "pd.DataFrame", shares: Shares) -> Shares | None:
    """The rows whose target is there, or nothing where all rows are meant to be compared.

    A release in which the target is missing as well says that missing is a value of it; else a row without one is a row
    whose label has not come.
    """
    target = contract.policy.target
    if target is None or bool(synthetic[target].isna().any()):
        return None
    known = shares.table[target].notna().to_numpy()
    return None if known.all() else Shares(shares.table[known].reset_index(drop=True), shares.share[known])


def _evidence(
    check: Check, contract: Contract, synthetic: "pd.DataFrame", shares: Shares, may_be_empty: bool = False
) -> Evidence:
    parts = [shares.rows(share) for share in (TRAIN, HOLDOUT, REFERENCE)]
    if not may_be_empty and any(part.empty for part in parts):
        raise InsufficientEvidence("the window is too small to check a release on")
    modelled = [column.name for column in contract.modelled]
    units = entities_of(contract, parts)
    tables = [part[modelled] for part in parts]
    return Evidence(
        contract=contract,
        synthetic=synthetic,
        train=tables[0],
        holdout=tables[1],
        reference=tables[2],
        entities=(units[0], units[1], units[2]) if units else None,
        seed=seed_of(check.data.artefact_id, check.window.sha256),
        conditioned=tuple(name for name in check.conditioned if name in modelled),
    )


def group_of(finding: Finding) -> str | None:
    """The subgroup that lost most, by column and position of its value, where a measure of subgroups tells it."""
    if finding.metric not in SUBGROUPS:
        return None
    dropped, worst, parity = (finding.detail.get(name) for name in ("dropped", "worst", "parity"))
    if dropped:
        return str(dropped[0])
    if worst:
        return str(worst["slice"])
    return str(max(parity, key=lambda one: one["increase"])["column"]) if parity else None


def said_of(finding: Finding, gate: Literal["utility", "privacy"], look: int | None = None) -> str:
    """A failed finding in words for a person."""
    bound = "at most" if finding.direction == "at_most" else "at least"
    figure = "cannot be told" if finding.value is None else f"is {finding.value:.4g}"
    limit = "" if finding.limit is None else f", limit {bound} {finding.limit:.4g}"
    group = group_of(finding)
    if gate == "privacy":
        return f"attack succeeded: {finding.metric} {figure}{limit} (look {look})"
    return f"utility degraded: {finding.metric} {figure} on fresh rows{limit}{f'; most in {group}' if group else ''}"
