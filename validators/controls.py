"""Controls that run with every certificate: copies and leaks that must be refused, fresh real rows that must not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from schemas.errors import InsufficientEvidence
from schemas.finding import Finding, Gate, Verdict
from validators.distances.index import index
from validators.privacy.leak import rate, tested
from validators.privacy.matches import matches
from validators.privacy.planted import LEAKS, Planted, planted, smaller
from validators.privacy.rankings import Rankings, Real, ranked, rankings, real_of
from validators.protocol import Evidence
from validators.statistics import Reals
from validators.verdicts import hold

if TYPE_CHECKING:
    import pandas as pd

FRESH_ALPHA = 0.001
"""Rate at which the fresh control alone may call a certificate invalid: below the leak gate's own, which errs by
design and would throw away as many honest certificates."""
OTHER_GATES = ("neighbour_risk", "membership_accuracy")
Outcome = Literal["refused", "passed", "undecided"]


@dataclass(frozen=True, slots=True)
class Controls:
    """Number of controls that came out wrong, which must be 0.

    Each goes through the leak gate: an exact copy, leaks of .5, 2 and 10 %, a copy with noise on its numbers, fresh
    real rows; copy and fresh rows also through the neighbours' and the membership measure, there on at most 2,000 rows
    a side. INVALID where a copy passes a gate or fresh rows are refused (at a rate of .001 in the leak gate);
    INSUFFICIENT where none of the leaks up to the contract's ``leak_detectable_share`` is detected. They rest on real
    tables, size, attempt and seed alone, so the second candidate of a snapshot gets them for nothing.
    """

    metric: str = "controls"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` without train rows or fresh ones."""
        made = planted(evidence)
        p_values = _p_values(evidence, made)
        alpha = rate(evidence)
        others = _other_gates(evidence, made)
        wrong = _wrong(p_values, others, alpha)
        detected = [share for share in LEAKS if p_values[_leak(share)] <= alpha]
        wanted = max(evidence.contract.policy.limit("leak_detectable_share"), LEAKS[0])
        held = hold(
            evidence.contract,
            self.metric,
            self.gate,
            float(len(wrong)),
            support=made.rows,
            samples={"copy": len(made.copied), "fresh": len(made.fresh), "synthetic": len(evidence.synthetic)},
            detail={
                "wrong": wrong,
                "p_values": p_values,
                "leak_gate_rate": alpha,
                "fresh_rate": FRESH_ALPHA,
                "copied_rows_in_leaks": {_leak(share): made.copies(share) for share in LEAKS},
                "smallest_leak_detected": min(detected, default=None),
                "other_gates": others,
            },
        )
        if wrong:
            return (_decided(held, "INVALID", f"controls that came out wrong: {', '.join(wrong)}"),)
        if held.verdict == "PASS" and min(detected, default=1.0) > wanted:
            reason = "no planted leak up to the share that the contract wants caught was detected at this size"
            return (_decided(held, "INSUFFICIENT", reason),)
        return (held,)


def _leak(share: float) -> str:
    return f"leak of {share:.1%}"


def _decided(held: Finding, verdict: Verdict, reason: str) -> Finding:
    return held.model_copy(update={"verdict": verdict, "reason": reason})


def _wrong(p_values: Mapping[str, float], others: Mapping[str, Mapping[str, Outcome]], alpha: float) -> list[str]:
    wrong = [f"{name} passed the leak gate" for name in ("copy", "noisy copy") if p_values[name] > alpha]
    wrong += ["fresh rows were refused by the leak gate"] if p_values["fresh"] <= min(alpha, FRESH_ALPHA) else []
    wrong += [f"copy passed {metric}" for metric, found in others.items() if found["copy"] == "passed"]
    return wrong + [
        f"fresh rows were refused by {name}" for name, found in others.items() if found["fresh"] == "refused"
    ]


def _p_values(evidence: Evidence, made: Planted) -> dict[str, float]:
    """The leak gate's p-value of each control at this attempt's rate."""
    alpha, seed = rate(evidence), evidence.seed

    def compute() -> dict[str, float]:
        real, ranks = _rankings(evidence, made)
        return {name: tested(real, found, alpha, seed).p_value for name, found in ranks.items()}

    return evidence.memo.of(("controls p", alpha, seed), (made,), compute)


def _rankings(evidence: Evidence, made: Planted) -> tuple[Real, dict[str, Rankings]]:
    def compute() -> tuple[Real, dict[str, Rankings]]:
        real = real_of(made.evidence)
        tables = {"copy": made.copied, "noisy copy": made.noisy}
        found = {name: rankings(real, table, evidence.seed) for name, table in tables.items()}
        return real, found | _leaks(made, real)

    return evidence.memo.of(("controls", evidence.seed), (made,), compute)


def _leaks(made: Planted, real: Real) -> dict[str, Rankings]:
    """Fresh rows and the leaks: distances to the parts that they are made of are measured once for all."""
    import pandas as pd

    fresh_ends = [*(made.kept(share) for share in sorted(LEAKS, reverse=True)), len(made.fresh)]
    copied_ends = [made.copies(share) for share in LEAKS]
    to_fresh, to_copied = (
        _cumulative(real, table, ends) for table, ends in ((made.fresh, fresh_ends), (made.copied, copied_ends))
    )
    found = {"fresh": ranked(real, matches(real.keys, made.fresh), to_fresh[len(made.fresh)], len(made.fresh))}
    for share in LEAKS:
        kept, copies = made.kept(share), made.copies(share)
        table = pd.concat([made.fresh.iloc[:kept], made.copied.iloc[:copies]], ignore_index=True)
        nearest = np.minimum(to_fresh[kept], to_copied[copies])
        found[_leak(share)] = ranked(real, matches(real.keys, table), nearest, len(table))
    return found


def _cumulative(real: Real, table: "pd.DataFrame", ends: list[int]) -> dict[int, Reals]:
    """For each end, the distance of the pool's rows to the nearest of the table's first rows up to it."""
    best, start, found = np.full(len(real.rows), np.inf), 0, dict[int, Reals]()
    rows = real.scale.points(table)
    for end in sorted(ends):
        if end > start:
            best = np.minimum(best, index(rows.take(slice(start, end))).search(real.near).distance[:, 0])
        found[end], start = best, end
    return found


def _other_gates(evidence: Evidence, made: Planted) -> dict[str, dict[str, Outcome]]:
    from validators.registry import VALIDATORS

    def compute() -> dict[str, dict[str, Outcome]]:
        few, copy, fresh = smaller(made)
        return {
            validator.metric: {
                name: _outcome(validator.measure, replace(few, synthetic=table))
                for name, table in (("copy", copy), ("fresh", fresh))
            }
            for validator in VALIDATORS
            if validator.metric in OTHER_GATES
        }

    return evidence.memo.of(("controls of other gates", evidence.seed), (made,), compute)


def _outcome(measure: Any, evidence: Evidence) -> Outcome:
    """``refused`` where a finding fails, ``passed`` where all pass, else ``undecided``."""
    try:
        found = [finding.verdict for finding in measure(evidence)]
    except InsufficientEvidence:
        return "undecided"
    return "refused" if "FAIL" in found else "passed" if set(found) == {"PASS"} else "undecided"
