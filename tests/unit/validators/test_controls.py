import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from schemas.errors import InsufficientEvidence
from tests.unit.validators.population import evidence
from tests.unit.validators.privacy.test_leak import by_entity
from validators import controls
from validators.controls import Controls
from validators.memo import Memo
from validators.privacy.planted import LEAKS, planted
from validators.privacy.rankings import rankings, real_of
from validators.protocol import Evidence


@pytest.fixture
def leak_gate_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controls, "OTHER_GATES", ())


def with_spare(seed: int = 0) -> Evidence:
    return replace(evidence(seed=seed), spare=evidence(seed=seed + 100).synthetic)


def test_copies_are_refused_fresh_rows_are_not_and_leaks_are_told() -> None:
    (found,) = Controls().measure(with_spare())
    assert (found.verdict, found.value) == ("PASS", 0.0)
    p_values = found.detail["p_values"]
    assert p_values["copy"] < p_values["leak of 10.0%"] < p_values["leak of 2.0%"] < 1e-3 < p_values["fresh"]
    assert p_values["noisy copy"] < 1e-3
    assert found.detail["other_gates"]["neighbour_risk"]["copy"] == "refused"
    assert found.detail["other_gates"]["neighbour_risk"]["fresh"] != "refused"
    assert "refused" not in {item["fresh"] for item in found.detail["other_gates"].values()}
    json.dumps(found.model_dump(mode="json"), allow_nan=False)


@pytest.mark.usefixtures("leak_gate_alone")
def test_honest_evidence_is_not_called_invalid() -> None:
    """Seeds 0 to 7: each fresh control errs at most once in a thousand."""
    assert [Controls().measure(evidence(seed=seed))[0].verdict for seed in range(8)] == ["PASS"] * 8


@pytest.mark.usefixtures("leak_gate_alone")
def test_fresh_rows_that_are_members_make_it_invalid() -> None:
    source = evidence()
    (found,) = Controls().measure(replace(source, spare=source.train.iloc[:400].reset_index(drop=True)))
    assert found.verdict == "INVALID"
    assert "fresh rows were refused" in (found.reason or "")


@pytest.mark.usefixtures("leak_gate_alone")
def test_a_copy_that_the_gate_cannot_see_makes_it_invalid() -> None:
    source = evidence()
    alike = [table.assign(age=1, income=1.0, since=pd.Timestamp("2020-01-01"), plan="gold", region="north") for table in
             (source.train, source.holdout, source.reference, source.synthetic)]  # fmt: skip
    (found,) = Controls().measure(
        replace(source, train=alike[0], holdout=alike[1], reference=alike[2], synthetic=alike[3])
    )
    assert found.verdict == "INVALID"
    assert (found.value or 0) >= 1


@pytest.mark.usefixtures("leak_gate_alone")
def test_too_few_rows_to_see_the_wanted_leak_are_insufficient() -> None:
    (found,) = Controls().measure(evidence((400, 200, 200, 100)))
    assert found.verdict == "INSUFFICIENT"
    assert found.detail["smallest_leak_detected"] in (None, 0.1)


@pytest.mark.usefixtures("leak_gate_alone")
def test_the_second_candidate_costs_nothing_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    memo = Memo()
    source = replace(with_spare(), memo=memo)
    (first,) = Controls().measure(source)
    memo.keep_only((source.train, source.holdout, source.reference, source.spare))
    monkeypatch.setattr(controls, "rankings", None)
    other = replace(source, synthetic=source.train.iloc[: len(source.synthetic)].reset_index(drop=True))
    assert Controls().measure(other)[0] == first


def test_the_pool_of_the_controls_leaves_the_fresh_rows_out() -> None:
    made = planted(with_spare())
    assert made.evidence.spare is None
    assert len(made.fresh) == 1_500
    halved = planted(evidence())
    assert len(halved.fresh) == len(halved.evidence.reference) == 250
    by_customer = planted(by_entity(0))
    assert by_customer.evidence.entities is not None
    assert len(by_customer.evidence.entities[2]) == len(by_customer.evidence.reference) == 400


def test_leaks_are_ranked_as_if_their_tables_were_searched_whole() -> None:
    made = planted(with_spare())
    real = real_of(made.evidence)
    quick = controls._leaks(made, real)
    for share in LEAKS:
        whole = pd.concat(
            [made.fresh.iloc[: made.kept(share)], made.copied.iloc[: made.copies(share)]], ignore_index=True
        )
        slow = rankings(real, whole, 0)
        assert np.array_equal(quick[controls._leak(share)].near, slow.near)
        assert np.array_equal(quick[controls._leak(share)].matched, slow.matched)


def test_no_rows_are_no_evidence() -> None:
    source = evidence((100, 50, 50, 100))
    with pytest.raises(InsufficientEvidence):
        Controls().measure(replace(source, synthetic=source.synthetic.iloc[:0]))
    with pytest.raises(InsufficientEvidence):
        Controls().measure(replace(source, train=source.train.iloc[:0]))
