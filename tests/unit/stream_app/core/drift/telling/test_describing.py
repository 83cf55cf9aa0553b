"""What a sign says of a change: abrupt or grown, in which group, since what time, and on which counts that rests."""

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column, Contract
from stream_app.core.drift.reference import Reference, build_reference
from stream_app.core.drift.sign import DriftSign
from stream_app.core.drift.tracker import Tracker
from tests.unit.stream_app.core.drift.drift_tables import CONTRACT, rows

TIMED: Contract = CONTRACT.model_copy(
    update={"columns": (*CONTRACT.columns, Column(name="at", type="timestamp", role="time"))}
)
START = pd.Timestamp("2026-03-01")


def timed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(at=START + pd.to_timedelta(np.arange(len(frame)), unit="min"))


@pytest.fixture(scope="module")
def reference() -> Reference:
    return build_reference(timed(rows(20_000, 1)), TIMED)


def first(reference: Reference, frame: pd.DataFrame) -> DriftSign:
    found = Tracker(reference).observe(timed(frame))
    assert found
    return found[0]


def test_a_step_is_abrupt_and_dated_to_its_block_and_time(reference: Reference) -> None:
    """Seeds 2 and 3."""
    sign = first(reference, pd.concat([rows(2_500, 2), rows(2_000, 3, shift=0.5)], ignore_index=True))
    assert (sign.kind, sign.columns[0], sign.onset, sign.group) == ("marginal", "y", "abrupt", None)
    assert abs(sign.since_row - 2_500) <= 250
    assert sign.since_time is not None
    minutes = (sign.since_time - START.timestamp()) / 60
    assert minutes <= sign.since_row < minutes + 250


def test_steps_that_take_many_blocks_to_find_are_not_called_gradual(reference: Reference) -> None:
    """Seeds 100 to 105: 0.15 standard deviations, found after some four to eight blocks."""
    for seed in range(100, 106):
        frame = pd.concat([rows(2_500, 4), rows(8_000, seed, shift=0.15)], ignore_index=True)
        sign = first(reference, frame)
        assert (sign.columns[0], sign.onset) == ("y", "abrupt")
        assert sign.row >= 2_900


def test_the_evidence_is_the_counts_before_and_since(reference: Reference) -> None:
    """Seeds 6 and 7. The change begins with a block, so that all rows since are of the new kind."""
    sign = first(reference, pd.concat([rows(2_500, 6), rows(3_000, 7, shift=1.0)], ignore_index=True))
    place = [column.name for column in reference.bins].index(sign.columns[0])
    assert list(sign.evidence.before) == reference.counts[0, reference.layout.column_cells(place)].tolist()
    assert sum(sign.evidence.after) == sign.row - sign.since_row
    coarse = reference.layout.coarse[place, : len(sign.evidence.before)]
    shares = [np.bincount(coarse, each) / sum(each) for each in (sign.evidence.before, sign.evidence.after)]
    assert sign.effect == pytest.approx(float(np.abs(shares[0] - shares[1]).sum()) / 2, abs=0.01)


def test_new_values_are_told_with_the_rows_that_brought_them(reference: Reference) -> None:
    """Seeds 8 and 9."""
    sign = first(reference, pd.concat([rows(2_500, 8), rows(2_000, 9, new=0.1)], ignore_index=True))
    assert (sign.kind, sign.columns, sign.unit) == ("new_category", ("kind",), "total_variation")
    assert 2_250 <= sign.since_row <= 2_750
    assert sign.effect == pytest.approx(0.1, abs=0.05)


def test_a_group_is_named_by_its_value(reference: Reference) -> None:
    """Seeds 10 and 11: one column moves among the rows of group i, a tenth of all."""
    moved = rows(8_000, 11)
    moved["x"] = moved["x"] + np.where(moved["group"] == "i", 1.0, 0.0)
    sign = first(reference, pd.concat([rows(2_500, 10), moved], ignore_index=True))
    assert (sign.kind, sign.columns, sign.group) == ("subgroup", ("group", "x"), "i")
    assert sign.unit == "standard_deviations"
    assert sign.effect == pytest.approx(1.0, abs=0.5)
