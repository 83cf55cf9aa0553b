"""Parameters under which slow families fit within a second or two: the contract tests ask for promises, not quality."""

from collections.abc import Collection

from generators.registry import FAMILIES

QUICKLY: dict[str, dict[str, float]] = {}
"""Family: its parameters; families that are quick by themselves are not named."""


def meets(name: str, has: Collection[str]) -> bool:
    """True where a contract that ``has`` these (``sequence``, ``references``) is enough for the family."""
    return set(FAMILIES[name].needs) <= set(has)
