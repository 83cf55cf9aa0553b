"""The drift station's desk: what makes a profile stale, and what an old delivery may not undo."""

import pytest

from schemas.contract import Tier
from schemas.events.sources import SnapshotAnnounced
from stream_app.agents.desk import Desk
from tests.events import contract, sha, source


def announced(name: str) -> SnapshotAnnounced:
    return SnapshotAnnounced(event_id=sha(name)[:32], dataset="flights", source=source(name))


@pytest.fixture
def desk() -> Desk:
    made = Desk("flights")
    made.apply(contract())
    made.announce(announced("january"), 10)
    return made


def test_nothing_can_be_profiled_before_contract_and_snapshot_are_known(desk: Desk) -> None:
    assert desk.shape is not None
    assert Desk("flights", contract=desk.contract).shape is None
    assert Desk("flights", snapshot=desk.snapshot).shape is None


def test_limits_and_approvals_leave_the_profile_as_it_is(desk: Desk) -> None:
    before, agreed = desk.shape, contract(version="1.1.0")
    tier = Tier(name="partner", approvals=("legal",))
    policy = agreed.policy.model_copy(update={"limits": {"detection_auc": 0.6}, "tier": tier})
    desk.apply(agreed.model_copy(update={"policy": policy}))
    assert desk.contract is not None
    assert desk.contract.version == "1.1.0"
    assert desk.shape == before


def test_another_domain_or_another_snapshot_asks_for_a_new_profile(desk: Desk) -> None:
    before = desk.shape
    desk.apply(contract(version="2.0.0", confirmed=False))
    renamed = desk.shape
    desk.announce(announced("february"), 11)
    assert len({before, renamed, desk.shape}) == 3


def test_an_older_contract_or_snapshot_that_is_delivered_again_changes_nothing(desk: Desk) -> None:
    desk.apply(contract(version="2.0.0"))
    desk.announce(announced("february"), 20)
    newest = desk.shape
    desk.apply(contract(version="1.9.0", confirmed=False))
    desk.announce(announced("january"), 10)
    assert desk.shape == newest


def test_versions_are_compared_as_numbers(desk: Desk) -> None:
    desk.apply(contract(version="10.0.0"))
    desk.apply(contract(version="9.0.0"))
    assert desk.contract is not None
    assert desk.contract.version == "10.0.0"
