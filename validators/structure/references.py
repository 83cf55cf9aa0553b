"""Whether what rows refer to exists: orphans of every reference of the contract, and how children spread on parents."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from schemas.cells import typed
from schemas.finding import Finding, Gate
from schemas.relations import Reference
from validators.protocol import Evidence
from validators.verdicts import hold, require, unmeasured

if TYPE_CHECKING:
    import pandas as pd

_LEVELS = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True, slots=True)
class ReferenceViolations:
    """Present cells of a referring column whose value is no key of the parent table, over all references.

    The parent is the synthetic table itself or the released table of that name in ``related``; where that or its key is
    missing the finding is INVALID. ``detail`` has, per reference, orphans, parents, childless parents, repeated keys
    and quantiles (0, 25, 50, 75, 95, 100 %) of children per referenced parent, synthetic and real. No finding where the
    contract states no reference.
    """

    metric: str = "reference_violations"
    gate: Gate = "schema"
    looks_at: Literal["synthetic", "members"] = "synthetic"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or none; raises ``InsufficientEvidence`` on an empty table."""
        references = evidence.contract.policy.references
        if not references:
            return ()
        if lacking := sorted({fault for item in references if (fault := _lacking(evidence, item))}):
            reason = "; ".join(lacking[:5])
            return (unmeasured(evidence.contract, self.metric, self.gate, "INVALID", reason),)
        require(len(evidence.synthetic), 1, "synthetic rows")
        judged = [_judged(evidence, item) for item in references]
        broken = [f"{item['column']}: {item['orphans']} orphans" for item in judged if item["orphans"]]
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                float(sum(item["orphans"] for item in judged)),
                support=len(evidence.synthetic),
                samples={"synthetic": len(evidence.synthetic)},
                reason="; ".join(broken[:5]) or None,
                detail={"references": judged},
            ),
        )


def _lacking(evidence: Evidence, reference: Reference) -> str | None:
    if reference.table is None:
        return None
    if reference.table not in evidence.related:
        return f"the table {reference.table} that {reference.column} refers to is not at hand"
    if reference.key not in map(str, evidence.related[reference.table].columns):
        return f"the table {reference.table} has no column {reference.key}"
    return None


def _judged(evidence: Evidence, reference: Reference) -> dict[str, Any]:
    children = evidence.synthetic[reference.column].dropna()
    parents = _parents(evidence, reference).dropna()
    keys = parents.drop_duplicates()
    known = children.isin(keys)
    return {
        "column": reference.column,
        "table": reference.table,
        "key": reference.key,
        "orphans": int((~known).sum()),
        "referring": len(children),
        "parents": len(keys),
        "repeated_keys": len(parents) - len(keys),
        "childless": len(keys) - int(children[known].nunique()),
        "children": _spread(children[known]),
        "children_real": _spread(evidence.train[reference.column].dropna()),
    }


def _parents(evidence: Evidence, reference: Reference) -> "pd.Series[Any]":
    """The keys, typed as the column that refers to them."""
    kind = evidence.contract.column(reference.column).type
    table = evidence.synthetic if reference.table is None else evidence.related[reference.table]
    place = [str(name) for name in table.columns].index(reference.key)
    return typed(table.iloc[:, place], kind)[0]


def _spread(children: "pd.Series[Any]") -> list[float]:
    counts = children.value_counts().to_numpy(dtype="float64")
    return [float(level) for level in np.quantile(counts, _LEVELS)] if len(counts) else []
