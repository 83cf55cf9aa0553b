"""Parameters under which slow families fit within a second or two: the contract tests ask for promises, not quality."""

from collections.abc import Collection

from generators.registry import FAMILIES

QUICKLY: dict[str, dict[str, float]] = {
    "dp-vae": {"steps": 30},
    "dp-gan": {"steps": 30},
    "aim": {"rounds": 2, "look_rows": 2_000},
    "gaussian-copula": {"pool": 1_000},
    "copulagan": {"epochs": 2, "pool": 1_000},
    "ctgan": {"epochs": 2, "pool": 1_000},
    "tvae": {"epochs": 40, "pool": 2_000},
    "vae": {"epochs": 1, "least_steps": 80, "group": 8},
    "torch-tvae": {"epochs": 1, "least_steps": 80, "hidden": 32},
    "torch-ctgan": {"epochs": 1, "least_steps": 80, "hidden": 16},
    "diffusion": {"epochs": 1, "least_steps": 30, "hidden": 32, "blocks": 1},
    "hma": {"pool": 1_000},
}
"""Family: its parameters; families that are quick by themselves are not named."""


def meets(name: str, has: Collection[str]) -> bool:
    """True where a contract that ``has`` these (``sequence``, ``references``) is enough for the family."""
    return set(FAMILIES[name].needs) <= set(has)
