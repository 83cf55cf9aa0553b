"""Which families suit a contract, in which order, and why; and when a table had better not be synthesised at all.

Under a formal claim nothing but the contract and the announced number of rows enters. Under an empirical claim a
profile may help; without one the contract's own domains say what the columns are.
"""

from collections.abc import Collection

from generators.registry import FAMILIES, entry
from schemas.contract import Contract, Range
from schemas.profile import Profile

FEW_ROWS = 2_000
MANY_ROWS = 50_000
LEAST_HELD = 30
"""Rows of the smallest holdout, below which no gate can say anything."""
CONTINUOUS = 0.8
UNRELATED = 0.02
RELATED_ROWS = 500

FORMAL = {
    "dp-marginals": "all pairs of columns counted at once, in seconds; the closest of the formal families",
    "aim": "chooses which counts to pay for; slower, for wide tables or as another attempt",
    "dp-vae": "a network fitted with clipped, noisy gradients: where counts of pairs lose what matters",
    "dp-gan": "a network against a private critic: the last formal family to try",
}
"""Formal families in the order of choice."""
USUAL = {
    "trees": "close to the source, quick, mixed types and missing values, conditional on a class",
    "vae": "a small network: smooth numbers, conditional on the target",
    "torch-tvae": "a network as of Xu et al. 2019",
    "tvae": "SDV's network as of Xu et al. 2019",
    "gaussian-copula": "the quickest smooth model, blind to most dependence between categories",
    "dp-marginals": "binned counts; under an empirical claim its noise is a precaution and certifies nothing",
}
DEEP = {
    "diffusion": "the closest of the deep families, minutes of fitting",
    "torch-ctgan": "adversarial: minutes of fitting, may lose rare values",
    "ctgan": "SDV's adversarial network: slow, may lose rare values",
    "copulagan": "SDV's adversarial network on normalised columns: slow",
}
"""Families that only very high fidelity and many rows justify."""
ORDERED = {"par": "SDV's model of rows in time", "agents": "simulated customers and terminals; keeps references valid"}
"""Families of sequences."""
BY_NAME = {
    "rules": "functional test data without statistical fidelity: never chosen, only asked for by name",
    "hma": "several tables with foreign keys: ask for it by name",
}


def ranked(contract: Contract, rows: int | None, profile: Profile | None = None) -> dict[str, str]:
    """Families in the order of choice, each with what speaks for it; whether one is there and fits is not asked."""
    if contract.policy.privacy.claim == "formal":
        return dict(FORMAL)
    order: dict[str, str] = {}
    if contract.policy.sequence is not None:
        order["trees"] = "rows of one entity in their order, by trees that know the row before"
        order |= ORDERED
    elif rows is not None and rows < FEW_ROWS and continuous(contract, profile) >= CONTINUOUS:
        order["gaussian-copula"] = (
            f"{rows} rows, mostly numbers: too few for trees or bins and smooth enough for a copula"
        )
    if very_high(contract, rows):
        order |= {name: f"very high fidelity is asked for and there are {rows} rows: {DEEP[name]}" for name in DEEP}
    return order | {name: why for name, why in USUAL.items() if name not in order}


def very_high(contract: Contract, rows: int | None) -> bool:
    """Whether slow deep families are justified."""
    return contract.policy.generation.fidelity == "very_high" and (rows or 0) >= MANY_ROWS


def continuous(contract: Contract, profile: Profile | None) -> float:
    """The share of columns on a range, by the profile or else by the contract's domains."""
    if profile is not None:
        return profile.numeric_share
    return sum(isinstance(column.domain, Range) for column in contract.modelled) / len(contract.modelled)


def unfit(contract: Contract, name: str, installed: Collection[str], rows: int | None) -> str | None:
    """Why a family cannot be chosen by itself here, or none."""
    found = entry(name)
    if found.control:
        return "it exists to be refused by the gates"
    if contract.policy.privacy.claim == "formal" and not found.formal:
        return "it cannot earn the formal guarantee that the contract claims"
    if name in BY_NAME or found.fidelity == "none":
        return BY_NAME.get(name, "it has no statistical fidelity: never chosen, only asked for by name")
    if "sequence" in found.needs and contract.policy.sequence is None:
        return "it draws sequences, and the contract states none"
    if "references" in found.needs and not contract.policy.references:
        return "it keeps references valid, and the contract states none"
    if name in DEEP and contract.policy.privacy.claim == "empirical" and not very_high(contract, rows):
        return f"slow: only where very high fidelity is asked for and there are {MANY_ROWS:,} rows at least"
    if name not in installed:
        return "it is not installed" if found.extra is None else f"it needs the extra '{found.extra}'"
    return None


def known_families(contract: Contract, rows: int | None, profile: Profile | None = None) -> tuple[str, ...]:
    """Every registered family: those in the order of choice first, the others after."""
    order = [name for name in ranked(contract, rows, profile) if name in FAMILIES]
    return (*order, *(name for name in FAMILIES if name not in order))


def refusals(contract: Contract, rows: int | None, profile: Profile | None = None) -> tuple[str, ...]:
    """Why this table had better not be synthesised, none where it may be. ``rows`` are those of the train share."""
    found = []
    if contract.policy.generation.exact_records:
        found.append(
            "exact records are needed (generation.exact_records), which no synthetic table can give: grant access to "
            "the source, or give up that need"
        )
    split = contract.policy.split
    held = None if not rows else int(rows / split.train * min(split.holdout, split.second_holdout))
    if held is not None and held < LEAST_HELD:
        found.append(
            f"too few rows: a holdout would have {held}, and below {LEAST_HELD} no gate could tell whether a release "
            "is safe or useful; announce more rows"
        )
    strongest = None if profile is None or contract.policy.privacy.claim == "formal" else profile.strongest
    if strongest is not None and (rows or 0) >= RELATED_ROWS and strongest < UNRELATED:
        found.append(
            f"no usable relation to the target: no column tells anything of it (strongest Cramer's V {strongest:.3f}), "
            "so nothing could be learnt from a synthetic table either; name another target, or none"
        )
    return tuple(found)
