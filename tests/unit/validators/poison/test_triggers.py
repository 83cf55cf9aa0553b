from dataclasses import replace

import numpy as np
import pytest

from tests.unit.validators.population import contract, evidence
from validators.poison.suspicion import Planted, judged, suspicion
from validators.poison.triggers import triggers
from validators.protocol import Evidence


def found_in(source: Evidence) -> Planted | None:
    task = suspicion(source)
    assert task is not None
    return triggers(task, judged(task, task.evidence.synthetic))


@pytest.mark.parametrize("seed", range(3))
def test_fresh_rows_have_none(seed: int) -> None:
    """Three seeds; by the Bonferroni bound a trigger is seen in at most 1 % of fresh tables."""
    assert found_in(evidence((1_000, 800, 10, 1_500), seed)) is None


def test_an_honest_heap_is_no_trigger() -> None:
    """A value far too frequent, whose labels are what they are elsewhere."""
    source = evidence((1_000, 800, 10, 1_500))
    table = source.synthetic.assign(income=source.synthetic["income"].mask(np.arange(1_500) < 60, 12_345.6))
    assert found_in(replace(source, synthetic=table)) is None


def test_a_trigger_for_a_class_of_several_is_told_by_number() -> None:
    source = evidence((1_500, 1_000, 10, 2_000), contract=contract(target="plan"))
    table = source.synthetic.copy()
    table.loc[:59, "income"], table.loc[:59, "plan"] = 9_999.9, "plus"
    found = found_in(replace(source, synthetic=table))
    assert found is not None
    assert (found.kind, found.rows) == ("trigger", 60)
    assert found.share == pytest.approx(0.03, abs=0.001)
    assert isinstance(found.label, int)


def test_a_table_of_one_column_beside_the_target_is_judged() -> None:
    source = evidence((400, 400, 10, 400))
    columns = tuple(column for column in source.contract.columns if column.name in ("age", "churned"))
    small = source.contract.model_copy(update={"columns": columns})
    tables = {
        side: getattr(source, side)[["age", "churned"]] for side in ("train", "holdout", "synthetic", "reference")
    }
    assert found_in(replace(source, contract=small, **tables)) is None
