import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Column, Contract, Policy, Privacy, Range
from schemas.errors import InsufficientEvidence
from schemas.table import conform
from tests.unit.validators import population
from validators.protocol import Evidence
from validators.structure.future_dates import FutureDates

START = pd.Timestamp("2020-01-01")


def evidence(real: Any, synthetic: Any, domain: Range | None = None, kind: str = "timestamp") -> Evidence:
    column = Column.model_validate({"name": "at", "type": kind, "domain": domain})
    stated = Contract(dataset="d", columns=(column,), policy=Policy(privacy=Privacy(scope="s")))
    raw = pd.DataFrame({"at": pd.Series(synthetic, dtype=object)})
    train = conform(pd.DataFrame({"at": pd.Series(real, dtype=object)}), stated).table
    return Evidence(stated, conform(raw, stated).table, train, train.iloc[:0], train.iloc[:0], 0, raw_synthetic=raw)


def days(*numbers: float) -> list[pd.Timestamp]:
    return [START + pd.Timedelta(days=number) for number in numbers]


def test_without_a_domain_a_span_beyond_the_newest_is_allowed_and_no_more() -> None:
    (found,) = FutureDates().measure(evidence(days(0, 10), days(5, 15, 20)))
    assert (found.verdict, found.value) == ("PASS", 0.0)
    (found,) = FutureDates().measure(evidence(days(0, 10), [*days(20.1, 400), None]))
    assert (found.verdict, found.value, found.detail["columns"]) == ("FAIL", 2.0, {"at": 2})


def test_one_real_time_allows_a_day() -> None:
    assert FutureDates().measure(evidence(days(0), days(1)))[0].value == 0
    assert FutureDates().measure(evidence(days(0), days(1.1)))[0].value == 1


def test_the_domain_decides_where_there_is_one() -> None:
    domain = Range(lower=0, upper=(START + pd.Timedelta(days=3)).timestamp(), resolution=1)
    assert FutureDates().measure(evidence(days(0, 100), days(3), domain))[0].value == 0
    assert FutureDates().measure(evidence(days(0, 100), days(3.5, 4), domain))[0].value == 2


def test_fresh_rows_pass_and_tables_without_times_have_no_finding() -> None:
    (found,) = FutureDates().measure(population.evidence())
    assert found.verdict == "PASS"
    stated = Contract(
        dataset="d", columns=(Column(name="a", type="number"),), policy=Policy(privacy=Privacy(scope="s"))
    )
    table = pd.DataFrame({"a": [1.0]})
    assert FutureDates().measure(Evidence(stated, table, table, table, table, 0)) == ()


@pytest.mark.parametrize("kind", ["date", "timestamp"])
def test_odd_times_are_no_traceback(kind: str) -> None:
    odd = [None, "soon", dt.datetime(9999, 12, 31), dt.date(1, 1, 1), np.datetime64("NaT"), 5]
    assert FutureDates().measure(evidence([None], odd, kind=kind))[0].value == 0
    assert FutureDates().measure(evidence([dt.date(1, 1, 1), dt.datetime(9999, 12, 31)], odd, kind=kind))
    with pytest.raises(InsufficientEvidence):
        FutureDates().measure(evidence(days(0), []))
