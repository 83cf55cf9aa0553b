"""Which family to use, and what to try after a rejection: pure decisions with their reasons.

Under a formal claim only public facts decide (the contract and the announced number of rows), because a choice made
by looking at the data would be a query that nobody paid for. Under an empirical claim the profile may help.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from generators.profile import Profile
from generators.registry import FAMILIES, entry
from schemas.contract import Contract
from schemas.errors import InputError, MissingExtra

FEW_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Choice:
    """A family with its parameters, and why it was chosen, in words for people."""

    family: str
    why: str
    parameters: Mapping[str, float] = field(default_factory=dict)


def choose(
    contract: Contract,
    rows: int,
    installed: Collection[str],
    tried: Collection[str] = (),
    requested: str | None = None,
    profile: Profile | None = None,
) -> Choice:
    """The family for a first attempt. ``installed`` are the usable families (``registry.available``), ``tried`` those
    already rejected.

    Raises ``InputError`` where a requested family is unknown, a control that the contract does not allow, or unable to
    earn a formal claim, or where none is left; ``MissingExtra`` where the requested one is not installed.
    """
    if requested is not None:
        return _requested(contract, installed, requested)
    for name in contract.policy.regeneration.ladder:
        if name not in tried and _fits(contract, name, installed):
            return Choice(name, f"{name} comes first on the contract's ladder")
    candidates = [name for name in FAMILIES if name not in tried and _fits(contract, name, installed)]
    if not candidates:
        raise InputError("no installed family of generators fits the contract's privacy claim and has not been tried")
    if contract.policy.privacy.claim == "formal":
        return Choice(candidates[0], _formal_reason(contract, candidates[0]))
    return _empirical(rows, candidates, profile)


def climb(
    contract: Contract, installed: Collection[str], tried: Sequence[Choice], failed: Collection[str] = ()
) -> Choice | None:
    """What to try after the attempts ``tried`` were rejected (the last one on the metrics ``failed``), or none where
    nothing is left.
    """
    if len(tried) >= contract.policy.regeneration.max_attempts:
        return None
    reason = f" after {', '.join(sorted(failed))} failed" if failed else " after a rejection"
    done = {(choice.family, tuple(sorted(choice.parameters.items()))) for choice in tried}
    for rung in _rungs(contract, installed):
        if (rung.family, tuple(sorted(rung.parameters.items()))) not in done:
            return Choice(rung.family, rung.why + reason, rung.parameters)
    return None


def _requested(contract: Contract, installed: Collection[str], name: str) -> Choice:
    found = entry(name)
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


def _fits(contract: Contract, name: str, installed: Collection[str]) -> bool:
    found = entry(name)
    return name in installed and not found.control and (found.formal or contract.policy.privacy.claim == "empirical")


def _formal_reason(contract: Contract, name: str) -> str:
    columns = len(contract.modelled)
    return (
        f"{name}: the contract claims a formal guarantee, which it earns from counts alone; {columns} columns with "
        f"public domains need {columns * (columns - 1) // 2} pair tables at epsilon {contract.policy.privacy.epsilon}"
    )


def _empirical(rows: int, candidates: list[str], profile: Profile | None) -> Choice:
    if profile is not None and "gaussian-copula" in candidates and rows < FEW_ROWS and profile.numeric_share == 1:
        return Choice(
            "gaussian-copula",
            f"gaussian-copula: an empirical claim, {rows} rows and numbers only, "
            "too few for binned counts and smooth enough for a copula",
        )
    return Choice(
        candidates[0],
        f"{candidates[0]}: the closest to the source among the installed families; the claim is empirical, "
        "so its noise is a precaution and certifies nothing",
    )


def _rungs(contract: Contract, installed: Collection[str]) -> list[Choice]:
    """The contract's ladder, or every fitting family; each family that can be coarser is tried so before the next."""
    names = contract.policy.regeneration.ladder or tuple(FAMILIES)
    rungs: list[Choice] = []
    for name in dict.fromkeys(names):
        if _fits(contract, name, installed):
            rungs.append(Choice(name, f"{name} with its usual settings"))
            if name == "dp-marginals":
                rungs.append(
                    Choice(
                        name,
                        f"{name} with half as many bins, so that each count stands on more rows",
                        {"coarseness": 2.0},
                    )
                )
                rungs.append(Choice(name, f"{name} with twice as many bins, for finer structure", {"coarseness": 0.5}))
    return rungs
