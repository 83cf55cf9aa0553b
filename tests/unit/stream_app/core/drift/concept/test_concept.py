"""The reference model counts the same errors on every path, for any codes, and comes back whole from JSON."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ContractError, InsufficientEvidence
from stream_app.core.drift.concept.concept import EXPECTED_UNIT, ConceptModel, Errors
from stream_app.core.drift.concept.concept_fit import coarse_levels, fit_concept_model
from tests.unit.stream_app.core.drift.concept_streams import TARGET, Target, kinds, rows

TARGETS: tuple[Target, ...] = ("boolean", "classes", "number")
MODELS: dict[Target, ConceptModel] = {}


def model(target: Target) -> ConceptModel:
    if target not in MODELS:
        MODELS[target] = fit_concept_model(rows(12_000, 1, target), TARGET, kinds(target))
    return MODELS[target]


@pytest.mark.parametrize("target", TARGETS)
def test_the_error_rate_of_new_rows_is_that_of_the_reference(target: Target) -> None:
    # Seed 2; 4,800 and 20,000 rows: standard error of the difference at most 0.008, so 0.03 is nearly four.
    errors = model(target).errors(rows(20_000, 2, target))
    assert errors.labelled == 20_000
    assert errors.wrong / errors.labelled == pytest.approx(model(target).rate, abs=0.03)
    assert errors.expected / EXPECTED_UNIT / errors.labelled == pytest.approx(model(target).rate, abs=0.01)


@pytest.mark.parametrize("target", TARGETS)
def test_a_rule_turned_round_is_missed_more_often(target: Target) -> None:
    errors = model(target).errors(rows(20_000, 3, target, turned=True))
    assert errors.wrong / errors.labelled > errors.expected / EXPECTED_UNIT / errors.labelled + 0.05


def test_rows_of_which_the_model_is_surer_are_expected_to_err_less() -> None:
    here, there = (model("boolean").errors(rows(20_000, 4, shift=shift)) for shift in (0.0, 1.5))
    assert there.wrong < here.wrong - 500
    assert there.expected < here.expected - 500 * EXPECTED_UNIT


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TARGETS), st.integers(0, 2**32 - 1), st.integers(0, 2_100))
def test_every_path_counts_the_same_whatever_the_codes(target: Target, seed: int, number: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 256, (TARGET + 1, number)).astype(np.uint8)
    found, by_table = model(target).errors(codes), model(target).errors_by_table(codes)
    assert found == by_table
    assert found.labelled == int((codes[TARGET] > 1).sum())
    assert 0 <= found.wrong <= found.labelled
    assert 0 <= found.expected <= found.labelled * EXPECTED_UNIT


@pytest.mark.parametrize("target", TARGETS)
def test_counts_of_parts_add_up_also_of_a_view(target: Target) -> None:
    codes = rows(5_000, 5, target)
    parts = [model(target).errors(codes[:, start : start + 777]) for start in range(0, 5_000, 777)]
    assert Errors(*(sum(part[place] for part in parts) for place in range(3))) == model(target).errors(codes)


def test_rows_without_a_target_or_with_a_new_one_are_not_counted() -> None:
    codes = rows(1_000, 6)
    codes[TARGET, :300], codes[TARGET, 300:500] = 0, 1
    assert model("boolean").errors(codes).labelled == 500


def test_a_class_that_the_reference_lacks_is_always_missed() -> None:
    codes = rows(1_000, 7)
    codes[TARGET] = 9
    assert model("boolean").errors(codes)[:2] == (1_000, 1_000)


@pytest.mark.parametrize("target", TARGETS)
def test_a_model_comes_back_whole_from_json(target: Target) -> None:
    text = json.dumps(model(target).to_document(), allow_nan=False)
    again = ConceptModel.from_document(json.loads(text))
    assert json.dumps(again.to_document()) == text
    codes = rows(3_000, 8, target, turned=True)
    assert again.errors(codes) == model(target).errors(codes)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["", *model("classes").to_document()]), JSON)
def test_a_damaged_model_is_refused_or_counts_within_bounds(name: str, value: Any) -> None:
    document: Any = model("classes").to_document() | {name: value} if name else value
    try:
        errors = ConceptModel.from_document(document).errors(rows(50, 9, "classes"))
    except ContractError:
        return
    assert 0 <= errors.wrong <= errors.labelled <= 50


def test_weights_that_could_overflow_are_refused() -> None:
    from stream_app.core.drift.packing import pack

    document = model("boolean").to_document()
    heavy = np.full((1, TARGET, 256), 1 << 29, dtype=np.int64)
    with pytest.raises(ContractError):
        ConceptModel.from_document(document | {"weights": pack(heavy)})


def test_codes_of_another_table_are_refused() -> None:
    for codes in (np.zeros((3, 5), dtype=np.uint8), np.zeros((6, 5), dtype=np.int64), np.zeros(6, dtype=np.uint8)):
        with pytest.raises(ContractError, match="columns"):
            model("boolean").errors(codes)  # type: ignore[arg-type]


def test_too_few_labels_a_constant_target_and_no_other_column_are_no_evidence() -> None:
    codes = rows(3_000, 10)
    few = codes.copy()
    few[TARGET, 900:] = 0
    constant = codes.copy()
    constant[TARGET] = 2
    alone = np.where(np.arange(TARGET + 1)[:, None] == TARGET, codes, 5).astype(np.uint8)
    for table, said in ((few, "known target"), (constant, "constant"), (alone, "two levels")):
        with pytest.raises(InsufficientEvidence, match=said):
            fit_concept_model(table, TARGET, kinds("boolean"))


def test_a_wide_table_is_told_by_the_columns_that_tell_of_the_target() -> None:
    # Seeds 11 and 12: of 200 columns 195 are noise, of which a model takes 40 at most.
    noise = np.random.default_rng(12).integers(2, 30, (195, 8_000)).astype(np.uint8)
    codes = np.concatenate([rows(8_000, 11), noise])
    found = fit_concept_model(codes, TARGET, [*kinds("boolean"), *["numeric"] * 195])
    assert len(found.columns) == 40
    assert {0, 1} <= set(found.columns)
    assert found.rate < 0.35


def test_many_rare_classes_are_learnt_as_the_most_frequent_one_and_others() -> None:
    codes = rows(4_000, 13)
    codes[TARGET] = 2 + np.random.default_rng(14).integers(0, 60, 4_000)
    assert fit_concept_model(codes, TARGET, kinds("classes")).errors(codes).labelled == 4_000


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=60), st.sampled_from(["numeric", "categorical"]))
def test_levels_leave_no_gap_and_no_new_cell(cells: list[int], kind: Any) -> None:
    levels = coarse_levels(np.asarray(cells, dtype=np.uint8), kind)
    used = np.unique(levels[levels >= 0])
    assert used.tolist() == list(range(len(used)))
    assert levels[1] == -1
    assert len(used) <= 26
