"""Choices rest on public facts under a formal claim, and always say why."""

import pytest

from generators.registry import FAMILIES, Entry, family
from generators.selection import Choice, choose, climb, select
from generators.suitability import BY_NAME, DEEP, FORMAL, ORDERED, USUAL
from schemas.contract import Categories, Column, Contract, Policy, Privacy, Range
from schemas.errors import ContractError, InputError, MissingExtra
from schemas.generation import Generation
from schemas.profile import ColumnProfile, Profile
from schemas.regeneration import Regeneration
from schemas.relations import Reference, Sequence

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


@pytest.fixture
def all_families(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Every name that the order of choice knows, registered or not."""
    for name in (*FORMAL, *USUAL, *DEEP, *ORDERED, *BY_NAME):
        if name not in FAMILIES:
            needs = {"par": ("sequence",), "hma": ("references",)}.get(name, ())
            monkeypatch.setitem(FAMILIES, name, Entry("nowhere", formal=name in FORMAL, needs=needs))  # type: ignore[arg-type]
    return tuple(FAMILIES)


def numbers(**generation: object) -> Contract:
    columns = tuple(
        Column(name=name, type="number", domain=Range(lower=0, upper=9, resolution=0.1, confirmed=True))
        for name in "ab"
    )
    policy = Policy(
        privacy=Privacy(scope="test", claim="empirical"),
        generation=Generation(**generation),  # type: ignore[arg-type]
    )
    return Contract(dataset="test", columns=columns, policy=policy)


def test_few_numbers_are_for_a_copula_and_the_rest_for_trees(all_families: tuple[str, ...]) -> None:
    assert choose(contract("empirical"), 500, all_families, profile=NUMBERS).family == "gaussian-copula"
    assert choose(numbers(), 500, all_families).family == "gaussian-copula"
    assert choose(numbers(), 5_000, all_families).family == "trees"
    assert choose(contract("empirical"), 500, all_families).family == "trees"
    assert choose(contract("empirical"), 500, ("dp-marginals", "vae")).family == "vae"
    assert choose(contract("empirical"), 500, ("dp-marginals",)).family == "dp-marginals"


def test_slow_deep_families_need_very_high_fidelity_and_many_rows(all_families: tuple[str, ...]) -> None:
    assert choose(numbers(fidelity="very_high"), 200_000, all_families).family == "diffusion"
    for rows, fidelity in ((20_000, "very_high"), (200_000, "standard")):
        plan = select(None, numbers(fidelity=fidelity), rows, all_families)
        refused = {item.family: item.reason for item in plan.alternatives if item.verdict == "refused"}
        assert {"diffusion", "ctgan", "torch-ctgan", "copulagan"} <= set(refused)
        assert "very high fidelity" in refused["diffusion"]


def test_every_family_has_a_verdict_and_a_reason(all_families: tuple[str, ...]) -> None:
    for pinned in (contract(), contract("empirical"), contract("empirical", ladder=("diffusion", "trees"))):
        plan = select(None, pinned, 5_000, all_families)
        assert {item.family for item in plan.alternatives} == set(all_families)
        assert all(item.reason for item in plan.alternatives)
        (chosen,) = (item for item in plan.alternatives if item.verdict == "chosen")
        assert plan.choice is not None
        assert plan.choice.family == chosen.family
        refused = {item.family for item in plan.alternatives if item.verdict == "refused"}
        assert {"rules", "hma", "leaking-control"} <= refused


def test_sequences_have_families_of_their_own(all_families: tuple[str, ...]) -> None:
    def orders(name: str) -> bool:
        return name in {item.family for item in plan.alternatives if item.verdict != "refused"}

    base = numbers()
    sequenced = base.model_copy(
        update={
            "policy": base.policy.model_copy(
                update={
                    "sequence": Sequence(entity="a", time="b"),
                    "references": (Reference(column="a", table="cards", key="card"),),
                }
            )
        }
    )
    plan = select(None, sequenced, 5_000, all_families)
    assert orders("par")
    assert orders("agents")
    plan = select(None, base, 5_000, all_families)
    assert not orders("par")
    assert not orders("agents")


def test_the_profile_never_decides_under_a_formal_claim(all_families: tuple[str, ...]) -> None:
    unrelated = Profile(
        rows=9_000, columns=(ColumnProfile(name="a", missing=0.0, distinct=4, dependence=0.0, quantiles=(0.0,) * 5),)
    )
    assert select(unrelated, contract(), 5_000, all_families) == select(None, contract(), 5_000, all_families)
    refused = select(unrelated, contract("empirical"), 5_000, all_families)
    assert refused.choice is None
    assert "no usable relation" in refused.refusals[0]


def test_when_not_to_synthesise() -> None:
    with pytest.raises(InputError, match="too few rows: a holdout would have 20"):
        choose(contract(), 100, ALL)
    with pytest.raises(InputError, match="exact records"):
        choose(numbers(exact_records=True), 5_000, ALL)
    with pytest.raises(InputError, match="exact records"):
        choose(numbers(exact_records=True), 5_000, ALL, requested="dp-marginals")
    assert choose(contract(), 0, ALL).family == "dp-marginals"
    with pytest.raises(ContractError, match="smaller delta"):
        choose(contract(), 200_000, ALL)


def test_the_ladder_comes_first_and_what_was_tried_last_is_skipped() -> None:
    laddered = contract("empirical", ladder=("gaussian-copula", "dp-marginals"))
    assert choose(laddered, 500, ALL).family == "gaussian-copula"
    assert choose(laddered, 500, ALL, tried=("gaussian-copula",)).family == "dp-marginals"
    with pytest.raises(InputError):
        choose(laddered, 500, ALL, tried=HONEST)


def test_trees_take_larger_leaves_where_a_privacy_gate_refused(all_families: tuple[str, ...]) -> None:
    tried = [choose(contract("empirical"), 9_000, all_families)]
    assert tried[0].family == "trees"
    larger = climb(contract("empirical"), all_families, tried, ("copied_rows",), 9_000)
    assert larger is not None
    assert (larger.family, larger.parameters) == ("trees", {"leaf": 300.0})
    other = climb(contract("empirical"), all_families, tried, ("detection_auc",), 9_000)
    assert other is not None
    assert other.family == "vae"


@pytest.mark.parametrize("claim", ["formal", "empirical"])
def test_controls_are_never_chosen_only_asked_for_where_allowed(claim: str) -> None:
    laddered = contract(claim, ladder=("leaking-control",), allow_control_families=True)
    assert not FAMILIES[choose(laddered, 900, ALL).family].control
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
        tried = [choose(pinned, 900, ALL)]
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
