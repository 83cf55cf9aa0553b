from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.unit.validators.population import contract, evidence
from validators.privacy.attacks.suite import ATTACKS, attacked
from validators.protocol import Evidence
from validators.statistics import auc

NAMES = [attack.name for attack in ATTACKS]


def aucs(source: Evidence) -> dict[str, float]:
    found = attacked(source)
    member = found.pool.member
    return {name: auc(score[member], score[~member]) for name, score in found.scores.items()}


def test_every_attack_sees_an_exact_copy() -> None:
    """A weak attack is false assurance. The population's reals are nearly unique, as real tables' are."""
    source = evidence((1_500, 1_500, 800, 1_500))
    found = aucs(replace(source, synthetic=source.train))
    assert set(found) == set(NAMES)
    assert min(found.values()) > 0.93, found


def test_all_but_the_discriminator_see_a_copy_where_few_columns_hold_many_rows() -> None:
    """The discriminator's own promise there is less (its docstring)."""
    columns = tuple(column for column in contract().columns if column.name in ("age", "income", "active"))
    stated = contract(target=None).model_copy(update={"columns": columns})
    source = evidence((8_000, 4_000, 4_000, 10))
    found = aucs(replace(source, contract=stated, synthetic=source.train))
    assert min(value for name, value in found.items() if name != "discriminator") > 0.9, found
    assert found["discriminator"] > 0.75, found


def test_every_attack_sees_copies_among_as_many_fresh_rows() -> None:
    source = evidence((1_000, 1_000, 800, 1_000))
    found = aucs(replace(source, synthetic=pd.concat([source.train, source.synthetic], ignore_index=True)))
    assert min(found.values()) > 0.85, found


def jittered(table: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return table.assign(income=table["income"] * np.exp(rng.normal(0, 0.002, len(table))))


@pytest.mark.parametrize("change", [jittered])
def test_every_attack_sees_copies_with_a_little_noise(change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    source = evidence((1_500, 1_500, 800, 1_500))
    found = aucs(replace(source, synthetic=change(source.train)))
    assert min(found.values()) > 0.7, found


def test_fresh_rows_leave_every_attack_at_chance() -> None:
    """Six seeds; one AUC's deviation is about .0105, so that a mean of six beyond .015 has a chance below .1 %."""
    found = [aucs(evidence((1_500, 1_500, 800, 1_500), seed)) for seed in range(6)]
    for name in NAMES:
        assert np.mean([each[name] for each in found]) == pytest.approx(0.5, abs=0.015), name


def test_scores_are_finite_whatever_the_cells() -> None:
    source = evidence((150, 150, 80, 150))
    extreme = source.synthetic.copy()
    extreme["income"] = np.resize([1e300, -1e300, np.nan, 0.0], len(extreme))
    extreme["plan"] = [f"plan {k}" for k in range(len(extreme))]
    for score in attacked(replace(source, synthetic=extreme)).scores.values():
        assert np.isfinite(score).all()


def test_targets_are_capped_and_repeat_themselves() -> None:
    source = evidence((5_000, 4_500, 60, 300))
    first, second = attacked(source), attacked(source)
    assert (first.pool.members, first.pool.units) == (4_000, 8_000)
    assert (first.members, first.others) == (5_000, 4_500)
    for name, score in first.scores.items():
        np.testing.assert_array_equal(score, second.scores[name])
