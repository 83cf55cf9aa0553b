from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.unit.validators.population import evidence
from validators.poison.regions import regions
from validators.poison.suspicion import Planted, judged, suspicion
from validators.protocol import Evidence


def found_in(source: Evidence) -> Planted:
    task = suspicion(source)
    assert task is not None
    found = regions(task, judged(task, task.evidence.synthetic), judged(task, task.evidence.holdout))
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(3))
def test_fresh_rows_lie_off_nowhere(seed: int) -> None:
    """Three seeds; simultaneous bounds at 95 %, and what is typical of the table is taken off."""
    assert found_in(evidence((1_200, 800, 10, 1_500), seed)).lower <= 0


def test_a_blur_all_over_is_excused_and_one_region_is_not() -> None:
    source = evidence((3_000, 2_000, 10, 6_000))
    rng = np.random.default_rng(0)
    labels = source.synthetic["churned"].to_numpy(dtype=bool)
    blurred = np.where(rng.random(6_000) < 0.3, rng.permutation(labels), labels)
    region = (source.synthetic["age"] > 60).to_numpy(dtype=bool) & (rng.random(6_000) < 0.5)
    everywhere, one = (
        found_in(replace(source, synthetic=source.synthetic.assign(churned=pd.array(each, dtype="boolean"))))
        for each in (blurred, labels ^ region)
    )
    assert everywhere.lower < 0.005 < one.lower
