"""A bake-off ranks by distance to unseen rows, says what failed, and is refused where nobody paid for it."""

import numpy as np
import pytest

from generators.bakeoff import bake_off, compared, pair_distance
from generators.registry import FAMILIES
from schemas.errors import ContractError, InputError, InsufficientEvidence
from tests.unit.generators.sampling.invented import Invented, contract


def empirical():  # type: ignore[no-untyped-def]
    base = contract()
    privacy = base.policy.privacy.model_copy(update={"claim": "empirical", "epsilon": "3"})
    return base.model_copy(update={"policy": base.policy.model_copy(update={"privacy": privacy})})


def test_candidates_are_ranked_and_failures_come_last() -> None:
    pinned = empirical()
    table = Invented(pinned).sample(1_500, 1)
    coarse = {"dp-marginals": {"unheard-of": 1.0}}
    told = bake_off(table, pinned, ("trees", "dp-marginals"), 1, 1_200, coarse)
    assert [one.family for one in told] == ["trees", "dp-marginals"]
    assert told[0].distance is not None
    assert told[1].distance is None
    assert "unheard-of" in (told[1].failure or "")
    again = bake_off(table, pinned, ("trees", "dp-marginals"), 1, 1_200, coarse)
    assert [one.distance for one in again] == [one.distance for one in told]


def test_the_distance_sees_what_moved() -> None:
    """Two samples of 1,000 rows differ by chance; a column without its dependence differs by more."""
    pinned = contract()
    one, other = (Invented(pinned).sample(1_000, seed) for seed in (1, 2))
    near = pair_distance(one, other, pinned)
    moved = one.assign(member=one["member"].sample(frac=1, random_state=1).to_numpy(), age=one["age"] // 2)
    assert 0 < near < pair_distance(moved, other, pinned)
    assert pair_distance(one, one, pinned) == 0
    assert np.isfinite(near)


def test_a_formal_claim_and_few_rows_are_refused() -> None:
    table = Invented(contract()).sample(300, 1)
    with pytest.raises(ContractError, match="nobody pays"):
        bake_off(table, contract(), ("dp-marginals",), 1)
    with pytest.raises(InsufficientEvidence, match="200"):
        bake_off(table[:100], empirical(), ("dp-marginals",), 1)


def test_a_comparison_gives_every_family_a_reason() -> None:
    pinned = empirical()
    told = compared(Invented(pinned).sample(1_500, 1), pinned, ("dp-marginals", "trees"), 1, 1_200)
    assert [(one.family, one.verdict) for one in told] == [("trees", "tasted"), ("dp-marginals", "tasted")]
    assert all(one.reason for one in told)
    assert told[0].distance is not None
    assert told[0].distance < (told[1].distance or 0)


def test_families_that_are_no_choice_are_told_apart_from_those_that_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only trees are there: everything else is refused with its reason, and not tried."""
    monkeypatch.setattr("generators.selection.available", lambda: ("trees", "rules"))
    pinned = empirical()
    told = {one.family: one for one in compared(Invented(pinned).sample(400, 1), pinned, (), 1)}
    assert [name for name, one in told.items() if one.verdict != "refused"] == ["trees"]
    assert set(told) == set(FAMILIES)
    assert "never chosen" in told["rules"].reason
    assert told["rules"].distance is None
    failed = compared(Invented(pinned).sample(400, 1), pinned, ("par",), 1)
    assert [(one.verdict, one.distance) for one in failed] == [("failed", None)]


def test_a_comparison_looks_at_nothing_under_a_formal_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generators.bakeoff.take_profile", lambda *_: pytest.fail("the rows were looked at"))
    with pytest.raises(ContractError, match="nobody pays"):
        compared(Invented(contract()).sample(300, 1), contract(), (), 1)
    monkeypatch.undo()
    with pytest.raises(InputError, match="known are"):
        compared(Invented(contract()).sample(300, 1), empirical(), ("oracle",), 1)
