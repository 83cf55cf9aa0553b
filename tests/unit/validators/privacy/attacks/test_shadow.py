from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from schemas.errors import InsufficientEvidence
from schemas.table import conform
from tests.unit.validators.population import evidence, rows
from validators.privacy.attacks.shadow import shadow_scores


def copying(train: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A generator that resamples what it was given and jitters one column."""
    rng = np.random.default_rng(seed)
    drawn = train.iloc[rng.permutation(len(train))[: int(0.9 * len(train))]].reset_index(drop=True)
    return drawn.assign(income=drawn["income"] * np.exp(rng.normal(0, 0.01, len(drawn))))


def independent(train: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A generator that knows the population and never looks at its table."""
    source = evidence((1, 1, 1, 1))
    return conform(rows(len(train), np.random.default_rng([seed, 9])), source.contract).table


def test_a_copying_generator_gives_the_isolated_records_away() -> None:
    source = evidence((400, 400, 200, 1))
    found = shadow_scores(copying, replace(source, synthetic=copying(source.train, 1)), records=15, pairs=4)
    assert len(found.scores) == 30
    assert found.member.sum() == 15
    assert found.auc > 0.85
    assert found.apart.mean() > 0.85


def test_an_independent_generator_gives_nothing_away() -> None:
    """Seed 0; 20 records a side: the AUC's deviation at chance is about .093, and .78 is three of them away."""
    source = evidence((400, 400, 200, 400))
    found = shadow_scores(independent, source, records=20, pairs=4)
    assert 0.22 < found.auc < 0.78
    assert found.apart.mean() == pytest.approx(0.5, abs=0.12)


def test_every_record_is_in_half_of_the_shadows_and_the_reference_in_all() -> None:
    seen: list[pd.DataFrame] = []

    def recording(train: pd.DataFrame, seed: int) -> pd.DataFrame:
        seen.append(train)
        return copying(train, seed)

    source = evidence((100, 100, 60, 100))
    found = shadow_scores(recording, source, records=4, pairs=3, rows=50)
    assert len(seen) == 6
    assert {len(table) for table in seen} == {54}
    both = pd.concat([source.train, source.holdout], ignore_index=True)
    keys = both.iloc[found.rows].astype(str).agg("|".join, axis=1)
    held = [set(table.astype(str).agg("|".join, axis=1)) for table in seen]
    assert all(sum(key in table for table in held) == 3 for key in keys)


def test_without_reference_rows_there_are_no_shadows() -> None:
    source = evidence((100, 100, 10, 100))
    with pytest.raises(InsufficientEvidence):
        shadow_scores(copying, source)
