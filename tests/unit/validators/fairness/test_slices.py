import numpy as np
import pytest

from tests.unit.validators.population import REGIONS, contract, evidence
from validators.fairness.slices import inside, slice_codes, slices_of, subgroup_columns
from validators.protocol import Evidence


def source(*subgroups: str) -> Evidence:
    return evidence((600, 400, 10, 500), contract=contract(subgroups=subgroups))


def test_a_slice_is_named_by_its_place_in_the_public_domain() -> None:
    found = {one.name: one for one in slices_of(source("region"))}
    assert set(found) == {f"region#{k}" for k in range(1, len(REGIONS) + 1)}
    assert found["region#1"].share == pytest.approx(0.4, abs=0.06)
    assert not any(region in name for name in found for region in REGIONS)


def test_numbers_are_cut_in_quarters_and_missing_cells_are_a_slice() -> None:
    found = {one.name: one.share for one in slices_of(source("income"))}
    assert set(found) == {f"income#{k}" for k in range(5)}
    assert found["income#0"] == pytest.approx(0.05, abs=0.03)
    assert found["income#3"] == pytest.approx(0.2375, abs=0.04)


def test_categories_without_a_domain_go_by_frequency() -> None:
    found = {one.name: one.share for one in slices_of(source("plan")) if one.code > 0}
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_every_row_is_in_one_slice_of_each_column() -> None:
    given = source("region", "plan", "age")
    for table in (given.train, given.holdout, given.synthetic):
        for place in range(3):
            of_column = [one for one in slices_of(given) if one.place == place]
            assert (np.sum([inside(given, table, one) for one in of_column], axis=0) == 1).all()


def test_only_released_columns_count_and_codes_are_worked_out_once() -> None:
    given = source("customer", "region")
    assert [column.name for column in subgroup_columns(given)] == ["region"]
    assert slice_codes(given, given.train) is slice_codes(given, given.train)
