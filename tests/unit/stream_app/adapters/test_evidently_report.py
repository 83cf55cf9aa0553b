"""Reports of Evidently as it wrote them: who drifted is what it says itself, and nothing else is taken for a report."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InputError, PerennialError
from stream_app.adapters.evidently_report import DISTANCES, P_VALUES, ColumnDrift, drift_of, read_report

VECTORS = Path(__file__).parents[3] / "vectors"
P_VALUE_REPORT = (VECTORS / "evidently-0.7.23-p-values.json").read_bytes()
DISTANCE_REPORT = (VECTORS / "evidently-0.7.23-distances.json").read_bytes()


def changed(body: bytes, place: int, part: str, **fields: Any) -> bytes:
    document = json.loads(body)
    target = document["metrics"][place]
    target[part] = target[part] | fields if isinstance(target.get(part), dict) else fields["to"]
    return json.dumps(document).encode()


def test_p_values_drift_where_they_are_small() -> None:
    event = drift_of(read_report(P_VALUE_REPORT), "flights", 7_000)
    assert event is not None
    assert event.columns == ("origin", "late")  # the p-values are 0 and 4e-77
    assert (event.kind, event.detector, event.window) == ("external", "evidently", None)
    assert (event.row, event.since_row) == (7_000, 7_000)
    assert event.effect == pytest.approx(2 / 3)
    assert event.severity == 1  # Evidently calls the dataset drifted from one half on
    assert event.said is not None
    assert event.said.startswith("2 of 3 columns drifted by Evidently: origin (Z-test p_value 0, threshold 0.05)")
    assert event.statistic == pytest.approx(300)
    assert event.threshold == pytest.approx(1.30103)


def test_distances_drift_where_they_are_large() -> None:
    event = drift_of(read_report(DISTANCE_REPORT), "flights", 0)
    assert event is not None
    assert event.columns == ("late",)
    assert event.severity == pytest.approx(2 / 3)
    assert event.statistic == pytest.approx(0.3983410184254136)


def test_the_same_report_is_the_same_event_and_another_row_another() -> None:
    first, again, later = (drift_of(read_report(DISTANCE_REPORT), "flights", row) for row in (5, 5, 6))
    assert first is not None
    assert again is not None
    assert later is not None
    assert first.event_id == again.event_id != later.event_id


def test_without_drift_there_is_no_event() -> None:
    body = changed(changed(DISTANCE_REPORT, 1, "value", to=0.0999), 0, "value", count=0.0, share=0.0)
    assert drift_of(read_report(body), "flights", 0) is None


def test_a_method_is_either_a_p_value_or_a_distance() -> None:
    assert not P_VALUES & DISTANCES
    assert ColumnDrift("c", "ks", 0.05, 0.05).drifted
    assert not ColumnDrift("c", "ks", 0.051, 0.05).drifted
    assert ColumnDrift("c", "psi", 0.1, 0.1).drifted
    assert not ColumnDrift("c", "psi", 0.0999, 0.1).drifted


REFUSED = {
    "no JSON": (b"<html>", "strict JSON"),
    "NaN as a score": (P_VALUE_REPORT.replace(b"0.26347172719864703", b"NaN"), "NaN is not JSON"),
    "another tool": (b'{"columns": []}', "no list of metrics"),
    "before 0.7": (b'{"metrics": [{"metric": "DatasetDriftMetric", "result": {}}]}', "before 0.7"),
    "no column tested": (b'{"metrics": [], "tests": []}', "no column"),
    "a test of one's own": (changed(P_VALUE_REPORT, 1, "config", method="custom function 'f'"), "--event"),
    "no method": (changed(P_VALUE_REPORT, 1, "config", method=None), "--event"),
    "a score of text": (changed(P_VALUE_REPORT, 1, "value", to="low"), "must be numbers"),
    "a negative threshold": (changed(P_VALUE_REPORT, 1, "config", threshold=-1), "must be numbers"),
    "a huge score": (changed(P_VALUE_REPORT, 1, "value", to=10**400), "must be numbers"),
    "a column twice": (changed(P_VALUE_REPORT, 1, "config", column="hour"), "more than once"),
    "a count that contradicts": (changed(P_VALUE_REPORT, 0, "value", count=1.0), "contradicts itself"),
    "a share of nothing": (changed(P_VALUE_REPORT, 0, "config", drift_share=0), "drift_share"),
}


@pytest.mark.parametrize("defect", REFUSED)
def test_anything_else_is_refused_and_says_why(defect: str) -> None:
    body, reason = REFUSED[defect]
    with pytest.raises(InputError, match=reason):
        read_report(body)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
JSONS = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 3), st.sampled_from(("config", "value", "metric_name", "column", "method", "threshold")), JSONS)
def test_no_report_gives_a_traceback(place: int, field: str, value: Any) -> None:
    document = json.loads(P_VALUE_REPORT)
    metric = document["metrics"][place]
    (metric if field in metric else metric["config"])[field] = value
    try:
        event = drift_of(read_report(json.dumps(document).encode()), "flights", 0)
    except PerennialError:
        return
    assert event is None or event.kind == "external"
