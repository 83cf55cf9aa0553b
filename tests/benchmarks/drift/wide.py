"""A wide table: 1,000 columns and 100 disjoint subgroups, rows per second of one core and false alarms.

900 numbers and 99 categories of four values, all independent, and the column ``g`` of 100 equally frequent values, each
of which is a subgroup.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from schemas.contract import Column, Contract, Policy, Privacy
from stream_app.core.drift.reference import build_reference
from tests.benchmarks.drift.outcome import Outcome
from tests.benchmarks.drift.own import BATCH, tracked

NUMBERS, CATEGORIES, SUBGROUPS = 900, 99, 100
REFERENCE_ROWS = 50_000
PIECE = BATCH
_VALUES = np.array(["a", "b", "c", "d"], dtype=object)
_GROUPS = np.array([f"g{place:02d}" for place in range(SUBGROUPS)], dtype=object)


def contract() -> Contract:
    """1,000 columns, ``g`` the subgroup."""
    columns = (
        *(Column(name=f"x{place}", type="number") for place in range(NUMBERS)),
        *(Column(name=f"c{place}", type="string") for place in range(CATEGORIES)),
        Column(name="g", type="string"),
    )
    policy = Policy(privacy=Privacy(scope="wide"), subgroups=("g",))
    return Contract(dataset="wide", columns=columns, policy=policy)


def pieces(rows: int, seed: int) -> Iterator[pd.DataFrame]:
    """So many rows in pieces that are handed over at once."""
    random = np.random.default_rng((4, seed))
    for start in range(0, rows, PIECE):
        size = min(PIECE, rows - start)
        numbers = pd.DataFrame(
            random.standard_normal((size, NUMBERS)), columns=[f"x{place}" for place in range(NUMBERS)]
        )
        codes = random.integers(0, len(_VALUES), (size, CATEGORIES))
        texts = {f"c{place}": _VALUES[codes[:, place]] for place in range(CATEGORIES)}
        texts["g"] = _GROUPS[random.integers(0, SUBGROUPS, size)]
        yield pd.concat([numbers, pd.DataFrame(texts)], axis=1)


def measure(rows: int) -> dict[str, Any]:
    """CPU of encoding, counting and deciding; making the rows is not counted."""
    print("wide: learning the reference", file=sys.stderr, flush=True)
    learnt = build_reference(pd.concat(pieces(REFERENCE_ROWS, 0), ignore_index=True), contract())
    outcome = Outcome()
    signs, seen, seconds = tracked(learnt, pieces(rows, 1))
    outcome.add([(sign.row, sign.columns) for sign in signs], seen, seconds)
    document = outcome.document()
    kept = {name: value for name, value in document.items() if name.startswith("false") or name == "stationary_rows"}
    return kept | {
        "columns": NUMBERS + CATEGORIES + 1,
        "subgroups": SUBGROUPS,
        "rows_per_second_and_core": round(seen / seconds) if seconds else None,
        "signs": [{"row": sign.row, "kind": sign.kind, "columns": list(sign.columns)} for sign in signs],
    }


def table(document: Mapping[str, Any]) -> list[str]:
    """The lines to print."""
    return [
        f"{document['columns']} columns, {document['subgroups']} subgroups: "
        f"{document['rows_per_second_and_core']:,} rows a second and core",
        f"{document['false_alarms']} false alarms in {document['stationary_rows']:,} rows, "
        f"at most {document['false_alarms_per_million_at_most']:.2f} per million (95 %)",
    ]
