"""k, distinct l and entropy l by pycanon of a table's quasi-identifiers and sensitive columns."""

import time
from typing import Any

from runner import Tables, main


def score(tables: Tables, asked: dict[str, Any]) -> dict[str, float]:
    """The three figures and the seconds of each; missing cells count as one more value."""
    from pycanon import anonymity

    names = [*asked["quasi_identifiers"], *asked["sensitive"]]
    table = tables["table"][names]
    table = table.astype(object).where(table.notna(), "(missing)").astype(str)
    found: dict[str, float] = {}
    for name, measure in {
        "k": lambda: anonymity.k_anonymity(table, asked["quasi_identifiers"]),
        "l_distinct": lambda: anonymity.l_diversity(table, asked["quasi_identifiers"], asked["sensitive"]),
        "l_entropy": lambda: anonymity.entropy_l_diversity(table, asked["quasi_identifiers"], asked["sensitive"]),
    }.items():
        started = time.perf_counter()
        found[name] = float(measure())
        found[f"{name}_seconds"] = time.perf_counter() - started
    return found


if __name__ == "__main__":
    main(score)
