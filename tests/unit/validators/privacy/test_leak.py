from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from schemas.errors import ContractError, InsufficientEvidence
from schemas.table import conform
from tests.unit.validators.population import by_customer, evidence, rows
from validators.privacy.leak import Leak
from validators.privacy.leak import tested as outcome
from validators.privacy.rankings import rankings, real_of
from validators.protocol import Evidence


def copied(source: Evidence, share: float) -> Evidence:
    count = round(share * len(source.synthetic))
    table = pd.concat([source.train.iloc[:count], source.synthetic.iloc[count:]], ignore_index=True)
    return replace(source, synthetic=table)


def by_entity(seed: int, fresh_from_members: float = 0.0) -> Evidence:
    """Customers of four alike rows: 400 members, 200 and 200 held out, a table of other customers' rows."""
    stated, rng = by_customer(), np.random.default_rng([seed, 5])
    frames = [rows(size, rng, rows_each=4) for size in (1_600, 800, 800, 1_600)]
    units = [frame["customer"].to_numpy() + 10_000 * k for k, frame in enumerate(frames)]
    tables = [conform(frame, stated).table for frame in frames]
    count = round(fresh_from_members * len(tables[3]))
    leaked = tables[0].iloc[rng.permutation(len(tables[0]))[:count]]
    synthetic = pd.concat([leaked, tables[3].iloc[count:]], ignore_index=True)
    return Evidence(stated, synthetic, tables[0], tables[1], tables[2], seed, (units[0], units[1], units[2]))


def test_one_percent_of_copied_rows_is_refused() -> None:
    found, detectable = Leak().measure(copied(evidence(), 0.01))
    assert (found.verdict, detectable.verdict) == ("FAIL", "PASS")
    assert found.value is not None
    assert found.value < 1e-3


def test_fresh_rows_are_refused_no_oftener_than_stated() -> None:
    """Seeds 0 to 59 at the first attempt, rate at most .0061: three rejections or more have a chance below 0.6 %."""
    found = [Leak().measure(evidence((600, 300, 200, 600), seed))[0] for seed in range(60)]
    assert sum(item.verdict == "FAIL" for item in found) <= 2


def test_rows_copied_but_for_one_column_are_refused() -> None:
    source = copied(evidence((4_000, 2_000, 1_000, 4_000)), 0.02)
    table = source.synthetic.copy()
    table.loc[:79, "active"] = ~table.loc[:79, "active"]
    found, _ = Leak().measure(replace(source, synthetic=table))
    assert found.verdict == "FAIL"
    assert found.detail["members_hit"] < 20
    assert found.detail["members_hit_but_two"] > 50


def test_rows_copied_but_for_two_columns_are_refused() -> None:
    source = copied(evidence((4_000, 2_000, 1_000, 4_000)), 0.01)
    table = source.synthetic.copy()
    table.loc[:39, "active"] = ~table.loc[:39, "active"]
    table.loc[:39, "churned"] = ~table.loc[:39, "churned"]
    assert Leak().measure(replace(source, synthetic=table))[0].verdict == "FAIL"


def test_whoever_the_members_are_fresh_rows_are_refused_at_most_at_the_stated_rate() -> None:
    """Seed 0, 600 splits anew of one pool: p is uniform or larger, so more than 51 at or below .05 have a chance under
    .2 %.
    """
    source = evidence((600, 300, 200, 600))
    real = real_of(source)
    ranks = rankings(real, copied(source, 0.01).synthetic, 0)
    rng, values = np.random.default_rng(0), []
    for seed in range(600):
        drawn = replace(real, pool=replace(real.pool, member=rng.permutation(real.pool.member)))
        values.append(outcome(drawn, ranks, 0.05, seed).p_value)
    assert 6 < sum(value <= 0.05 for value in values) <= 51


def test_spare_rows_join_the_pool_as_non_members() -> None:
    source = evidence((1_500, 400, 300, 1_500))
    more = replace(source, spare=evidence((1, 1, 1, 800), seed=9).synthetic)
    found, detectable = Leak().measure(more)
    assert found.samples["others"] == 1_500
    assert (detectable.value or 1) < (Leak().measure(source)[1].value or 0)


