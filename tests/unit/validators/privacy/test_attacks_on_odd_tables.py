"""Tables that break naive attacks: findings or a clear error, never a traceback, and never a pass of a copy."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from schemas.errors import PerennialError
from tests.unit.validators.population import evidence
from validators.privacy.attribute import AttributeDisclosure
from validators.privacy.audit_epsilon import AuditEpsilon
from validators.privacy.linkability import Linkability
from validators.privacy.membership import MembershipInference
from validators.privacy.singling_out import SinglingOut
from validators.protocol import Evidence, Validator

EACH = pytest.mark.parametrize(
    "validator",
    [MembershipInference(), AuditEpsilon(), AttributeDisclosure(), SinglingOut(), Linkability()],
    ids=lambda validator: validator.metric,
)


def missing(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(income=np.nan, plan=None, since=pd.NaT)


def constant(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(income=1.0, plan="one", age=7, churned=True)


def unlike(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(plan=[f"row {k} of {len(table)}" for k in range(len(table))])


def extreme(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(income=np.resize([np.inf, -np.inf, 1e308, -1e308, np.nan, 5e-324], len(table)))


def alike(table: pd.DataFrame) -> pd.DataFrame:
    return table.iloc[[0] * len(table)].reset_index(drop=True)


@EACH
@pytest.mark.parametrize("change", [missing, constant, unlike, extreme, alike])
@pytest.mark.parametrize("everywhere", [True, False], ids=["everywhere", "synthetic"])
def test_odd_tables_are_no_traceback(validator: Validator, change: object, everywhere: bool) -> None:
    assert callable(change)
    source = evidence((300, 300, 120, 300))
    names = ("train", "holdout", "reference", "synthetic") if everywhere else ("synthetic",)
    odd: Evidence = replace(source, **{name: change(getattr(source, name)) for name in names})
    try:
        found = validator.measure(odd)
    except PerennialError:
        return
    for item in found:
        assert all(np.isfinite(figure) for figure in (item.value or 0.0, *(item.interval or ())))
        assert item.to_bytes()
        assert "row 1 of" not in item.to_bytes().decode()


@EACH
def test_one_row_is_no_evidence(validator: Validator) -> None:
    source = evidence((300, 300, 120, 300))
    for name in ("train", "holdout"):
        alone = replace(source, **{name: getattr(source, name).iloc[:1]}, reference=source.reference.iloc[:0])
        with pytest.raises(PerennialError):
            validator.measure(alone)


@EACH
def test_a_copy_is_refused_with_ties_missing_cells_and_rare_categories(validator: Validator) -> None:
    source = evidence((1_500, 1_200, 400, 1_500))
    tables = {}
    for name in ("train", "holdout", "reference"):
        rng = np.random.default_rng(len(name))
        table = getattr(source, name)
        gone = rng.random(len(table)) < 0.3
        rare = np.where(
            rng.random(len(table)) < 0.2, "rare " + pd.Series(rng.integers(0, 500, len(table))).astype(str), "x"
        )
        tables[name] = table.assign(income=table["income"].round(-2).mask(gone), plan=rare)
    odd = replace(source, **tables, synthetic=tables["train"])
    assert validator.measure(odd)[0].verdict == "FAIL"
