from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from schemas.errors import InsufficientEvidence
from tests.unit.validators.population import contract, evidence
from validators.utility import learners
from validators.utility.detection import DetectionAuc
from validators.utility.integrity import IntegrityScore
from validators.utility.learning import learning, oddity
from validators.utility.trts import TrtsRatio
from validators.utility.tstr import TstrRatio
from validators.utility.tstr_auc import TstrAuc


def test_real_models_are_fitted_once_a_snapshot_and_synthetic_ones_once_a_candidate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fitted: list[int] = []
    kept = learners.Boosting.fit
    monkeypatch.setattr(learners.Boosting, "fit", lambda self, *given: (fitted.append(1), kept(self, *given))[1])
    source = evidence((400, 300, 10, 400))
    for candidate in (source, replace(source, synthetic=source.synthetic.iloc[::-1].reset_index(drop=True))):
        for measure in (TstrRatio(), TstrAuc(), TrtsRatio(), DetectionAuc(), IntegrityScore()):
            measure.measure(candidate)
    assert len(fitted) == 3


def test_neither_side_learns_from_more_rows() -> None:
    task = learning(evidence((700, 300, 10, 450)))
    assert task is not None
    assert task.size == 450
    assert len(task.rows(task.evidence.train, task.size)) == 450


def test_rows_without_a_target_are_left_out() -> None:
    source = evidence((600, 300, 10, 600), contract=contract(target="plan"))
    task = learning(source)
    assert task is not None
    for table in (source.train, source.holdout, source.synthetic):
        assert not np.isnan(task.labels(table)[task.tested(table)]).any()


@pytest.mark.parametrize("side", ["train", "holdout", "synthetic"])
def test_too_few_rows_are_no_evidence(side: str) -> None:
    source = evidence((300, 300, 10, 300))
    with pytest.raises(InsufficientEvidence, match="99 rows, at least 100"):
        learning(replace(source, **{side: getattr(source, side).iloc[:99]}))


def test_an_odd_synthetic_target_is_described_without_its_values() -> None:
    source = evidence((300, 300, 10, 300))
    task = learning(replace(source, synthetic=source.synthetic.assign(churned=pd.array([True] * 300, "boolean"))))
    assert task is not None
    assert oddity(task) == "the synthetic target is constant"
