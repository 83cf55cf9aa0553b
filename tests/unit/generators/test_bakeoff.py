"""A bake-off ranks by distance to unseen rows, says what failed, and is refused where nobody paid for it."""

import numpy as np
import pytest

from generators.bakeoff import bake_off, pair_distance
from schemas.errors import ContractError, InsufficientEvidence
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
