"""Columns that come, go and change type within one table are found in the parts where they do."""

import numpy as np
import pandas as pd
import pytest

from stream_app.core.drift.coding.bins import MISSING
from stream_app.core.drift.misfits import FEWEST, FITS, Misfit, misfits
from stream_app.core.drift.reference import Reference, build_reference
from tests.unit.stream_app.core.drift.drift_tables import CONTRACT, rows

PART = 100


@pytest.fixture(scope="module")
def reference() -> Reference:
    return build_reference(rows(4_000, 1).drop(columns="who"), CONTRACT)


@pytest.fixture
def frame() -> pd.DataFrame:
    return rows(450, 2).drop(columns="who")


def found(frame: pd.DataFrame, reference: Reference) -> tuple[Misfit, ...]:
    return misfits(frame, reference.encode(frame), reference, CONTRACT, PART)


def test_a_table_that_fits_fits_in_every_part(frame: pd.DataFrame, reference: Reference) -> None:
    assert found(frame, reference) == (FITS,) * 5
    assert found(frame.iloc[:0], reference) == ()


def test_what_comes_goes_and_changes_its_type_is_named_in_its_parts(frame: pd.DataFrame, reference: Reference) -> None:
    frame["new"] = np.where(np.isin(np.arange(450), (150, 350)), 1.0, np.nan)
    frame.loc[200:, "x"] = np.nan
    frame["y"] = frame["y"].astype(object)
    frame.loc[300:, "y"] = "north"
    assert found(frame, reference) == (
        FITS,
        ((), ("new",), ()),
        (("x",), ("new",), ()),
        (("x",), ("new",), ("y",)),
        (("x",), (), ("y",)),
    )


def test_a_column_that_is_nowhere_is_absent_and_infinities_are_no_cells(
    frame: pd.DataFrame, reference: Reference
) -> None:
    assert found(frame.drop(columns="x"), reference) == ((("x",), (), ()),) * 5
    assert found(frame.assign(x=np.inf), reference) == ((("x",), (), ()),) * 5


def test_few_cells_show_nothing(frame: pd.DataFrame, reference: Reference) -> None:
    few = frame.iloc[: FEWEST - 1].drop(columns="x")
    assert found(few, reference) == (FITS,)
    frame["y"] = np.where(np.arange(450) % 6 == 0, "north", None)
    assert [part[2] for part in found(frame, reference)] == [()] * 5
    assert (reference.encode(frame)[1] == MISSING).all()


def test_text_that_says_that_a_number_is_missing_is_of_no_other_type(frame: pd.DataFrame, reference: Reference) -> None:
    frame["y"] = frame["y"].astype(object)
    frame.loc[200:249, "y"] = "NaN"
    assert found(frame, reference) == (FITS,) * 5
    frame.loc[200:, "y"] = "NaN"
    assert found(frame, reference) == (FITS, FITS, *[(("y",), (), ())] * 3)  # no cell is there, as with null
