"""All gates on three tables and a contract, without any broker: the library behind ``perennial evaluate``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from schemas.contract import Contract
from schemas.errors import ContractError
from schemas.factorized import factorized
from schemas.finding import Finding, Verdict, verdict_of
from schemas.table import conform
from validators.gate import Progress, run_gates
from validators.protocol import Evidence
from validators.statistics import generator
from validators.verdicts import unmeasured

if TYPE_CHECKING:
    import pandas as pd

Units = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The worst verdict and all findings."""

    verdict: Verdict
    findings: tuple[Finding, ...]

    def document(self) -> dict[str, Any]:
        """The JSON value that the command line prints; a field without a value is null."""
        return {"verdict": self.verdict, "findings": [finding.model_dump(mode="json") for finding in self.findings]}


def evaluate(
    real: "pd.DataFrame",
    holdout: "pd.DataFrame",
    synthetic: "pd.DataFrame",
    contract: Contract,
    seed: int = 0,
    reference: "pd.DataFrame | None" = None,
    progress: Progress | None = None,
    related: "Mapping[str, pd.DataFrame] | None" = None,
) -> Evaluation:
    """Findings of the schema, policy, privacy and utility gates, always findings and never a traceback.

    Takes what ``evidence_of`` takes. Real tables that lack columns are INVALID.
    """
    try:
        evidence = evidence_of(real, holdout, synthetic, contract, seed, reference, related)
    except ContractError as error:
        finding = unmeasured(contract, "schema_violations", "schema", "INVALID", str(error))
        return Evaluation("INVALID", (finding,))
    return judged(evidence, progress)


def judged(evidence: Evidence, progress: Progress | None = None) -> Evaluation:
    """What all gates say of the evidence."""
    findings = tuple(finding for report in run_gates(evidence, progress) for finding in report.findings)
    return Evaluation(verdict_of(findings), findings)


def evidence_of(
    real: "pd.DataFrame",
    holdout: "pd.DataFrame",
    synthetic: "pd.DataFrame",
    contract: Contract,
    seed: int = 0,
    reference: "pd.DataFrame | None" = None,
    related: "Mapping[str, pd.DataFrame] | None" = None,
) -> Evidence:
    """Tables as people have them, as the gates want them.

    ``real`` are the rows that were fitted, ``holdout`` rows that were not; all must come from one random split by the
    privacy unit. Of the holdout's units a quarter become the gates' controls, and without a ``reference`` another
    quarter the attacker's. ``related`` are other released tables by name, for references to them. Raises
    ``ContractError`` where real tables lack columns.
    """
    parts = [_named(part) for part in (real, holdout, reference) if part is not None]
    absent = sorted({name for part in parts for name in _absent(part, contract)})
    if absent:
        raise ContractError(f"the real tables lack columns: {', '.join(absent[:5])}")
    units = _units(parts, contract)
    typed = [conform(part, contract).table for part in parts]
    given = [(typed[2], units[2])] if reference is not None else []
    held, *others = _shared_out(typed[1], units[1], (2, 1) if reference is None else (3,), seed)
    sides = [(typed[0], units[0]), held, *given, *others]
    by_entity = contract.policy.privacy.unit.kind == "entity"
    return Evidence(
        contract=contract,
        synthetic=conform(synthetic, contract).table,
        train=sides[0][0],
        holdout=sides[1][0],
        reference=sides[2][0],
        spare=sides[3][0],
        seed=seed,
        entities=(sides[0][1], sides[1][1], sides[2][1]) if by_entity else None,
        spare_entities=sides[3][1] if by_entity else None,
        raw_synthetic=synthetic,
        conditioned=contract.policy.generation.balanced,
        related=dict(related or {}),
    )


def _named(table: "pd.DataFrame") -> "pd.DataFrame":
    """Column names as text, the first where one is there twice."""
    named = table.set_axis([str(name) for name in table.columns], axis=1)
    return named.loc[:, ~named.columns.duplicated()]


def _absent(table: "pd.DataFrame", contract: Contract) -> list[str]:
    present = set(table.columns)
    unit = contract.policy.privacy.unit.column
    needed = [column.name for column in contract.modelled] + ([unit] if unit is not None else [])
    return [name for name in needed if name not in present]


def _units(parts: "list[pd.DataFrame]", contract: Contract) -> list[Units]:
    """The unit of each row: the entity, or the row itself; a row without an entity is one of its own."""
    import pandas as pd

    ends = np.cumsum([len(part) for part in parts])
    own = np.arange(int(ends[-1]), dtype=np.int64)
    column = contract.policy.privacy.unit.column
    if column is not None:
        named = pd.concat([part[column].astype(object) for part in parts], ignore_index=True)
        codes, found = factorized(named.astype(str).mask(named.isna()))
        own = np.where(codes >= 0, codes, len(found) + own).astype(np.int64)
    return list(np.split(own, ends[:-1]))


def _shared_out(
    table: "pd.DataFrame", unit: Units, quarters: tuple[int, ...], seed: int
) -> "list[tuple[pd.DataFrame, Units]]":
    """The table's units drawn by seed: so many quarters to each part, and what is left to one more at the end."""
    distinct = np.unique(unit)
    order = generator(seed, "holdout shares").permutation(distinct)
    ends = [round(len(distinct) * share / 4) for share in np.cumsum(quarters)]
    taken = [np.isin(unit, drawn) for drawn in np.split(order, ends)]
    return [(table[flags].reset_index(drop=True), unit[flags]) for flags in taken]
