"""Both gates on three tables and a contract, without any broker: the library behind ``perennial evaluate``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from schemas.contract import Contract
from schemas.finding import Finding, Verdict, verdict_of
from schemas.table import conform
from validators.gate import Progress, run_gate
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
) -> Evaluation:
    """Findings of the schema, privacy and utility gates, always findings and never a traceback.

    ``real`` are the rows that were fitted, ``holdout`` rows that were not; all must come from one random split by the
    privacy unit. Without a ``reference``, half of the holdout's units become the attacker's. Broken real tables are
    INVALID.
    """
    parts = [_named(part) for part in (real, holdout, reference) if part is not None]
    absent = sorted({name for part in parts for name in _absent(part, contract)})
    if absent:
        return _invalid(contract, f"the real tables lack columns: {', '.join(absent[:5])}")
    units = _units(parts, contract)
    typed = [conform(part, contract).table for part in parts]
    if reference is None:
        typed, units = _with_reference(typed, units, seed)
    evidence = Evidence(
        contract=contract,
        synthetic=conform(synthetic, contract).table,
        train=typed[0],
        holdout=typed[1],
        reference=typed[2],
        seed=seed,
        entities=(units[0], units[1], units[2]) if contract.policy.privacy.unit.kind == "entity" else None,
        raw_synthetic=synthetic,
    )
    findings = run_gate("privacy", evidence, progress).findings
    if findings and findings[0].verdict != "INVALID":
        findings += run_gate("utility", evidence, progress).findings
    return Evaluation(verdict_of(findings), findings)


def _named(table: "pd.DataFrame") -> "pd.DataFrame":
    """Column names as text, the first where one is there twice."""
    named = table.set_axis([str(name) for name in table.columns], axis=1)
    return named.loc[:, ~named.columns.duplicated()]


def _absent(table: "pd.DataFrame", contract: Contract) -> list[str]:
    present = set(table.columns)
    unit = contract.policy.privacy.unit.column
    needed = [column.name for column in contract.modelled] + ([unit] if unit is not None else [])
    return [name for name in needed if name not in present]


def _invalid(contract: Contract, reason: str) -> Evaluation:
    finding = unmeasured(contract, "schema_violations", "schema", "INVALID", reason)
    return Evaluation("INVALID", (finding,))


def _units(parts: "list[pd.DataFrame]", contract: Contract) -> list[Units]:
    """The unit of each row: the entity, or the row itself; a row without an entity is one of its own."""
    import pandas as pd

    ends = np.cumsum([len(part) for part in parts])
    own = np.arange(int(ends[-1]), dtype=np.int64)
    column = contract.policy.privacy.unit.column
    if column is not None:
        named = pd.concat([part[column].astype(object) for part in parts], ignore_index=True)
        codes, found = pd.factorize(named.astype(str).mask(named.isna()))
        own = np.where(codes >= 0, codes, len(found) + own).astype(np.int64)
    return list(np.split(own, ends[:-1]))


def _with_reference(
    typed: "list[pd.DataFrame]", units: list[Units], seed: int
) -> "tuple[list[pd.DataFrame], list[Units]]":
    """Half of the holdout's units, drawn by seed, become the attacker's reference."""
    holdout, unit = typed[1], units[1]
    distinct = np.unique(unit)
    taken = np.isin(unit, generator(seed, "reference").permutation(distinct)[: len(distinct) // 2])
    tables = [typed[0], holdout[~taken].reset_index(drop=True), holdout[taken].reset_index(drop=True)]
    return tables, [units[0], unit[~taken], unit[taken]]
