from dataclasses import replace

import numpy as np
import pytest

from schemas.errors import InsufficientEvidence
from schemas.finding import Finding
from tests.unit.validators.population import evidence
from validators.privacy.singling_out import Side, SinglingOut, _keys, _matched
from validators.protocol import Evidence


def measured(source: Evidence) -> Finding:
    (found,) = SinglingOut().measure(source)
    return found


def test_a_copy_singles_its_members_out() -> None:
    source = evidence()
    found = measured(replace(source, synthetic=source.train))
    assert found.verdict == "FAIL"
    assert found.detail["isolating_members"] > 0.8


def test_a_copy_among_as_many_fresh_rows_does_too() -> None:
    source = evidence((1_500, 1_500, 100, 1_500))
    half = replace(source, synthetic=source.synthetic.iloc[:750].reset_index(drop=True))
    table = type(half.synthetic)(np.vstack([half.synthetic.to_numpy(object), source.train.iloc[:750].to_numpy(object)]))
    table.columns = source.train.columns
    assert measured(replace(source, synthetic=table.astype(source.train.dtypes))).verdict == "FAIL"


def test_fresh_tables_single_out_members_and_others_alike() -> None:
    """Seeds 0 to 19: an interval at 95 % leaves 0 out in six or more of 20 with a chance below 0.04 %."""
    found = [measured(evidence((800, 500, 300, 800), seed)) for seed in range(20)]
    assert all(item.verdict == "PASS" for item in found)
    assert sum(not (item.interval or (0, 0))[0] <= 0 <= (item.interval or (0, 0))[1] for item in found) <= 5


def test_sides_are_equally_large_and_disjoint() -> None:
    found = measured(evidence((800, 300, 200, 600)))
    assert (found.samples["members"], found.samples["non_members"]) == (500, 500)


def test_isolation_is_counted_like_a_naive_loop() -> None:
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 4, (60, 3)).astype(np.int32)
    unit = rng.integers(0, 25, 60)
    side = Side(codes, np.unique(unit, return_inverse=True)[1])
    chosen = np.array([2, 0])
    predicates = np.unique(_keys(rng.integers(0, 4, (9, 3)).astype(np.int32), chosen, (4, 4, 4)))
    naive = [
        len({int(u) for u, row in zip(unit, codes, strict=True) if row[2] * 4 + row[0] == key}) == 1
        for key in predicates
    ]
    np.testing.assert_array_equal(_matched(predicates, side, chosen, (4, 4, 4)).isolates, np.array(naive, float))


def test_few_units_are_no_evidence() -> None:
    for sizes in ((150, 300, 100, 300), (300, 100, 50, 300), (300, 200, 100, 50)):
        with pytest.raises(InsufficientEvidence):
            measured(evidence(sizes))


def test_a_table_without_rows_that_stand_out_singles_nobody_out() -> None:
    source = evidence((400, 400, 100, 400))
    found = measured(replace(source, synthetic=source.synthetic.iloc[[0] * 400].reset_index(drop=True)))
    assert (found.value, found.detail["predicates"], found.verdict) == (0.0, 0, "PASS")
