"""Stage 2: what was counted before changes nothing, what does not belong is refused, deletes take away what was put."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ContractError
from stream_app.core.drift.aggregator import Aggregator
from stream_app.core.drift.coding.cells import columns_of
from stream_app.core.drift.concept.concept import ConceptModel, Errors
from stream_app.core.drift.concept.concept_fit import fit_concept_model
from stream_app.core.drift.counter import RowCounter
from stream_app.core.drift.reference import Reference, build_reference
from stream_app.core.drift.wire import Counted
from tests.unit.stream_app.core.drift.drift_tables import CONTRACT, SECRET, rows

ORIGIN = "source.records/0"


@pytest.fixture(scope="module")
def reference() -> Reference:
    return build_reference(rows(4_000, 1), CONTRACT)


@pytest.fixture(scope="module")
def counter(reference: Reference) -> RowCounter:
    return RowCounter(reference, CONTRACT, SECRET)


@pytest.fixture(scope="module")
def messages(counter: RowCounter) -> list[Counted]:
    """Eight messages of 300 rows, of which the last four have drifted."""
    return [counted(counter, 300, seed, shift=float(seed >= 6) * 2) for seed in range(2, 10)]


@pytest.fixture
def aggregator(reference: Reference) -> Aggregator:
    return Aggregator(reference)


def counted(counter: RowCounter, number: int, seed: int, operation: Any = "insert", **change: float) -> Counted:
    return counter.count(columns_of(rows(number, seed, **change), CONTRACT), operation)


def test_counts_and_positions_are_those_of_the_messages(aggregator: Aggregator, messages: list[Counted]) -> None:
    for offset, each in enumerate(messages[:3]):
        assert aggregator.take(ORIGIN, offset, offset, each) == ()
    assert aggregator.take("source.records/1", 40, 45, messages[3]) == ()
    assert aggregator.rows == 1_200
    assert aggregator.train.tolist() == np.sum([each.train for each in messages[:4]], axis=0).tolist()
    assert aggregator.held.tolist() == np.sum([each.held for each in messages[:4]], axis=0).tolist()
    assert aggregator.positions == {ORIGIN: 3, "source.records/1": 46}
    assert [(span.first, span.rows, span.origin, span.offset) for span in aggregator.spans] == [
        (0, 300, ORIGIN, 0),
        (300, 300, ORIGIN, 1),
        (600, 300, ORIGIN, 2),
        (900, 300, "source.records/1", 40),
    ]


def test_a_drift_starts_the_live_counts_anew(aggregator: Aggregator, messages: list[Counted]) -> None:
    found = [sign for offset, each in enumerate(messages) for sign in aggregator.take(ORIGIN, offset, offset, each)]
    assert [sign.columns[0] for sign in found] == ["y"]
    after = [each for number, each in enumerate(messages) if 300 * (number + 1) > aggregator.since]
    assert aggregator.since % 300 == 0
    assert 1_200 < aggregator.since < 2_400
    assert aggregator.train.tolist() == np.sum([each.train for each in after], axis=0).tolist()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_messages_that_come_again_change_nothing(messages: list[Counted], reference: Reference, data: Any) -> None:
    plain, disturbed = Aggregator(reference), Aggregator(reference)
    for number, each in enumerate(messages):
        origin, offset = f"source.records/{number % 2}", 10 * number
        expected = plain.take(origin, offset, offset + 5, each)
        assert disturbed.take(origin, offset, offset + 5, each) == expected
        for old in data.draw(st.lists(st.integers(0, number), max_size=3)):
            # In any order, of either partition, even under another range below what was counted.
            first = 10 * old + data.draw(st.integers(0, 5))
            assert disturbed.take(f"source.records/{old % 2}", first, 10 * old + 5, messages[old]) == ()
    assert disturbed.to_json() == plain.to_json()


def test_counts_that_overlap_others_are_refused_and_change_nothing(
    aggregator: Aggregator, messages: list[Counted]
) -> None:
    aggregator.take(ORIGIN, 0, 9, messages[0])
    before = aggregator.to_json()
    for first, last in ((5, 12), (0, 10), (12, 11)):
        with pytest.raises(ContractError):
            aggregator.take(ORIGIN, first, last, messages[1])
    assert aggregator.to_json() == before


def test_counts_that_do_not_belong_are_refused_and_change_nothing(
    aggregator: Aggregator, messages: list[Counted]
) -> None:
    before, each = aggregator.to_json(), messages[0]
    block = each.blocks[0]
    others = [
        replace(each, train=each.train[:-1]),
        replace(each, held=np.append(each.held, 0)),
        replace(each, blocks=(replace(block, counts=block.counts[1:]),)),
        replace(each, blocks=(replace(block, period=1),)),
        replace(each, blocks=(replace(block, errors=Errors(1, 2, 0)),)),
    ]
    for other in others:
        with pytest.raises(ContractError):
            aggregator.take(ORIGIN, 0, 0, other)
    assert aggregator.to_json() == before


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(2, 5), st.booleans()), max_size=8))
def test_deletes_take_away_exactly_what_was_put_in(
    reference: Reference, counter: RowCounter, messages: list[Counted], steps: list[tuple[int, bool]]
) -> None:
    aggregator, kept = Aggregator(reference), list[int]()
    for offset, (seed, gone) in enumerate(steps):
        if gone and seed in kept:
            kept.remove(seed)
            assert aggregator.take(ORIGIN, offset, offset, counted(counter, 300, seed, "delete")) == ()
        else:
            kept.append(seed)
            aggregator.take(ORIGIN, offset, offset, counted(counter, 300, seed))
    nothing = np.zeros(reference.layout.cells, dtype=np.int64)
    assert aggregator.train.tolist() == sum((messages[seed - 2].train for seed in kept), nothing).tolist()
    assert aggregator.held.tolist() == sum((messages[seed - 2].held for seed in kept), nothing).tolist()


def test_columns_that_do_not_fit_are_told_once_until_they_change(aggregator: Aggregator, counter: RowCounter) -> None:
    def taken(offset: int, *lost: str) -> list[tuple[str, ...]]:
        frame = rows(50, 20 + offset).drop(columns=list(lost))
        signs = aggregator.take(ORIGIN, offset, offset, counter.count(columns_of(frame, CONTRACT)))
        return [sign.columns for sign in signs if sign.kind == "schema"]

    told = [taken(0), taken(1, "x"), taken(2, "x"), taken(3, "x", "y"), taken(4), taken(5, "x")]
    assert told == [[], [("x",)], [], [("x", "y")], [], [("x",)]]


@pytest.fixture(scope="module")
def model(reference: Reference) -> ConceptModel:
    history = rows(8_000, 30).assign(kind=lambda table: np.where(table["x"] > 0, "a", "b"))
    target = [column.name for column in reference.bins].index("kind")
    return fit_concept_model(reference.encode(history), target, [column.kind for column in reference.bins])


def test_late_labels_tell_of_the_target_and_are_in_no_count(reference: Reference, model: ConceptModel) -> None:
    counter, aggregator = RowCounter(reference, CONTRACT, SECRET, model), Aggregator(reference, None, model)
    for offset in range(8):
        labelled = rows(500, 40 + offset).assign(kind=lambda table: np.where(table["x"] > 0, "b", "a"))
        signs = aggregator.take(ORIGIN, offset, offset, counter.count(columns_of(labelled, CONTRACT), "label"))
        if signs:
            break
    assert [(sign.kind, sign.columns, sign.unit) for sign in signs] == [("concept", ("kind",), "error_rate")]
    assert signs[0].effect > 0.3
    assert (aggregator.rows, int(aggregator.train.sum()), aggregator.spans) == (0, 0, [])


def test_it_goes_on_from_its_text(reference: Reference, messages: list[Counted], model: ConceptModel) -> None:
    for concept in (None, model):
        whole = Aggregator(reference, None, concept)
        again = Aggregator(reference, None, concept)
        for offset, each in enumerate(messages):
            expected = whole.take(ORIGIN, offset, offset, each)
            again = Aggregator.from_json(again.to_json(), reference, None, concept)
            assert again.take(ORIGIN, offset, offset, each) == expected
        assert again.to_json() == whole.to_json()


def test_damaged_states_are_contract_errors(
    aggregator: Aggregator, reference: Reference, messages: list[Counted], model: ConceptModel
) -> None:
    aggregator.take(ORIGIN, 0, 0, messages[0])
    text = aggregator.to_json()
    document = json.loads(text)
    texts = ["", "{}", "[]", "null", "1", text[:-1]]
    for key in document:
        texts.append(json.dumps({name: each for name, each in document.items() if name != key}))
        texts += [json.dumps(document | {key: odd}) for odd in ([1], 1 if key == "misfit" else "x")]
    for damaged in texts:
        with pytest.raises(ContractError):
            Aggregator.from_json(damaged, reference)
    with pytest.raises(ContractError):
        Aggregator.from_json(text, reference, None, model)
    with pytest.raises(ContractError):
        Aggregator.from_json(text, build_reference(rows(4_000, 2), CONTRACT))


def test_spans_are_forgotten_and_never_too_many(aggregator: Aggregator, counter: RowCounter) -> None:
    one = counted(counter, 10, 50)
    for offset in range(5_000):
        aggregator.take(ORIGIN, offset, offset, one)
    assert len(aggregator.spans) <= 4_096
    assert aggregator.spans[-1].first == 49_990
    aggregator.forget(49_985)
    assert [span.first for span in aggregator.spans] == [49_980, 49_990]
