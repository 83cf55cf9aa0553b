"""Whether a contract says what its releases are for: rules of use as a table that an auditor can read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from schemas.contract import Contract
from schemas.finding import Finding, Gate
from schemas.usage import Usage
from validators.protocol import Evidence
from validators.verdicts import hold

INSIDE: Final = "internal"
"""The one tier that leaves nobody's hands."""
_NOTHING: Final = Usage()


@dataclass(frozen=True, slots=True)
class Rule:
    """A contract for which ``breached`` holds does not say enough, or too much; ``message`` says what is wanted."""

    name: str
    breached: Callable[[Contract], bool]
    message: str


def _usage(contract: Contract) -> Usage:
    return contract.policy.usage or _NOTHING


def _leaves(contract: Contract) -> bool:
    return contract.policy.tier.name != INSIDE


def _delicate(contract: Contract) -> bool:
    usage = _usage(contract)
    return usage.classification == "restricted" or usage.risk == "high"


def _unproven_public(contract: Contract) -> bool:
    return _usage(contract).classification == "public" and contract.policy.privacy.claim != "formal"


def _lacks(contract: Contract, *approvals: str) -> bool:
    return not set(approvals) <= set(contract.policy.tier.approvals)


def _outlives(contract: Contract) -> bool:
    retention = _usage(contract).retention_days
    return retention is not None and contract.policy.tier.valid_days > retention


def _contradicts(contract: Contract) -> bool:
    usage = _usage(contract)
    return bool({use.casefold() for use in usage.intended_uses} & {use.casefold() for use in usage.prohibited_uses})


def _loosens(contract: Contract) -> bool:
    return _leaves(contract) and bool(contract.policy.loosened) and _lacks(contract, "privacy_officer")


RULES: Final[tuple[Rule, ...]] = (
    Rule("purpose", lambda c: _leaves(c) and not _usage(c).purpose, "a tier that leaves the house needs a purpose"),
    Rule(
        "intended_uses",
        lambda c: _leaves(c) and not _usage(c).intended_uses,
        "a tier that leaves the house needs an intended use",
    ),
    Rule(
        "consumers",
        lambda c: _leaves(c) and not _usage(c).consumers,
        "a tier that leaves the house names its consumers",
    ),
    Rule(
        "retention",
        lambda c: _leaves(c) and _usage(c).retention_days is None,
        "a tier that leaves the house needs retention_days",
    ),
    Rule(
        "classification",
        lambda c: _leaves(c) and _usage(c).classification is None,
        "a tier that leaves the house needs a classification",
    ),
    Rule(
        "jurisdictions",
        lambda c: _leaves(c) and not _usage(c).jurisdictions,
        "a tier that leaves the house lists the jurisdictions where it may be held",
    ),
    Rule(
        "approval_of_delicate",
        lambda c: _delicate(c) and _lacks(c, "privacy_officer"),
        "restricted or high-risk data needs the approval of the privacy officer",
    ),
    Rule(
        "public_without_proof",
        lambda c: _unproven_public(c) and _lacks(c, "privacy_officer", "legal"),
        "public data needs a formal claim, or the approvals of the privacy officer and of legal",
    ),
    Rule("validity", _outlives, "a release must not be valid for longer than it may be kept"),
    Rule("contradiction", _contradicts, "a use is both intended and prohibited"),
    Rule(
        "loosened_limits",
        _loosens,
        "limits looser than the defaults need the approval of the privacy officer where a release leaves the house",
    ),
)
"""All rules, in the order in which breaches are told."""


@dataclass(frozen=True, slots=True)
class PolicyBreaches:
    """Rules of use that the contract breaks; looks at the contract and at no row.

    ``detail`` has the rules broken, the approvals stated and needed, the limits set looser than the defaults, and
    the usage as stated.
    """

    metric: str = "policy_breaches"
    gate: Gate = "policy"
    looks_at: Literal["synthetic", "members"] = "synthetic"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        contract = evidence.contract
        broken = [rule for rule in RULES if rule.breached(contract)]
        return (
            hold(
                contract,
                self.metric,
                self.gate,
                float(len(broken)),
                support=len(RULES),
                reason="; ".join(rule.message for rule in broken) or None,
                detail={
                    "breached": [rule.name for rule in broken],
                    "tier": contract.policy.tier.name,
                    "approvals_stated": list(contract.policy.tier.approvals),
                    "approvals_needed": list(approvals_needed(contract)),
                    "loosened": list(contract.policy.loosened),
                    "usage": _usage(contract).document(),
                },
            ),
        )


def approvals_needed(contract: Contract) -> tuple[str, ...]:
    """Whose signatures a release needs: those of its tier, and those that its usage asks for."""
    officer = _delicate(contract) or _unproven_public(contract) or (_leaves(contract) and contract.policy.loosened)
    needed = set(contract.policy.tier.approvals) | ({"privacy_officer"} if officer else set())
    return tuple(sorted(needed | ({"legal"} if _unproven_public(contract) else set())))
