"""The numbers that a run may set for a deep family (``parameters``), with their defaults and limits."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.errors import ContractError


@dataclass(frozen=True, slots=True)
class Setting:
    """A default, the least and the most that is taken; whole numbers where the default is one."""

    default: float
    least: float
    most: float


Settings = Mapping[str, Setting]


def settled(family: str, settings: Settings, given: Mapping[str, float]) -> dict[str, float]:
    """All settings of the family, those of ``given`` in place of defaults; raises ``ContractError``."""
    unknown = sorted(set(given) - set(settings))
    if unknown:
        raise ContractError(
            f"{family} knows no parameter {', '.join(unknown)[:200]}; it knows {', '.join(sorted(settings))}"
        )
    found = {name: float(given.get(name, setting.default)) for name, setting in settings.items()}
    for name, setting in settings.items():
        if not setting.least <= found[name] <= setting.most:
            raise ContractError(f"{family}'s {name} must lie between {setting.least:g} and {setting.most:g}")
    return {name: round(value) if isinstance(settings[name].default, int) else value for name, value in found.items()}
