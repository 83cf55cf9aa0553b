"""Tables of one kind only, empty columns and enormous numbers: findings that are finite, never a traceback."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column, Contract, LogicalType, Policy, Privacy
from schemas.table import conform
from tests.unit.validators.utility.test_honest_tables import MEASURES
from validators.protocol import Evidence

ROWS = 150
Cells = Callable[[np.random.Generator], list[object]]
ODD: dict[str, tuple[LogicalType, Cells]] = {
    "words": ("string", lambda rng: rng.choice(list("abc"), ROWS).tolist()),
    "all_different": ("string", lambda rng: [f"{number:x}" for number in rng.integers(0, 2**62, ROWS)]),
    "one_word": ("string", lambda _: ["a"] * ROWS),
    "empty_words": ("string", lambda _: [None] * ROWS),
    "flags": ("boolean", lambda rng: (rng.random(ROWS) < 0.5).tolist()),
    "numbers": ("number", lambda rng: rng.normal(size=ROWS).tolist()),
    "one_number": ("number", lambda _: [7.5] * ROWS),
    "empty_numbers": ("number", lambda _: [None] * ROWS),
    "half_empty": ("number", lambda rng: [None if flag else 1.0 for flag in rng.random(ROWS) < 0.5]),
    "enormous": ("number", lambda rng: rng.choice([-1.7e308, 1.7e308, 0.0, 5e-324], ROWS).tolist()),
    "huge_integers": ("integer", lambda rng: rng.integers(-(2**62), 2**62, ROWS).tolist()),
    "days": ("date", lambda rng: list(pd.to_datetime(rng.integers(18_000, 18_099, ROWS), unit="D"))),
}  # fmt: skip


def of(names: tuple[str, ...], target: str | None, synthetic: tuple[str, ...] | None = None) -> Evidence:
    """Evidence with columns of these kinds; the synthetic table's cells may be of other kinds of the same type."""
    rng = np.random.default_rng(0)
    stated = Contract(
        dataset="odd",
        columns=tuple(Column(name=name, type=ODD[name][0]) for name in names),
        policy=Policy(privacy=Privacy(claim="empirical", scope="odd"), target=target),
    )
    kinds = [names, names, synthetic or names]
    drawn = [
        conform(pd.DataFrame({name: ODD[kind][1](rng) for name, kind in zip(names, each, strict=True)}), stated).table
        for each in kinds
    ]
    return Evidence(stated, drawn[2], drawn[0], drawn[1], drawn[1].iloc[:0], 0)


@pytest.mark.parametrize(
    "source",
    [
        *(of((name,), name) for name in ODD),
        of(("words", "flags", "one_word"), "flags"),
        of(("numbers", "enormous", "one_number"), None),
        of(("numbers", "half_empty", "empty_numbers"), "half_empty"),
        of(tuple(ODD), "words"),
        of(("words", "numbers"), "words", ("empty_words", "empty_numbers")),
        of(("one_number", "empty_numbers"), None, ("numbers", "enormous")),
        of(("empty_words", "empty_numbers"), "empty_words", ("all_different", "half_empty")),
    ],
    ids=lambda source: "-".join(source.contract.names),
)
def test_findings_are_finite(source: Evidence) -> None:
    for validator in MEASURES:
        for found in validator.measure(source):
            figures = [found.value, found.baseline, *(found.interval or ())]
            assert all(figure is None or math.isfinite(figure) for figure in figures)
            assert found.to_bytes()
            if found.interval is not None and found.value is not None:
                assert found.interval[0] <= found.value <= found.interval[1]