def test_a_second_look_at_the_same_table_costs_nothing() -> None:
    source = evidence()
    assert Leak().measure(source) is Leak().measure(source)


def test_rows_copied_with_noise_are_refused_by_the_near_test() -> None:
    source = copied(evidence((4_000, 2_000, 1_000, 2_000)), 0.05)
    table = source.synthetic.copy()
    table.loc[:99, "income"] *= 1.0001
    table.loc[:99, "since"] += pd.Timedelta(days=1)
    found, _ = Leak().measure(replace(source, synthetic=table))
    assert found.verdict == "FAIL"
    assert found.detail["members_hit"] == 0
    assert found.detail["p_near"] < 1e-4


def test_copies_of_held_out_rows_are_no_leak() -> None:
    source = evidence()
    table = pd.concat([source.holdout.iloc[:40], source.synthetic.iloc[40:]], ignore_index=True)
    assert Leak().measure(replace(source, synthetic=table))[0].verdict == "PASS"


def test_each_attempt_may_err_less_often_than_the_one_before() -> None:
    limits = [Leak().measure(evidence((300, 150, 150, 300), attempt=attempt))[0].limit or 0 for attempt in (1, 2, 3)]
    assert limits == pytest.approx([0.01 * 6 / (np.pi * t) ** 2 for t in (1, 2, 3)])


def test_too_few_rows_to_see_a_leak_are_insufficient() -> None:
    found, detectable = Leak().measure(evidence((200, 80, 80, 150)))
    assert found.verdict == "PASS"
    assert detectable.verdict == "INSUFFICIENT"
    assert detectable.value is not None
    assert detectable.value > 0.02


def test_rows_that_are_all_alike_show_no_leak_and_are_insufficient() -> None:
    source = evidence()
    same = [table.assign(age=1, income=1.0, since=pd.Timestamp("2020-01-01")) for table in
            (source.train, source.holdout, source.reference, source.synthetic)]  # fmt: skip
    _, detectable = Leak().measure(
        replace(source, train=same[0], holdout=same[1], reference=same[2], synthetic=same[3])
    )
    assert (detectable.verdict, detectable.value) == ("INSUFFICIENT", 1.0)


def test_what_it_says_it_can_see_it_sees() -> None:
    """20 seeds at the stated share, which promises 95 %: fewer than 16 have a chance below 0.3 %."""
    refused = 0
    for seed in range(20):
        source = evidence((1_500, 800, 500, 1_500), seed)
        share = Leak().measure(source)[1].value
        assert share is not None
        refused += Leak().measure(copied(source, 1.15 * share))[0].verdict == "FAIL"
    assert refused >= 16


def test_fresh_entities_pass_and_leaking_ones_do_not() -> None:
    """Seeds 0 to 24, null rate at most .0061: two rejections or more have a chance below 1.1 %."""
    fresh = [Leak().measure(by_entity(seed))[0] for seed in range(25)]
    assert sum(item.verdict == "FAIL" for item in fresh) <= 1
    assert fresh[0].detail["unit"] == "entity"
    assert [Leak().measure(by_entity(seed, 0.02))[0].verdict for seed in range(4)] == ["FAIL"] * 4


def test_an_entity_on_both_sides_is_broken_input() -> None:
    source = by_entity(0)
    assert source.entities is not None
    shared = (source.entities[0], source.entities[0][:800], source.entities[2])
    with pytest.raises(ContractError, match="both sides"):
        Leak().measure(replace(source, entities=shared))


def test_no_members_or_no_others_is_no_evidence() -> None:
    source = evidence((300, 150, 150, 300))
    empty = source.train.iloc[:0]
    for broken in (
        replace(source, train=empty),
        replace(source, synthetic=empty),
        replace(source, holdout=empty, reference=empty),
    ):
        with pytest.raises(InsufficientEvidence):
            Leak().measure(broken)
