"""Rules of use: a full contract passes, and each thing left out is named; rows have no say."""

from typing import Any

import pytest

from schemas.contract import Privacy, Tier
from schemas.finding import Finding
from schemas.usage import Usage
from tests.unit.validators.population import contract, evidence
from validators.structure.policy_checks import RULES, PolicyBreaches, approvals_needed

FULL = {
    "purpose": "Tests of a report.",
    "intended_uses": ("software tests",),
    "prohibited_uses": ("decisions about people",),
    "classification": "confidential",
    "retention_days": 365,
    "consumers": ("reporting",),
    "jurisdictions": ("EU",),
}
EMPIRICAL, FORMAL = Privacy(claim="empirical", scope="test"), Privacy(claim="formal", scope="test")


def judged(usage: dict[str, Any] | None, tier: Tier | None = None, **policy: Any) -> Finding:
    stated = contract(usage=None if usage is None else Usage(**usage), tier=tier or Tier(name="partner"), **policy)
    source = evidence((20, 20, 10, 20), contract=stated)
    (found,) = PolicyBreaches().measure(source)
    assert found.support == len(RULES)
    return found


def test_a_full_contract_passes_and_an_internal_one_needs_nothing() -> None:
    assert judged(FULL).verdict == "PASS"
    assert judged(None, Tier(name="internal")).verdict == "PASS"
    assert judged(FULL).detail["usage"]["retention_days"] == 365


@pytest.mark.parametrize(
    ("left_out", "rule"),
    [
        ("purpose", "purpose"),
        ("intended_uses", "intended_uses"),
        ("consumers", "consumers"),
        ("retention_days", "retention"),
        ("classification", "classification"),
        ("jurisdictions", "jurisdictions"),
    ],
)
def test_what_an_external_tier_leaves_out_is_named(left_out: str, rule: str) -> None:
    found = judged({name: value for name, value in FULL.items() if name != left_out})
    assert (found.verdict, found.value, found.detail["breached"]) == ("FAIL", 1.0, [rule])


def test_delicate_data_needs_the_privacy_officer_inside_too() -> None:
    for change in ({"classification": "restricted"}, {"risk": "high"}):
        bare, signed = Tier(), Tier(approvals=("privacy_officer",))
        found = judged(FULL | change, bare)
        assert found.detail["breached"] == ["approval_of_delicate"]
        assert found.detail["approvals_needed"] == ["privacy_officer"]
        assert judged(FULL | change, signed).verdict == "PASS"


def test_public_data_needs_a_proof_or_two_signatures() -> None:
    public = FULL | {"classification": "public"}
    both = Tier(name="open", approvals=("privacy_officer", "legal"))
    assert judged(public, privacy=FORMAL).verdict == "PASS"
    assert judged(public, privacy=EMPIRICAL).detail["breached"] == ["public_without_proof"]
    assert judged(public, both, privacy=EMPIRICAL).verdict == "PASS"


def test_validity_contradiction_and_loosened_limits() -> None:
    assert judged(FULL | {"retention_days": 89}).detail["breached"] == ["validity"]
    assert judged(FULL | {"retention_days": 90}).verdict == "PASS"
    same = {"intended_uses": ("Resale",), "prohibited_uses": ("resale",)}
    assert judged(FULL | same).detail["breached"] == ["contradiction"]
    loosened = {"detection_auc": 0.99}
    assert judged(FULL, limits=loosened).detail["breached"] == ["loosened_limits"]
    signed = judged(FULL, Tier(name="partner", approvals=("privacy_officer",)), limits=loosened)
    assert (signed.verdict, signed.detail["loosened"]) == ("PASS", ["detection_auc"])
    assert judged(None, Tier(), limits=loosened).detail["loosened"] == ["detection_auc"]


def test_rules_are_named_once_and_approvals_needed_end_a_breach() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    for change in ({"classification": "public"}, {"risk": "high"}, {"classification": "restricted"}):
        tier = Tier(name="partner")
        usage = Usage(**(FULL | change))
        needed = approvals_needed(contract(usage=usage, tier=tier, privacy=EMPIRICAL))
        assert judged(FULL | change, Tier(name="partner", approvals=needed), privacy=EMPIRICAL).verdict == "PASS"
