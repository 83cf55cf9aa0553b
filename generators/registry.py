"""All families of generators, by name; a new one is one file and one line here. Heavy ones are imported when asked for."""

from importlib import import_module
from importlib.util import find_spec
from typing import cast

from generators.protocol import Family
from schemas.errors import InputError, MissingExtra

FAMILIES: dict[str, tuple[str, str | None]] = {
    "private_marginals": ("generators.private_marginals.family", None),
    "gaussian_copula": ("generators.sdv_copula", "sdv"),
    "leaking_control": ("generators.leaking", None),
}
"""Name: the module that holds ``FAMILY``, and the extra that it needs."""

EXTRAS: dict[str, tuple[str, ...]] = {"sdv": ("sdv",), "deep": ("torch", "opacus")}
"""Extra: the modules that must be there."""


def available() -> tuple[str, ...]:
    """The families that can be used here, control families included."""
    return tuple(name for name, (_, extra) in FAMILIES.items() if installed(extra))


def installed(extra: str | None) -> bool:
    """True where every module of the extra can be found; nothing is imported."""
    return extra is None or all(find_spec(module) is not None for module in EXTRAS[extra])


def family(name: str) -> Family:
    """The family; raises ``InputError`` for an unknown name, ``MissingExtra`` where its extra is not installed."""
    if name not in FAMILIES:
        raise InputError(f"no family of generators is called {name[:100]}; known are {', '.join(FAMILIES)}")
    module, extra = FAMILIES[name]
    if extra is not None and not installed(extra):
        raise MissingExtra(f"the family {name}", extra)
    return cast(Family, import_module(module).FAMILY)
