from dataclasses import replace

import pytest

from schemas.errors import InsufficientEvidence
from schemas.finding import Finding
from tests.unit.validators.population import evidence
from validators.privacy.linkability import Linkability
from validators.protocol import Evidence


def measured(source: Evidence) -> Finding:
    (found,) = Linkability().measure(source)
    return found


def test_a_copy_links_the_halves_of_its_members() -> None:
    source = evidence()
    found = measured(replace(source, synthetic=source.train))
    assert found.verdict == "FAIL"
    assert found.detail["linked_members"] > 0.8


def test_fresh_tables_link_members_and_others_alike() -> None:
    """Seeds 0 to 19: an interval at 95 % leaves 0 out in six or more of 20 with a chance below 0.04 %."""
    found = [measured(evidence((800, 500, 100, 800), seed)) for seed in range(20)]
    assert all(item.verdict == "PASS" for item in found)
    assert sum(not (item.interval or (0, 0))[0] <= 0 <= (item.interval or (0, 0))[1] for item in found) <= 5


def test_halves_share_no_column_and_leave_none_out() -> None:
    source = evidence((200, 200, 50, 200))
    first, second = measured(source).detail["halves"]
    assert not set(first) & set(second)
    assert sorted(first + second) == sorted(column.name for column in source.contract.modelled)


def test_few_units_are_no_evidence() -> None:
    for sizes in ((90, 200, 100, 200), (200, 90, 100, 200), (200, 200, 100, 90)):
        with pytest.raises(InsufficientEvidence):
            measured(evidence(sizes))
