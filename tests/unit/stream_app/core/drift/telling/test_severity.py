"""A drift weighs by its size and by what its columns tell of the target."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ContractError
from stream_app.core.drift.telling.severity import (
    SCALES,
    column_weight,
    graded,
    severity,
    told_by_tables,
    told_of_target,
)

TOLD = {"telling": 0.6, "half": 0.3, "useless": 0.0, "target": 1.0}


def of(column: str, effect: float = 0.125) -> float:
    return severity("marginal", effect, "total_variation", [column], TOLD, "target").value


def test_a_drift_of_a_useless_column_weighs_a_fifth_of_that_of_the_most_telling_one() -> None:
    assert of("telling") == of("target") == 0.5
    assert of("half") == pytest.approx(0.3)
    assert of("useless") == pytest.approx(0.1)


def test_of_several_columns_the_most_telling_one_counts() -> None:
    assert column_weight(["useless", "telling"], TOLD, "target") == 1.0
    assert column_weight(["useless", "half"], TOLD, "target") == pytest.approx(0.6)


def test_without_a_target_or_with_columns_that_tell_nothing_sizes_are_unweighted() -> None:
    for told, target in ((TOLD, None), ({}, "target"), ({"useless": 0.01, "other": 0.04}, "target")):
        assert severity("marginal", 0.1, "total_variation", ["useless"], told, target).value == pytest.approx(0.4)


def test_concept_drift_weighs_by_its_effect_and_schema_drift_wholly() -> None:
    assert severity("concept", -0.03, "error_rate", ["useless"], TOLD, "target").value == pytest.approx(0.3)
    assert severity("schema", 0.0, "columns", ["useless"], TOLD, "target").value == 1.0


@pytest.mark.parametrize(
    ("value", "word"), [(0.0, "low"), (0.19, "low"), (0.2, "medium"), (0.49, "medium"), (0.5, "high")]
)
def test_words(value: float, word: str) -> None:
    assert graded(value).word == word


@given(
    st.floats(-1e9, 1e9),
    st.floats(0, 1),
    st.sampled_from(sorted(SCALES)),
    st.lists(st.sampled_from(["telling", "half", "useless", "target", "unknown"]), max_size=3),
    st.dictionaries(st.sampled_from(["telling", "half", "useless"]), st.floats(0, 1)),
)
def test_severity_stays_within_bounds_and_grows_with_the_effect(
    effect: float, part: float, unit: str, columns: list[str], told: dict[str, float]
) -> None:
    larger = severity("marginal", effect, unit, columns, told, "target").value
    assert 0 <= severity("marginal", effect * part, unit, columns, told, "target").value <= larger <= 1


@pytest.mark.parametrize(("effect", "unit"), [(float("nan"), "share"), (float("inf"), "share"), (0.1, "furlongs")])
def test_an_effect_without_a_scale_is_refused(effect: float, unit: str) -> None:
    with pytest.raises(ContractError):
        severity("marginal", effect, unit)


def test_told_is_1_for_the_target_high_for_what_follows_and_low_for_noise() -> None:
    # Seed 1; the information of 20,000 rows of noise is off by about 5e-4 nats at most, a correlation of 0.03.
    random = np.random.default_rng(1)
    target, noise = random.integers(2, 5, (2, 20_000))
    follows = np.where(random.random(20_000) < 0.8, target, 2)
    codes = np.stack([noise, target, follows]).astype(np.uint8)
    told = told_of_target(codes, [5, 5, 5], 1)
    assert told[1] == 1
    assert told[0] < 0.03
    assert 0.6 < told[2] < 1
    table = np.zeros((5, 5))
    np.add.at(table, (codes[2], codes[1]), 1)
    assert told_by_tables([table])[0] == pytest.approx(told[2])
