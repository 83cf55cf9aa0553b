"""Generators beside their peers in one run: a table for each part, and JSON with everything.

Every family and every peer is scored by the same functions (``score``); times are CPU seconds of one core. Parts that
are not run keep the rows of the last run in the file. Peers that conflict have environments of their own.
"""

import argparse
import json
import time
from importlib import import_module
from pathlib import Path
from typing import Any

PARTS = {
    "private": "dp-marginals on Adult and on small, wide, rare, high-cardinality tables; its weaknesses",
    "aim": "dp-marginals and aim beside mbi's AIM and MST",
    "panel": "12 and 52 releases of a drifting panel under one epsilon",
    "live_counts": "from live counts to a million rows, no row read",
    "dpsgd": "DP-SGD: a step beside a plain one and beside Opacus; dp-vae and dp-gan",
    "trees": "sequential trees: quality, copies, the leak gate",
    "deep": "own VAE, TVAE and CTGAN beside SDV's",
    "diffusion": "diffusion beside TabularARGN",
    "fraud": "card payments: entities, references, balanced fraud",
    "sequences": "card payments through the leak gate: rows, events without keys, whole lives",
    "streaming": "ten million rows in bounded memory",
    "audit": "what an attacker can prove about epsilon, and about halved noise",
}
OUT = Path("bench-results") / "generators.json"
WIDE = 48


def main() -> None:
    """Run the parts asked for, tell each row, write them beside what the file held."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="; ".join(f"{name}: {what}" for name, what in PARTS.items()),
    )
    parser.add_argument("--only", choices=[*PARTS], action="append", help="these parts alone")
    parser.add_argument("--quick", action="store_true", help="fewer seeds, epochs and releases: minutes, not hours")
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    found: dict[str, Any] = json.loads(asked.out.read_text()) if asked.out.is_file() else {}
    for name in asked.only or PARTS:
        print(f"\n{name}: {PARTS[name]}", flush=True)
        began, cpu = time.perf_counter(), time.process_time()
        rows = import_module(f"tests.benchmarks.generators.{name}").measure(asked.quick)
        found[name] = {"quick": asked.quick, "rows": rows}
        told(rows)
        print(
            f"  ({time.perf_counter() - began:.0f} s, {time.process_time() - cpu:.0f} of this process's CPU)",
            flush=True,
        )
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(found, indent=1, default=str) + "\n", encoding="utf-8")
    print(f"\nwritten to {asked.out}")


def told(rows: list[dict[str, Any]]) -> None:
    """Rows with the same names of columns as one table; where the names change, a new one begins."""
    heading: list[str] = []
    for row in rows:
        if list(row) != heading:
            heading = list(row)
            print("  " + "  ".join(heading))
        print("  " + "  ".join(_text(value) for value in row.values()), flush=True)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= WIDE else f"{text[:WIDE]}…"


if __name__ == "__main__":
    main()
