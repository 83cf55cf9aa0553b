"""Stage 1: counts are those of the rows, live rows fall as a snapshot's do, and what does not fit is named."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from generators.entities.units import split, units
from schemas.contract import Contract
from schemas.drift import DriftPolicy
from schemas.errors import ContractError
from schemas.table import conform
from stream_app.adapters.arrow_blocks import decode_columns, encode_block
from stream_app.core.drift.coding.cells import Columns
from stream_app.core.drift.concept.concept_fit import fit_concept_model
from stream_app.core.drift.counter import RowCounter
from stream_app.core.drift.counts.counting import count
from stream_app.core.drift.reference import Reference, build_reference
from tests.unit.stream_app.core.drift.drift_tables import BY_ENTITY, CONTRACT, SECRET, rows

ALL = ("modelled", "entity", "time")


@pytest.fixture(scope="module")
def reference() -> Reference:
    return build_reference(rows(4_000, 1), CONTRACT)


@pytest.fixture
def counter(reference: Reference) -> RowCounter:
    return RowCounter(reference, CONTRACT, SECRET)


def live(frame: pd.DataFrame, contract: Contract = CONTRACT) -> Columns:
    """The rows as a message brings them."""
    return decode_columns(encode_block(frame[[name for name in frame if name in contract.names or name == "extra"]]))


def counts_of(frame: pd.DataFrame, reference: Reference, chosen: "np.ndarray[Any, Any]") -> list[int]:
    codes = np.ascontiguousarray(reference.encode(frame)[:, chosen])
    return [int(cell) for cell in count(codes, reference.layout, [codes.shape[1]])[0]]


def test_blocks_are_all_rows_and_shares_are_those_of_a_snapshot(reference: Reference, counter: RowCounter) -> None:
    frame = rows(3_000, 2)
    found = counter.count(live(frame))
    table = conform(frame, CONTRACT, roles=("modelled",)).table
    train = split(units(table, CONTRACT), SECRET, CONTRACT.policy.split) == 0
    assert 0.3 < train.mean() < 0.95
    assert found.rows == 3_000
    assert np.sum([block.counts for block in found.blocks], axis=0).tolist() == counts_of(
        frame, reference, np.ones(3_000, dtype=bool)
    )
    assert found.train.tolist() == counts_of(frame, reference, train)
    assert found.held.tolist() == counts_of(frame, reference, ~train)
    assert not any(found.misfit)


def test_an_entity_adds_its_first_rows_and_falls_as_in_a_snapshot(reference: Reference) -> None:
    frame = rows(3_000, 3)
    frame.loc[::50, "who"] = -1
    counter, table = RowCounter(reference, BY_ENTITY, SECRET), conform(frame, BY_ENTITY, roles=ALL).table
    share = split(units(table, BY_ENTITY), SECRET, BY_ENTITY.policy.split)
    first = (frame.groupby("who").cumcount() < 3).to_numpy()
    found = counter.count(live(frame, BY_ENTITY))
    assert found.train.tolist() == counts_of(frame, reference, first & (share == 0))
    assert found.held.tolist() == counts_of(frame, reference, first & (share != 0))
    assert found.rows == 3_000
    # When they come again, each entity adds what is left of its three rows.
    again = counter.count(live(frame[first], BY_ENTITY))
    own = frame.groupby("who").size().clip(upper=3)
    cells = reference.layout.column_cells(0)
    assert int((again.train + again.held)[cells].sum()) == int(((2 * own).clip(upper=3) - own).sum())


def test_rows_without_an_entity_are_watched_and_in_no_share(reference: Reference) -> None:
    frame = rows(500, 4)
    frame["who"] = frame["who"].astype("Int64").where(np.arange(500) % 2 == 0)
    found = RowCounter(reference, BY_ENTITY, SECRET).count(live(frame, BY_ENTITY))
    cells = reference.layout.column_cells(0)
    assert found.rows == 500
    assert int(found.train[cells].sum() + found.held[cells].sum()) <= 250


def test_rows_that_lack_their_entity_column_are_refused(reference: Reference) -> None:
    with pytest.raises(ContractError, match="privacy unit"):
        RowCounter(reference, BY_ENTITY, SECRET).count(live(rows(10, 5)))


def test_a_delete_counts_what_its_insert_counted(counter: RowCounter) -> None:
    frame = rows(400, 6)
    put, gone = counter.count(live(frame)), counter.count(live(frame), "delete")
    assert (gone.operation, put.operation) == ("delete", "insert")
    assert gone.train.tolist() == put.train.tolist()
    assert gone.held.tolist() == put.held.tolist()


def test_labels_are_in_no_share(counter: RowCounter) -> None:
    found = counter.count(live(rows(400, 7)), "label")
    assert found.operation == "label"
    assert not found.train.any()
    assert not found.held.any()


def test_errors_of_the_target_are_those_of_the_model(reference: Reference) -> None:
    history, frame = rows(8_000, 8), rows(1_000, 9)
    for each in (history, frame):
        each["kind"] = np.where(each["x"] > 0, "a", "b")
    target = [column.name for column in reference.bins].index("kind")
    model = fit_concept_model(reference.encode(history), target, [column.kind for column in reference.bins])
    found = RowCounter(reference, CONTRACT, SECRET, model).count(live(frame))
    whole = model.errors(reference.encode(frame))
    assert tuple(sum(each) for each in zip(*(block.errors for block in found.blocks), strict=True)) == tuple(whole)
    assert whole.labelled == 1_000


def test_what_does_not_fit_the_contract_is_named(counter: RowCounter) -> None:
    frame = rows(100, 10)
    assert counter.count(live(frame.drop(columns="x"))).misfit == (("x",), (), ())
    assert counter.count(live(frame.assign(extra=1))).misfit == ((), ("extra",), ())
    texts = frame.assign(y=[f"about {number}" for number in range(100)])
    assert counter.count(live(texts)).misfit == ((), (), ("y",))
    assert counter.count(live(frame.assign(y=np.nan))).misfit == ((), (), ())
    for sign in ("NaN", "nan", "NA", "", " "):
        assert counter.count(live(frame.assign(y=[None, *[sign] * 99]))).misfit == ((), (), ())
    assert counter.count(live(frame.assign(y=["NaN"] * 99 + ["about"]))).misfit == ((), (), ("y",))
    some = frame.assign(y=["1.5", *["about"] * 99])
    assert counter.count(live(some)).misfit == ((), (), ())


def test_no_rows_are_no_counts_and_no_misfit(counter: RowCounter) -> None:
    found = counter.count(live(rows(10, 11)[:0]))
    assert (found.rows, list(found.blocks)) == (0, [])
    assert not any(found.misfit)
    assert not found.train.any()


def test_a_label_that_comes_late_is_in_no_count_and_no_schema_sign() -> None:
    policy = CONTRACT.policy.model_copy(update={"drift": DriftPolicy(late_labels=True)})
    late = CONTRACT.model_copy(update={"policy": policy})
    history = rows(4_000, 1).assign(kind=lambda table: np.where(table["x"] > 0, "a", "b"))
    reference = build_reference(history, late)
    target = reference.late_place
    assert (reference.late, target) == ("kind", 4)
    assert Reference.from_json(reference.to_json()).digest == reference.digest
    assert not any(target in pair for pair in reference.layout.pairs)
    model = fit_concept_model(reference.encode(history), 4, [column.kind for column in reference.bins])
    counter, frame = RowCounter(reference, late, SECRET, model), rows(1_000, 2).assign(kind="a")
    known, empty, absent = (
        counter.count(live(each)) for each in (frame, frame.assign(kind=None), frame.drop(columns="kind"))
    )
    for found in (known, empty, absent):
        assert found.misfit == ((), (), ())
        assert [each.counts.tolist() for each in found.blocks] == [each.counts.tolist() for each in known.blocks]
    # Where the label does come with its row, it tells of the concept at once.
    assert [sum(block.errors.labelled for block in found.blocks) for found in (known, empty)] == [1_000, 0]
    cells = reference.layout.column_cells(4)
    assert known.blocks[0].counts[cells].tolist() == [known.blocks[0].rows, *[0] * (cells.stop - cells.start - 1)]
