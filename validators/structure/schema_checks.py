"""Whether the synthetic table keeps its contract: columns, types, zones, domains, keys, constraints, dependencies."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from schemas.finding import Finding, Gate
from schemas.table import conform, zone_violations
from validators.protocol import Evidence
from validators.verdicts import hold, require, unmeasured


@dataclass(frozen=True, slots=True)
class SchemaViolations:
    """Cells and rows of the synthetic table that break the contract, all kinds together.

    Looks at the table before it was typed where that is given: infinities, times in a doubtful zone and further columns
    of one name are seen only there. A column that is missing makes the finding INVALID; one
    that must not be released (an identifier, an entity, whatever is neither modelled nor free text) counts as a
    violation.
    """

    metric: str = "schema_violations"
    gate: Gate = "schema"
    looks_at: Literal["synthetic", "members"] = "synthetic"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` on an empty table."""
        table = evidence.synthetic if evidence.raw_synthetic is None else evidence.raw_synthetic
        contract = evidence.contract
        found = conform(table, contract).violations + zone_violations(table, contract)
        absent = sorted(violation.column for violation in found if violation.kind == "missing_column")
        if absent:
            return (
                unmeasured(
                    contract, self.metric, self.gate, "INVALID", f"the table lacks columns: {', '.join(absent)}"
                ),
            )
        require(len(table), 1, "synthetic rows")
        released = sorted({str(name) for name in table.columns} - {column.name for column in contract.released})
        known = [name for name in released if name in contract.names]
        kinds: Counter[str] = Counter()
        for violation in found:
            kinds[violation.kind] += violation.count
        if released:
            kinds["not_released"] = len(released)
        reasons = [f"{violation.column}: {violation.count} {violation.message}" for violation in found[:5]]
        reasons += [f"{name} must not be released" for name in known] + [
            "the table has columns that the contract does not know"
        ] * (known != released)
        return (
            hold(
                contract,
                self.metric,
                self.gate,
                float(sum(kinds.values())),
                support=len(table),
                reason="; ".join(reasons) or None,
                detail={"kinds": dict(kinds), "columns": sorted({item.column for item in found} | set(known))},
            ),
        )
