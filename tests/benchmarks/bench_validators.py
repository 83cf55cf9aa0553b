"""The gates' speed beside their peers in one run: fidelity, neighbours, k and l, and a whole certificate.

Prints a table and writes JSON with what is compared to what. Ratios count, not seconds: machines are noisy. Each part
is also a program of its own beside this one.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks import validators_certificate, validators_classes, validators_fidelity, validators_neighbours

PARTS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "fidelity": validators_fidelity.measure,
    "neighbours": validators_neighbours.measure,
    "classes": validators_classes.measure,
    "certificate": lambda: validators_certificate.measure(32_561, with_peer=True),
}
OUT = Path("bench-results") / "validators.json"
WIDE = 60


def main() -> None:
    """Run the parts asked for, tell each row as it is done, write them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[*PARTS], action="append", help="these parts alone")
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {}
    for name in asked.only or PARTS:
        started = time.perf_counter()
        found[name] = PARTS[name]()
        print(f"\n{name} ({time.perf_counter() - started:.0f} s)")
        for row in found[name]:
            print("  " + "  ".join(f"{key} {_text(value)}" for key, value in row.items()), flush=True)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(found, indent=1, default=str) + "\n", encoding="utf-8")
    print(f"\nwritten to {asked.out}")


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = json.dumps(value, default=str)
    return text if len(text) <= WIDE else f"{text[:WIDE]}…"


if __name__ == "__main__":
    main()
