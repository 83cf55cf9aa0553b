"""The corpus of planted faults itself, and the quick part of it: each fault is refused, the same table without it not.

The whole corpus, beside the peers, is ``make bench-faults``.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from schemas.contract import PrivacyUnit
from schemas.finding import Finding
from schemas.metrics import KNOWN_LIMITS
from schemas.table import conform
from tests.benchmarks.faults.bases import ADULT, FRAUD, base
from tests.benchmarks.faults.corpus import CORPUS, planted
from tests.benchmarks.faults.judge import CONTRACT, Judgement
from tests.benchmarks.faults.opinions import given, noticed
from tests.benchmarks.faults.page import Row, page
from tests.benchmarks.faults.scene import Fault, Scene
from tests.benchmarks.peers import PEERS, Answer, PeerUnavailable, python_of
from validators.memo import Memo
from validators.protocol import Evidence
from validators.registry import VALIDATORS

QUICK = (
    "scaled_column", "missing_half", "wrong_type", "extra_column", "outside_domain", "one_pair_of_105",
    "class_balance", "duplicated_rows", "duplicated_keys", "orphaned_references", "future_dates", "end_before_start",
    "negative_amounts", "copied_two_percent", "outliers_copied", "external_without_policy",
)  # fmt: skip
BY_NAME = {fault.name: fault for fault in CORPUS}

needs_data = pytest.mark.skipif(not (ADULT.is_file() and FRAUD.is_file()), reason="../shared/data is not here")


MEMO = Memo()


@cache
def real_sides(name: str) -> tuple[pd.DataFrame, ...]:
    """Train, holdout and reference of a base, typed once for all of its faults."""
    scene = base(name)
    return tuple(conform(part, scene.contract).table for part in (scene.train, scene.holdout, scene.reference))


def evidence_of(fault: Fault, scene: Scene) -> Evidence:
    """The scene as the gates see it, with the row as the unit: no quick fault is about entities or the real side."""
    policy = scene.contract.policy
    privacy = policy.privacy.model_copy(update={"unit": PrivacyUnit()})
    contract = scene.contract.model_copy(update={"policy": policy.model_copy(update={"privacy": privacy})})
    train, holdout, reference = real_sides(fault.base)
    typed = conform(scene.synthetic, contract).table
    return Evidence(contract, typed, train, holdout, reference, 0, raw_synthetic=scene.synthetic, related=scene.related,
                    memo=MEMO)  # fmt: skip


def findings(fault: Fault, scene: Scene) -> list[Finding]:
    """What the measures that the fault calls for find, and nothing else is run."""
    asked = [validator for validator in VALIDATORS if validator.metric in fault.metrics]
    found = [finding for validator in asked for finding in validator.measure(evidence_of(fault, scene))]
    return [finding for finding in found if finding.metric in fault.metrics]


@needs_data
@pytest.mark.parametrize("name", QUICK)
def test_a_planted_fault_is_refused_and_the_table_without_it_is_not(name: str) -> None:
    fault = BY_NAME[name]
    assert any(found.verdict in ("FAIL", "INVALID") for found in findings(fault, planted(fault)))
    assert all(found.verdict == "PASS" for found in findings(fault, base(fault.base)))


def test_every_fault_has_a_name_of_its_own_and_metrics_that_exist() -> None:
    assert len(CORPUS) >= 34
    assert len(BY_NAME) == len(CORPUS)
    named = {metric for fault in CORPUS for metric in fault.metrics}
    assert named - {CONTRACT} <= set(KNOWN_LIMITS)
    assert all(fault.simulates and "|" not in fault.simulates for fault in CORPUS)


@needs_data
@pytest.mark.parametrize("fault", CORPUS, ids=lambda fault: fault.name)
def test_a_fault_changes_something_alike_each_time_and_leaves_its_base_alone(fault: Fault) -> None:
    before = base(fault.base)
    kept = before.synthetic.copy()
    try:
        once, again = planted(fault), planted(fault)
    except ValidationError:
        return
    assert before.synthetic.equals(kept)
    assert len(once.synthetic) == len(kept)
    pd.testing.assert_frame_equal(once.synthetic, again.synthetic)
    parts = ("synthetic", "train", "holdout")
    same = all(getattr(once, part).equals(getattr(before, part)) for part in parts)
    assert not same or once.contract != before.contract


@needs_data
def test_real_tables_of_a_base_share_no_unit() -> None:
    scene = base("payments")
    units = [set(part["customer"]) for part in (scene.train, scene.holdout, scene.reference)]
    assert len(set.union(*units)) == sum(map(len, units))


@needs_data
def test_peers_get_whole_sequences_and_keys_from_one() -> None:
    tables, options = given(base("payments"))
    assert options["keys"] == ["payment"]
    assert set(tables["holdout"].groupby("account").size()) == {8}
    assert tables["holdout"]["account"].max() == tables["train"]["account"].nunique()
    assert sorted(tables["holdout"]["payment"]) == list(range(1, len(tables["holdout"]) + 1))


def test_a_peer_notices_what_is_worse_than_every_fresh_table() -> None:
    peer = replace(PEERS["mostlyai-qa"], lower_is_better=frozenset({"auc"}))
    fresh = [Answer(peer.name, {"accuracy": 0.95, "auc": 0.50}), Answer(peer.name, {"accuracy": 0.92, "auc": 0.53})]
    assert noticed(peer, Answer(peer.name, {"accuracy": 0.91, "auc": 0.54, "new": 0.0}), fresh) == {}
    assert noticed(peer, Answer(peer.name, {"accuracy": 0.89, "auc": 0.60}), fresh) == {
        "accuracy": (0.92, 0.89),
        "auc": (0.53, 0.60),
    }
    assert noticed(peer, Answer(peer.name, reason="no answer within 1 s"), fresh) == {}


def test_the_page_counts_what_is_caught_and_quotes_who_gave_no_answer() -> None:
    fresh = Row(
        "fresh", "real rows", "adult", Judgement("PASS"), answers={"sdmetrics": Answer("sdmetrics", {"quality": 0.98})}
    )
    bad = Judgement("FAIL", ("worst_pair", "detection_auc"))
    seen, silent = Answer("sdmetrics", {"quality": 0.9}), Answer("sdmetrics", reason="KeyError")
    rows = [
        Row("found", "a | b", "adult", bad, ("worst_pair",), ("worst_pair",), {"sdmetrics": seen}),
        Row("lost", "c", "adult", bad, ("diversity",), (), {"sdmetrics": silent}),
    ]
    text = page([fresh], rows)
    assert "Caught here: 1 of 2. sdmetrics notices 1 of 2 and gives no answer on 1." in text
    assert "**not caught** (asked of `diversity`; refused: `worst_pair`, `detection_auc`)" in text
    assert "notices (quality 0.980 → 0.900)" in text
    assert "no answer: KeyError" in text
    assert all(line.count("|") == 6 for line in text.splitlines() if line.startswith("| `"))


def test_a_peer_without_requirements_is_unavailable() -> None:
    with pytest.raises(PeerUnavailable, match="no requirements"):
        python_of("nobody")


def test_luhn_digits_are_right() -> None:
    from tests.benchmarks.faults.columns import _with_check_digit

    assert _with_check_digit("7992739871") == "79927398713"
    assert _with_check_digit("411111111111111") == "4111111111111111"
    assert np.all([_with_check_digit(str(number))[:-1] == str(number) for number in range(10, 20)])
