"""Which family to use, and what to try after a rejection: pure decisions with their reasons.

Under a formal claim only public facts decide (the contract and the announced number of rows), because a choice made
by looking at the data would be a query that nobody paid for. Under an empirical claim the profile may help.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from generators.checking import check_contract
from generators.registry import FAMILIES, available, entry
from generators.suitability import known_families, ranked, refusals, unfit
from schemas.contract import Contract
from schemas.errors import InputError, MissingExtra
from schemas.metrics import METRICS
from schemas.profile import Profile

STEPS: Mapping[str, tuple[tuple[Mapping[str, float], str], ...]] = {
    "dp-marginals": (
        ({"coarseness": 2.0}, "with half as many bins, so that each count stands on more rows"),
        ({"coarseness": 0.5}, "with twice as many bins, for finer structure"),
    ),
    "trees": (
        ({"leaf": 300.0}, "with leaves of 300 rows at least, which remember less"),
        ({"leaf": 1_000.0}, "with leaves of 1,000 rows at least, which remember less"),
    ),
}
"""Other settings of a family that are tried before the next family."""
REMEMBERS = frozenset({"trees"})
"""Families whose further settings only help where a privacy gate refused."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A family with its parameters, and why it was chosen, in words for people."""

    family: str
    why: str
    parameters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alternative:
    """A family that was thought of: ``chosen``, ``possible`` or ``refused``, and the reason."""

    family: str
    verdict: Literal["chosen", "possible", "refused"]
    reason: str


@dataclass(frozen=True, slots=True)
class GenerationPlan:
    """What to generate with, or why not at all; ``alternatives`` are all families in the order of choice."""

    choice: Choice | None
    alternatives: tuple[Alternative, ...]
    refusals: tuple[str, ...]


def select(
    profile: Profile | None,
    contract: Contract,
    rows: int | None = None,
    installed: Collection[str] | None = None,
    tried: Collection[str] = (),
) -> GenerationPlan:
    """The plan for a first attempt, with a reason for every family.

    ``rows`` are the announced rows of the train share (the profile's under an empirical claim, where it is not given).
    Under a formal claim the profile is not looked at. ``installed`` are the usable families, by default all that are.
    Raises ``ContractError`` where the contract cannot be generated from at all.
    """
    if contract.policy.privacy.claim == "formal":
        profile = None
    known = rows or (profile.rows if profile is not None else None)
    check_contract(contract, known)
    usable = available() if installed is None else installed
    against = refusals(contract, known, profile)
    order = ranked(contract, known, profile)
    ladder = [name for name in contract.policy.regeneration.ladder if name in FAMILIES]
    names = dict.fromkeys([*ladder, *known_families(contract, known, profile)])
    reasons = {name: _against(contract, name, usable, known, tried, ladder) for name in names}
    first = None if against else next((name for name, reason in reasons.items() if reason is None), None)
    alternatives = tuple(
        Alternative(name, "refused", reason)
        if reason is not None
        else Alternative(name, "chosen" if name == first else "possible", _for(name, ladder, order))
        for name, reason in reasons.items()
    )
    choice = None if first is None else Choice(first, f"{first}: {_why(contract, _for(first, ladder, order))}")
    return GenerationPlan(choice, alternatives, against)


def choose(
    contract: Contract,
    rows: int,
    installed: Collection[str],
    tried: Collection[str] = (),
    requested: str | None = None,
    profile: Profile | None = None,
) -> Choice:
    """The family for a first attempt. ``installed`` are the usable families (``registry.available``), ``tried`` those
    already rejected; ``rows`` are announced, 0 where nobody knows.

    Raises ``InputError`` where a requested family is unknown, a control that the contract does not allow, or unable to
    earn a formal claim, where none is left, or where the table had better not be synthesised; ``MissingExtra`` where
    the requested one is not installed; ``ContractError``.
    """
    if requested is not None:
        return _requested(contract, rows, installed, requested)
    plan = select(profile, contract, rows or None, installed, tried)
    if plan.refusals:
        raise InputError("; ".join(plan.refusals))
    if plan.choice is None:
        raise InputError("no installed family of generators fits the contract's privacy claim and has not been tried")
    return plan.choice


