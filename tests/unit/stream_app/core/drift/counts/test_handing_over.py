"""What the drift station counted is what a generator would count of the same rows."""

import numpy as np
import pandas as pd
import pytest

from generators.live.contracting import contracted
from generators.live.counting import counted
from generators.live.fitting import fit_counts, fit_rows
from generators.private.granting import whole_budget
from generators.protocol import FitRequest, silent
from schemas.contract import PrivacyUnit
from schemas.counts import TableCounts, public_layout
from schemas.errors import ContractError, InsufficientEvidence
from stream_app.core.drift.coding.cells import columns_of
from stream_app.core.drift.counter import RowCounter
from stream_app.core.drift.counts.handing_over import count_layout, counts_for_generator
from stream_app.core.drift.reference import build_reference
from stream_app.core.drift.sharing.shares import Splitter
from tests.unit.generators.live.streams import raw_rows, streamed, typed_rows

CONTRACT = streamed()
SECRET = b"split" * 8
REFERENCE = build_reference(typed_rows(CONTRACT, 2_000), CONTRACT)


def test_the_reference_counts_on_the_contract_s_own_layout() -> None:
    assert count_layout(REFERENCE) == public_layout(CONTRACT)
    other = build_reference(typed_rows(CONTRACT, 900, 4, moved=0.5), CONTRACT)
    assert count_layout(other) == count_layout(REFERENCE)


def test_live_counts_and_the_rows_behind_them_give_one_release() -> None:
    """Raw rows, with values that no contract knows, through the station; the same rows, typed, through the library."""
    raw = raw_rows(1_500, 7)
    columns = columns_of(raw, CONTRACT)
    train = RowCounter(REFERENCE, CONTRACT, SECRET).count(columns).train
    counts = counts_for_generator(REFERENCE, CONTRACT, train)
    table = typed_rows(CONTRACT, 1_500, 7)
    own = table[Splitter(CONTRACT, SECRET).shares(columns) == 0].reset_index(drop=True)
    assert counts.rows == len(own)
    assert all(
        (mine == theirs).all()
        for mine, theirs in zip(contracted(counts, CONTRACT).parts, _counted(own).parts, strict=True)
    )
    request = FitRequest(CONTRACT, bytes(32), (whole_budget(CONTRACT),))
    assert fit_counts(counts, request, silent).to_bytes() == fit_rows(own, request, silent).to_bytes()


def _counted(table: pd.DataFrame) -> TableCounts:
    return counted(table, public_layout(CONTRACT))


def test_counts_on_learnt_bins_are_not_handed_over() -> None:
    learnt = CONTRACT.model_copy(
        update={"policy": CONTRACT.policy.model_copy(update={"generation": type(CONTRACT.policy.generation)()})}
    )
    with pytest.raises(ContractError, match="public_bins"):
        counts_for_generator(REFERENCE, learnt, np.zeros(REFERENCE.layout.cells, dtype=np.int64))


def test_entities_need_a_number_of_windows() -> None:
    contract = streamed(PrivacyUnit(kind="entity", column="person", max_rows=2))
    none = np.zeros(REFERENCE.layout.cells, dtype=np.int64)
    with pytest.raises(InsufficientEvidence, match="windows"):
        counts_for_generator(REFERENCE, contract, none)
    assert counts_for_generator(REFERENCE, contract, none, windows=3).windows == 3
