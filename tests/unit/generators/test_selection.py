"""Choices rest on public facts under a formal claim, and always say why."""

import pytest

from generators.profile import ColumnProfile, Profile
from generators.registry import FAMILIES, family
from generators.selection import Choice, choose, climb
from schemas.contract import Categories, Column, Contract, Policy, Privacy
from schemas.errors import InputError, MissingExtra
from schemas.regeneration import Regeneration

ALL = tuple(FAMILIES)
HONEST = tuple(name for name in ALL if not FAMILIES[name].control)
NUMBERS = Profile(rows=500, columns=(ColumnProfile(name="a", missing=0.0, distinct=400, quantiles=(0.0,) * 5),))


def contract(claim: str = "formal", **regeneration: object) -> Contract:
    columns = (Column(name="a", type="string", domain=Categories(values=("x",), confirmed=True)),)
    policy = Policy(privacy=Privacy(scope="test", claim=claim), regeneration=Regeneration(**regeneration))  # type: ignore[arg-type]
    return Contract(dataset="test", columns=columns, policy=policy)


def test_a_formal_claim_is_answered_by_a_formal_family_whatever_the_profile_says() -> None:
    chosen = choose(contract(), 500, ALL, profile=NUMBERS)
    assert chosen.family == "dp-marginals"
    assert "formal" in chosen.why
    assert chosen == choose(contract(), 500, ALL)


def test_an_empirical_claim_may_look_at_the_profile() -> None:
    assert choose(contract("empirical"), 500, ALL, profile=NUMBERS).family == "gaussian-copula"
    assert choose(contract("empirical"), 50_000, ALL, profile=NUMBERS).family == "dp-marginals"
    assert choose(contract("empirical"), 500, ("dp-marginals",), profile=NUMBERS).family == "dp-marginals"


def test_the_ladder_comes_first_and_what_was_tried_last_is_skipped() -> None:
    laddered = contract("empirical", ladder=("gaussian-copula", "dp-marginals"))
    assert choose(laddered, 500, ALL).family == "gaussian-copula"
    assert choose(laddered, 500, ALL, tried=("gaussian-copula",)).family == "dp-marginals"
    with pytest.raises(InputError):
        choose(laddered, 500, ALL, tried=HONEST)


@pytest.mark.parametrize("claim", ["formal", "empirical"])
def test_controls_are_never_chosen_only_asked_for_where_allowed(claim: str) -> None:
    assert not FAMILIES[
        choose(contract(claim, ladder=("leaking-control",), allow_control_families=True), 9, ALL).family
    ].control
    with pytest.raises(InputError, match="allow_control_families"):
        choose(contract(claim), 9, ALL, requested="leaking-control")
    assert (
        choose(contract(claim, allow_control_families=True), 9, ALL, requested="leaking-control").family
        == "leaking-control"
    )


def test_requests_that_cannot_be_met_say_why() -> None:
    with pytest.raises(InputError, match="dp-marginals"):
        choose(contract(), 9, ALL, requested="unheard-of")
    with pytest.raises(InputError, match="formal"):
        choose(contract(), 9, ALL, requested="gaussian-copula")
    with pytest.raises(MissingExtra, match=r"perennial\[sdv\]"):
        choose(contract("empirical"), 9, ("dp-marginals",), requested="gaussian-copula")


def test_the_climb_ends_and_never_repeats_itself() -> None:
    for pinned in (contract(max_attempts=10), contract("empirical", max_attempts=10), contract(max_attempts=2)):
        tried = [choose(pinned, 9, ALL)]
        while (following := climb(pinned, ALL, tried, ("detection_auc",))) is not None:
            assert (following.family, following.parameters) not in [
                (choice.family, choice.parameters) for choice in tried
            ]
            assert "detection_auc" in following.why
            assert not FAMILIES[following.family].control
            tried.append(following)
        assert 1 < len(tried) <= pinned.policy.regeneration.max_attempts


def test_after_a_control_was_refused_the_honest_family_follows() -> None:
    following = climb(contract(), ALL, [Choice("leaking-control", "asked for")], ("copied_rows",))
    assert following is not None
    assert following.family == "dp-marginals"
    assert not following.parameters


def test_the_registry_agrees_with_its_families() -> None:
    for name, entry in FAMILIES.items():
        found = family(name)
        assert (found.name, found.formal, found.control, found.extra) == (
            name,
            entry.formal,
            entry.control,
            entry.extra,
        )


def test_a_family_without_its_extra_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generators.registry.EXTRAS", {"sdv": ("no_such_module_here",)})
    with pytest.raises(MissingExtra, match="sdv"):
        family("gaussian-copula")
