"""How well an attacker tells members from others, by the worst of a suite of attacks."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from schemas.finding import Finding, Gate, Verdict
from validators.privacy.attacks.operating_points import RATES, Flags, LowRate, accuracy, guesses, low_rate, roc
from validators.privacy.attacks.suite import Attacked, attacked
from validators.privacy.leak import Leak
from validators.privacy.membership_slices import Slice, worst_slice
from validators.protocol import Evidence
from validators.statistics import Estimate, Reals, auc_interval, generator
from validators.verdicts import hold, require

LEAST = 50
"""Units on either side in each half, below which no attack is measured."""
ERROR = 0.05
"""Chance that any bound of the suite is wrong, shared out evenly over the attacks."""
CHANCE = 1e-4
"""A low-rate finding may be luck of the threshold at most this often; a real leak is far beyond."""
LOW, LOWER = 0.01, 0.001
LEAST_OTHERS = 1_000


@dataclass(frozen=True, slots=True)
class MembershipInference:
    """``membership_accuracy``: balanced accuracy of the worst attack, each threshold chosen on the other half of the
    units; ``membership_low_fpr``: the largest share of members found at a false-alarm rate of .1 %.

    Accuracy is held by its upper bound, simultaneous over the attacks, where there are so many records that an attack
    at chance passes that with 95 % (2,165 for five attacks at .55); a subgroup fails where its lower bound exceeds the
    limit. The low rate fails where a lower bound exceeds the limit, and members and non-members of equal standing
    would show as many hits in under one of 10,000 tables. With fewer records only a lower bound above the limit fails:
    otherwise the leak gate decides alone where it sees the contract's detectable leak, and where it does not the
    verdict is INSUFFICIENT.
    """

    metric: str = "membership_accuracy"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """Two findings; raises ``InsufficientEvidence`` below 50 units of either kind in a half, or without synthetic
        rows.
        """
        require(len(evidence.synthetic), LEAST, "synthetic rows")
        require(len(evidence.train), 2 * LEAST, "training rows")
        require(len(evidence.holdout), 2 * LEAST, "held-out rows")
        seen = attacked(evidence)
        member = seen.pool.member
        half = generator(evidence.seed, "membership halves").permutation(len(member)) % 2 == 0
        for side in (half, ~half):
            require(int((side & member).sum()), LEAST, "members in each half")
            require(int((side & ~member).sum()), LEAST, "non-members in each half")
        taken = {name: guesses(score, member, half) for name, score in seen.scores.items()}
        return _accuracy(evidence, seen, taken), _low_rate(evidence, seen)


def _confidence(seen: Attacked) -> float:
    return 1 - ERROR / len(seen.scores)


def records_needed(margin: float, attacks: int) -> float:
    """Records, half of them members, for which an attack at chance has its bound within ``margin`` of it with a
    chance of 1 - .05 / attacks.
    """
    from scipy.special import ndtri

    return math.inf if margin <= 0 else (float(ndtri(1 - ERROR / attacks)) / margin) ** 2


def _records(member: Flags) -> float:
    """As many records as would say the same if half of them were members."""
    return 4 / (1 / int(member.sum()) + 1 / int((~member).sum()))


def _accuracy(evidence: Evidence, seen: Attacked, taken: Mapping[str, Flags]) -> Finding:
    member, limit = seen.pool.member, evidence.contract.policy.limit("membership_accuracy")
    by_attack = {name: accuracy(guess, member, _confidence(seen)) for name, guess in taken.items()}
    worst = max(sorted(by_attack), key=lambda name: by_attack[name].value)
    found = by_attack[worst]
    slices = worst_slice(evidence, seen.pool, taken, ERROR)
    needed, had = records_needed(limit - 0.5, len(taken)), _records(member)
    held = hold(
        evidence.contract,
        "membership_accuracy",
        "privacy",
        found.value,
        interval=found.interval,
        rule="cautious" if had >= needed else "confident",
        baseline=0.5,
        support=len(member),
        samples=_samples(evidence, seen),
        detail=_accuracy_detail(seen, by_attack, worst, slices) | {"records": had, "records_needed": _finite(needed)},
    )
    if held.verdict != "FAIL" and slices is not None and slices.found.lower > limit:
        return _decided(held, "FAIL", f"an attack tells members of a subgroup by {slices.column} apart")
    return held if had >= needed else _left_to_leak_gate(evidence, held, needed)


def _accuracy_detail(
    seen: Attacked, by_attack: Mapping[str, Estimate], worst: str, slices: Slice | None
) -> dict[str, Any]:
    member = seen.pool.member
    aucs = {name: auc_interval(score[member], score[~member]) for name, score in seen.scores.items()}
    return {
        "worst_attack": worst,
        "accuracy": {name: [found.value, found.lower, found.upper] for name, found in by_attack.items()},
        "bounds": "one-sided at 95 %, simultaneous over the attacks",
        "auc": {name: [found.value, found.lower, found.upper] for name, found in aucs.items()},
        "roc_false_alarms": list(RATES),
        "roc": {name: roc(score, member) for name, score in seen.scores.items()},
        "worst_subgroup": slices.document() if slices is not None else None,
        **_attacked_shares(seen),
    }


def _low_rate(evidence: Evidence, seen: Attacked) -> Finding:
    member = seen.pool.member
    lower, low = (_low_rates(seen.scores, member, rate, _confidence(seen)) for rate in (LOWER, LOW))
    clear = {name: item for name, item in lower.items() if item.by_chance <= CHANCE / len(lower)}
    # An attack whose hits may be the threshold's luck cannot be the one that refuses.
    worst = max(sorted(clear or lower), key=lambda name: lower[name].found.value)
    found, others = lower[worst].found, int((~member).sum())
    held = hold(
        evidence.contract,
        "membership_low_fpr",
        "privacy",
        found.value,
        interval=found.interval,
        rule="confident",
        baseline=lower[worst].rate,
        support=len(member),
        samples=_samples(evidence, seen),
        detail={
            "worst_attack": worst,
            "false_alarm_rate": lower[worst].rate,
            "at_0.1_percent": {name: _points(item) for name, item in lower.items()},
            "at_1_percent": {name: _points(item) for name, item in low.items()},
            "by_chance": {name: item.by_chance for name, item in lower.items()},
            "bounds": "one-sided at 95 %, simultaneous over the attacks",
            **_attacked_shares(seen),
        },
    )
    if held.verdict == "FAIL" and not clear:
        held = _decided(held, "PASS", "as many hits may be the luck of the threshold")
    return held if others >= LEAST_OTHERS else _left_to_leak_gate(evidence, held, 2 * LEAST_OTHERS)


def _low_rates(scores: Mapping[str, Reals], member: Flags, rate: float, confidence: float) -> dict[str, LowRate]:
    return {name: low_rate(score, member, rate, confidence) for name, score in scores.items()}


def _points(item: LowRate) -> list[float]:
    return [item.found.value, item.found.lower, item.found.upper]


def _left_to_leak_gate(evidence: Evidence, held: Finding, needed: float) -> Finding:
    """With too few records to tell, a pass is the leak gate's to give: where it can see what must be caught."""
    if held.verdict != "PASS":
        return held
    sees = all(item.verdict == "PASS" for item in Leak().measure(evidence) if item.metric == "leak_detectable_share")
    count = "more" if not math.isfinite(needed) else f"about {math.ceil(needed)}"
    few = f"{held.support} records attacked, {count} are needed to decide by"
    if sees:
        return _decided(held, "PASS", f"{few}: reported only, the leak gate decides alone")
    return _decided(
        held, "INSUFFICIENT", f"{few}, and the leak gate cannot see the leak that the contract wants caught"
    )


def _decided(held: Finding, verdict: Verdict, reason: str) -> Finding:
    return held.model_copy(update={"verdict": verdict, "reason": reason})


def _samples(evidence: Evidence, seen: Attacked) -> dict[str, int]:
    members = int(seen.pool.member.sum())
    others = len(seen.pool.member) - members
    sides = {"members": members, "non_members": others}
    return sides | {"synthetic": len(evidence.synthetic), "reference": len(evidence.reference)}


def _attacked_shares(seen: Attacked) -> dict[str, Any]:
    members = int(np.count_nonzero(seen.pool.member))
    return {
        "members_attacked": members / seen.members,
        "others_attacked": (len(seen.pool.member) - members) / seen.others,
        "rows_attacked": len(seen.pool.table),
        "unit": "row" if seen.pool.by_row else "entity",
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
