from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from schemas.errors import InsufficientEvidence
from tests.unit.validators.population import by_customer, contract, evidence, rows
from validators.privacy.class_hits import SMALL, SmallClassHits
from validators.privacy.classes import class_codes
from validators.protocol import Evidence


def naive(source: Evidence, side: str) -> float:
    """The rate of hits on one side by a loop over rows, both sides of equal size."""
    known, hidden = class_codes(source, getattr(source, side))
    groups: dict[tuple[int, ...], list[int]] = {}
    for key, value in zip(map(tuple, known.tolist()), hidden[:, 0].tolist(), strict=True):
        groups.setdefault(key, []).append(value)
    fake, told = class_codes(source, source.synthetic)
    hits = [
        len(groups.get(tuple(key), [])) < SMALL and value in groups.get(tuple(key), []) and value != 0
        for key, value in zip(fake.tolist(), told[:, 0].tolist(), strict=True)
    ]
    return float(np.mean(hits))


def test_rates_are_what_a_loop_counts() -> None:
    source = evidence((900, 900, 100, 1_200))
    mixed = pd.concat([source.train.iloc[:200], source.synthetic.iloc[200:]], ignore_index=True)
    source = replace(source, synthetic=mixed)
    (found,) = SmallClassHits().measure(source)
    assert found.detail["rate_train"] == pytest.approx(naive(source, "train"))
    assert found.detail["rate_holdout"] == pytest.approx(naive(source, "holdout"))
    assert found.value == pytest.approx(naive(source, "train") - naive(source, "holdout"))


def test_fresh_rows_pass_and_copied_ones_do_not() -> None:
    # 40 seeds; a fresh table fails where a 99 % lower bound of a difference of 0 exceeds 0.005: at most 0.5 % of them
    fresh = [SmallClassHits().measure(evidence((1_000, 600, 100, 1_000), seed=seed))[0] for seed in range(40)]
    assert sum(found.verdict == "FAIL" for found in fresh) <= 1
    source = evidence((4_000, 2_000, 100, 4_000))
    (found,) = SmallClassHits().measure(replace(source, synthetic=source.train))
    assert found.verdict == "FAIL"


def test_one_class_that_many_rows_hit_is_one_event() -> None:
    source = evidence((1_500, 1_500, 100, 1_500))
    keys = [list(map(tuple, class_codes(source, side)[0].tolist())) for side in (source.train, source.holdout)]
    lone = next(k for k, key in enumerate(keys[0]) if keys[0].count(key) == 1 and key not in keys[1])
    again = pd.concat([source.train.iloc[[lone] * 300], source.synthetic.iloc[300:]], ignore_index=True)
    (found,) = SmallClassHits().measure(replace(source, synthetic=again))
    assert found.interval is not None
    assert found.interval[0] < 0 < 0.1 < (found.value or 0)


def test_rows_of_one_entity_are_one_unit() -> None:
    rng = np.random.default_rng(0)
    base = evidence((10, 10, 10, 800), contract=by_customer())
    sides = [base.contract and rows(600, rng, rows_each=5) for _ in range(2)]
    units = (np.repeat(np.arange(120), 5), np.repeat(np.arange(120, 240), 5), np.zeros(0, dtype=np.int64))
    typed = [table[list(base.synthetic.columns)].astype(base.synthetic.dtypes.to_dict()) for table in sides]
    typed = [table.assign(age=40, income=1.0, region="north", plan="gold", since=table["since"].iloc[0], active=True)
             for table in typed]  # fmt: skip
    for table in typed:
        table.loc[5:, "age"] = 60
    crowd = typed[0].iloc[[0] * 800].reset_index(drop=True)
    source = replace(
        base, train=typed[0], holdout=typed[1], reference=typed[0].iloc[:0], synthetic=crowd, entities=units
    )
    # the class of the first five rows is one customer: small, though it has as many rows as five customers
    (found,) = SmallClassHits().measure(source)
    assert found.detail["rate_train"] == 1


def test_without_a_sensitive_column_or_enough_rows() -> None:
    source = evidence()
    assert SmallClassHits().measure(replace(source, contract=contract(target=None))) == ()
    with pytest.raises(InsufficientEvidence):
        SmallClassHits().measure(replace(source, holdout=source.holdout.iloc[:99]))