def climb(
    contract: Contract,
    installed: Collection[str],
    tried: Sequence[Choice],
    failed: Collection[str] = (),
    rows: int | None = None,
) -> Choice | None:
    """What to try after the attempts ``tried`` were rejected (the last one on the metrics ``failed``), or none where
    nothing is left.
    """
    if len(tried) >= contract.policy.regeneration.max_attempts:
        return None
    reason = f" after {', '.join(sorted(failed))} failed" if failed else " after a rejection"
    done = {(choice.family, tuple(sorted(choice.parameters.items()))) for choice in tried}
    for rung in _rungs(contract, installed, failed, rows):
        if (rung.family, tuple(sorted(rung.parameters.items()))) not in done:
            return Choice(rung.family, rung.why + reason, rung.parameters)
    return None


def _requested(contract: Contract, rows: int, installed: Collection[str], name: str) -> Choice:
    found = entry(name)
    check_contract(contract, None if found.fidelity == "none" else rows or None)
    if contract.policy.generation.exact_records:
        raise InputError("; ".join(refusals(contract, None)))
    if found.control and not contract.policy.regeneration.allow_control_families:
        raise InputError(
            f"{name} exists to be refused by the gates: "
            "the contract must set regeneration.allow_control_families to run it"
        )
    if contract.policy.privacy.claim == "formal" and not found.formal:
        raise InputError(
            f"{name} cannot earn the formal guarantee that the contract claims: ask for dp-marginals, "
            "or change the claim to empirical"
        )
    if name not in installed:
        if found.extra is not None:
            raise MissingExtra(f"the family {name}", found.extra)
        raise InputError(f"the family {name} cannot be used here")
    return Choice(name, f"{name} was asked for")


def _against(
    contract: Contract,
    name: str,
    installed: Collection[str],
    rows: int | None,
    tried: Collection[str],
    ladder: Collection[str],
) -> str | None:
    """Why a family is not chosen now; what the contract's ladder names need not be justified by fidelity and rows."""
    if name in tried:
        return "it was tried, and rejected"
    if name in ladder and name in installed:
        found = entry(name)
        if not found.control and (found.formal or contract.policy.privacy.claim == "empirical"):
            return None
    return unfit(contract, name, installed, rows)


def _for(name: str, ladder: Sequence[str], order: Mapping[str, str]) -> str:
    if name in ladder:
        return f"number {ladder.index(name) + 1} on the contract's ladder"
    return order.get(name, "it fits, but nothing speaks for it here")


def _why(contract: Contract, reason: str) -> str:
    privacy = contract.policy.privacy
    if privacy.claim == "empirical":
        return f"{reason}; the claim is empirical, so no epsilon is certified"
    return f"{reason}; the contract claims a formal guarantee, and its epsilon is {privacy.epsilon}"


def _rungs(contract: Contract, installed: Collection[str], failed: Collection[str], rows: int | None) -> list[Choice]:
    """The contract's ladder, or every fitting family; each family's other settings are tried before the next."""
    ladder = contract.policy.regeneration.ladder
    names = [name for name in ladder if name in FAMILIES] or list(ranked(contract, rows))
    private = not failed or any(metric.gate == "privacy" for metric in METRICS if metric.name in failed)
    rungs: list[Choice] = []
    for name in dict.fromkeys(names):
        if name in FAMILIES and _against(contract, name, installed, rows, (), ladder) is None:
            rungs.append(Choice(name, f"{name} with its usual settings"))
            if name not in REMEMBERS or private:
                rungs += [Choice(name, f"{name} {why}", dict(given)) for given, why in STEPS.get(name, ())]
    return rungs
