"""What every registered validator owes, whoever wrote it: these tests run over the registry."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.contract import Categories, Column, Contract, Policy, Privacy, PrivacyUnit, Range
from schemas.finding import Finding
from schemas.metrics import KNOWN_LIMITS
from schemas.table import conform
from tests.unit.validators.population import evidence
from validators.gate import run_gate
from validators.protocol import Evidence, Validator
from validators.registry import VALIDATORS

EACH = pytest.mark.parametrize("validator", VALIDATORS, ids=lambda validator: validator.metric)


WHERE_STATED = frozenset({
    "reference_violations", "sequence_fidelity", "minority_recall", "subgroup_gap", "demographic_shift", "parity_gap",
})  # fmt: skip
"""What is measured only where the contract asks for it."""


def through_its_gate(validator: Validator, source: Evidence) -> tuple[Finding, ...]:
    return tuple(item for item in run_gate(validator.gate, source).findings if item.gate == validator.gate)


def finite(found: Finding) -> bool:
    figures = [found.value, found.baseline, found.limit, *(found.interval or ())]
    return all(figure is None or math.isfinite(figure) for figure in figures)


@EACH
def test_it_is_named_and_bounded(validator: Validator) -> None:
    assert validator.metric in KNOWN_LIMITS
    assert validator.gate in ("schema", "policy", "privacy", "utility")
    assert validator.looks_at in ("synthetic", "members")


@EACH
def test_it_repeats_itself_and_says_finite_things(validator: Validator) -> None:
    source = evidence((500, 400, 200, 500), seed=9)
    first, second = validator.measure(source), validator.measure(source)
    assert first == second
    assert first or validator.metric in WHERE_STATED
    for found in first:
        assert found.gate == validator.gate
        assert finite(found)
        assert found.limit is not None
        assert found.support > 0
        assert found.from_bytes(found.to_bytes()).metric == found.metric
        if found.interval is not None and found.value is not None:
            assert found.interval[0] <= found.value <= found.interval[1]


@EACH
def test_it_leaves_the_tables_alone(validator: Validator) -> None:
    source = evidence((300, 300, 150, 300))
    before = [table.copy() for table in (source.synthetic, source.train, source.holdout, source.reference)]
    validator.measure(source)
    for table, kept in zip((source.synthetic, source.train, source.holdout, source.reference), before, strict=True):
        pd.testing.assert_frame_equal(table, kept)


@EACH
@pytest.mark.parametrize("empty", ["synthetic", "train", "holdout"])
def test_an_empty_table_is_never_a_traceback(validator: Validator, empty: str) -> None:
    source = evidence((200, 200, 100, 200))
    nothing = replace(source, **{empty: source.train.iloc[:0]})
    found = through_its_gate(validator, nothing)
    assert all(finite(item) for item in found)
    if empty == "synthetic" and validator.gate != "policy":
        assert {item.verdict for item in found} <= {"INSUFFICIENT", "INVALID"}


KINDS = ("integer", "number", "string", "boolean", "date", "timestamp")
CELLS = {
    "integer": st.integers(-(2**62), 2**62) | st.integers(0, 3),
    "number": st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, 1.5]),
    "string": st.text(max_size=3),
    "boolean": st.booleans(),
    "date": st.datetimes(),
    "timestamp": st.datetimes(),
}


@st.composite
def tiny(draw: st.DrawFn) -> Evidence:
    """Any contract of up to four columns, any tables of few rows repeated to many, with and without entities."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4))
    columns = [Column(name=f"c{k}", type=kind, domain=draw(_domain(kind))) for k, kind in enumerate(kinds)]
    target = draw(st.sampled_from([None, *[column.name for column in columns]]))
    by_entity = draw(st.booleans())
    unit = PrivacyUnit(kind="entity", column="id", max_rows=2) if by_entity else PrivacyUnit()
    stated = Contract(
        dataset="tiny", columns=(*columns, Column(name="id", type="integer", role="entity")),
        policy=Policy(
            privacy=Privacy(claim="empirical", scope="tiny", unit=unit), target=target,
            subgroups=draw(st.sampled_from([(), ("c0",)])),
        ),
    )  # fmt: skip
    parts = [_table(draw, stated) for _ in range(4)]
    ends = np.cumsum([0, *(len(part) for part in parts[:3])])
    numbers = [np.arange(a, b) for a, b in pairwise(ends)]
    return Evidence(stated, parts[3], parts[0], parts[1], parts[2], draw(st.integers(0, 9)),
                    entities=(numbers[0], numbers[1], numbers[2]) if by_entity else None,
                    conditioned=draw(st.sampled_from([(), ("c0",), ("c0", "nowhere")])))  # fmt: skip


def _domain(kind: str) -> st.SearchStrategy[Categories | Range | None]:
    ranges = st.sampled_from(
        [Range(lower=0, upper=10, resolution=0.5), Range(lower=-1e300, upper=1e300, resolution=1e-9)]
    )
    return {"number": st.none() | ranges, "string": st.none() | st.just(Categories(values=("a", "b"), other=True))}.get(
        kind, st.none()
    )  # type: ignore[return-value]


def _table(draw: st.DrawFn, stated: Contract) -> pd.DataFrame:
    size = draw(st.integers(0, 4))
    repeat = draw(st.sampled_from([1, 60, 150]))
    cells = {
        column.name: draw(st.lists(st.none() | CELLS[column.type], min_size=size, max_size=size))
        for column in stated.modelled
    }
    frame = pd.DataFrame({name: pd.Series(values * repeat, dtype=object) for name, values in cells.items()})
    return conform(frame, stated).table


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(tiny())
def test_no_table_is_a_traceback(source: Evidence) -> None:
    for gate in ("privacy", "utility"):
        report = run_gate(gate, source)  # type: ignore[arg-type]
        assert all(finite(found) for found in report.findings)
        assert report.findings
        assert report.to_bytes()
