"""All families of generators, by name: a new one is one file and one line here. Each is imported when asked for."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Literal, cast

from generators.protocol import CountsFamily, Family
from schemas.contract import Contract
from schemas.errors import ContractError, InputError, MissingExtra
from schemas.mechanism import Mechanism


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a family lives (its module holds ``FAMILY``), and what a choice must know before importing it.

    ``needs``: what a contract must state for it (``sequence``, ``references``). ``guards_copies``: with its defaults no
    more of its rows are verbatim copies of training rows than of unseen real rows are. ``fidelity`` ``none``: it learns
    nothing from the rows, so it is never chosen, only asked for by name. ``counts``: it fits to counts on public bins
    as well (``CountsFamily``), and goes on from an earlier release that it made so.
    """

    module: str
    formal: bool = False
    control: bool = False
    extra: str | None = None
    needs: tuple[Literal["sequence", "references"], ...] = ()
    guards_copies: bool = False
    fidelity: Literal["statistical", "none"] = "statistical"
    counts: bool = False


FAMILIES: dict[str, Entry] = {
    "dp-marginals": Entry("generators.marginals.family", formal=True, guards_copies=True, counts=True),
    "aim": Entry("generators.aim.family", formal=True),
    "dp-vae": Entry("generators.dpsgd.vae", formal=True, extra="deep"),
    "dp-gan": Entry("generators.dpsgd.gan", formal=True, extra="deep"),
    "vae": Entry("generators.deep.vae", extra="deep"),
    "torch-tvae": Entry("generators.deep.tvae", extra="deep"),
    "torch-ctgan": Entry("generators.deep.ctgan", extra="deep"),
    "diffusion": Entry("generators.deep.diffusion", extra="deep"),
    "trees": Entry("generators.trees.family", guards_copies=True),
    "gaussian-copula": Entry("generators.sdv.gaussian_copula", extra="sdv"),
    "copulagan": Entry("generators.sdv.copulagan", extra="sdv"),
    "ctgan": Entry("generators.sdv.ctgan", extra="sdv"),
    "tvae": Entry("generators.sdv.tvae", extra="sdv"),
    "par": Entry("generators.sdv.par", extra="sdv", needs=("sequence",)),
    "hma": Entry("generators.sdv.hma", extra="sdv"),
    "agents": Entry("generators.simulation.agents", extra="simulation", needs=("sequence", "references")),
    "rules": Entry("generators.simulation.rules", extra="simulation", fidelity="none"),
    "leaking-control": Entry("generators.controls.leaking", formal=True, control=True),
}
EXTRAS: dict[str, tuple[str, ...]] = {
    "sdv": ("sdv",),
    "deep": ("torch", "opacus", "safetensors"),
    "simulation": ("mesa", "faker"),
}
"""Extra: the modules that must be there."""


def available() -> tuple[str, ...]:
    """The families that can be used here, control families included."""
    return tuple(name for name, entry in FAMILIES.items() if installed(entry.extra))


def installed(extra: str | None) -> bool:
    """True where every module of the extra can be found; nothing is imported."""
    return extra is None or all(find_spec(module) is not None for module in EXTRAS[extra])


def entry(name: str) -> Entry:
    """What is known of a family without importing it; raises ``InputError`` listing the known ones."""
    if name not in FAMILIES:
        raise InputError(f"no family of generators is called {name[:100]}; known are {', '.join(FAMILIES)}")
    return FAMILIES[name]


def family(name: str) -> Family:
    """The family; raises ``InputError`` for an unknown name, ``MissingExtra`` where its extra is not installed."""
    found = entry(name)
    if found.extra is not None and not installed(found.extra):
        raise MissingExtra(f"the family {name}", found.extra)
    return cast(Family, import_module(found.module).FAMILY)


def counts_family(name: str) -> CountsFamily:
    """The family, where it fits to counts; raises ``ContractError`` where it needs rows, and what ``family`` raises."""
    if not entry(name).counts:
        raise ContractError(f"the family {name} fits to rows: counts are not enough for it")
    return cast(CountsFamily, family(name))


def mechanisms_of(name: str, contract: Contract, rows: int) -> tuple[Mechanism, ...]:
    """What the ledger is to be asked for, whether or not the family's extra is installed where this is asked.

    Formal families price a fit without the libraries that fit it; others ask for nothing.
    """
    found = entry(name)
    if not found.formal:
        return ()
    return cast(Family, import_module(found.module).FAMILY).mechanisms(contract, rows)
