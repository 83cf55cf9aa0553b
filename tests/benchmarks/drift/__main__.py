"""Drift tracking in numbers (``make bench-drift``): delays, false alarms, real streams, wide tables, Kafka; with peers.

Prints a table a section and writes them to ``bench-results/drift.json``, where sections that are not run stay.
"""

import argparse
import gc
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from stream_app.cli.main import OBJECTS
from tests.benchmarks.drift import alarms, delay, elec2, flights, wide, wire
from tests.benchmarks.drift.streams import CHANGES
from tests.benchmarks.peers.environment import ROOT

RESULTS = ROOT / "bench-results" / "drift.json"
Section = tuple[Callable[[argparse.Namespace], dict[str, Any]], Callable[[dict[str, Any]], list[str]]]
SECTIONS: dict[str, Section] = {
    "delay": (
        lambda given: delay.measure(given.seeds, given.kind or list(CHANGES), given.peer or delay.PEERS, given.workers),
        delay.table,
    ),
    "alarms": (lambda given: alarms.measure(given.null_rows, given.ar_rows), alarms.table),
    "elec2": (lambda _: elec2.measure(), elec2.table),
    "flights": (lambda _: flights.measure(), flights.table),
    "wide": (lambda given: wide.measure(given.wide_rows), wide.table),
    "wire": (lambda given: wire.measure(given.wire_rows, given.block_rows), wire.table),
}


def options() -> argparse.ArgumentParser:
    """What can be asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=[*SECTIONS], help="these sections alone")
    parser.add_argument("--seeds", type=int, default=20, help="streams of each kind of change")
    parser.add_argument("--kind", action="append", choices=[*CHANGES], help="these kinds of change alone")
    parser.add_argument("--peer", action="append", choices=[*delay.PEERS, "none"], help="these peers alone")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that read for the delays")
    parser.add_argument("--null-rows", type=int, default=30_000_000, help="stationary rows without memory")
    parser.add_argument("--ar-rows", type=int, default=5_000_000, help="stationary rows of each AR(1) process")
    parser.add_argument("--wide-rows", type=int, default=2_000_000, help="stationary rows of 1,000 columns")
    parser.add_argument("--wire-rows", type=int, default=30_000, help="rows that the per-row agent reads from Kafka")
    parser.add_argument("--block-rows", type=int, default=wire.BLOCK_ROWS, help="rows of a message of the wire's")
    return parser


def main() -> int:
    """0 where every section that was asked for ran."""
    given = options().parse_args()
    gc.set_threshold(OBJECTS)  # as every command has it
    RESULTS.parent.mkdir(exist_ok=True)
    for name in given.only or SECTIONS:
        measure, table = SECTIONS[name]
        found = measure(given)
        print("\n".join([f"-- {name}", *table(found)]), flush=True)
        whole = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
        RESULTS.write_text(json.dumps(whole | {name: found}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
