import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from schemas.contract import Column
from validators.influence import Influenced
from validators.utility.skill import kept, macro_f1, quality, skill
from validators.utility.target import Target, target_of

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 4, 500).astype(float)
SCORES = np.eye(4)[TRUTH.astype(int)] * 0.3 + RNG.dirichlet(np.ones(4), 500)
CLASSES = target_of([pd.DataFrame({"t": list("aaaabbbccd" * 60)})], Column(name="t", type="string"))
NUMBER = target_of([pd.DataFrame({"t": np.arange(50.0)})], Column(name="t", type="number"))


def test_several_classes_are_one_against_the_rest() -> None:
    scores = SCORES / SCORES.sum(axis=1, keepdims=True)
    expected = roc_auc_score(TRUTH, scores, multi_class="ovr", average="macro")
    assert quality(scores, TRUTH, CLASSES).value == pytest.approx(expected)


def test_f1_is_scikit_learns() -> None:
    assert macro_f1(SCORES, TRUTH, CLASSES) == pytest.approx(f1_score(TRUTH, SCORES.argmax(axis=1), average="macro"))


@pytest.mark.parametrize(("target", "value", "expected"), [(CLASSES, 0.8, 0.3), (CLASSES, 0.4, 0), (NUMBER, -2.0, 0)])
def test_skill_is_nothing_for_guessing(target: Target, value: float, expected: float) -> None:
    assert skill(Influenced(value, np.zeros(1)), target) == pytest.approx(expected)


def test_nothing_is_lost_where_nothing_was_to_be_had() -> None:
    none = Influenced(-0.1, np.zeros(3))
    assert kept(none, none, NUMBER).value == 1
    assert kept(Influenced(0.45, np.zeros(3)), Influenced(0.9, np.zeros(3)), CLASSES).value == 0.5
