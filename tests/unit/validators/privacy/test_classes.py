"""k-anonymity and l-diversity against a naive count."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from schemas.contract import Contract, Policy
from schemas.errors import InsufficientEvidence
from tests.unit.validators.population import contract, evidence
from validators.privacy.classes import DENSE, Anonymity, class_sizes, classes, quasi_identifiers


def stated(**settings: object) -> Contract:
    plain = contract()
    return plain.model_copy(update={"policy": Policy(**(plain.policy.model_dump() | settings))})


@given(
    arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 5)).flatmap(
        lambda keys: st.tuples(st.just(keys), arrays(np.int32, len(keys), elements=st.integers(0, 3)))
    )
)
def test_classes_are_what_a_loop_counts(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    small, sensitive = drawn
    # small keys are counted, large ones sorted
    for keys in (small, small * DENSE):
        assert_counted(keys, sensitive)


def assert_counted(keys: np.ndarray, sensitive: np.ndarray) -> None:
    naive: dict[int, list[int]] = defaultdict(list)
    for key, value in zip(keys.tolist(), sensitive.tolist(), strict=True):
        naive[key].append(value)
    found = classes(keys, sensitive)
    for k, key in enumerate(sorted(naive)):
        shares = np.unique(naive[key], return_counts=True)[1] / len(naive[key])
        assert found.sizes[k] == len(naive[key])
        assert found.distinct[k] == len(shares)
        assert found.entropy[k] == pytest.approx(-float(shares @ np.log(shares)), abs=1e-12)
    assert sorted(class_sizes(keys)) == sorted(len(values) for values in naive.values())


def test_the_contracts_columns_are_compared_exactly() -> None:
    known, hidden = ("region", "plan", "age"), ("churned", "active")
    source = replace(evidence(), contract=stated(quasi_identifiers=known, sensitive=hidden))
    k, l_found = Anonymity().measure(source)
    table = source.synthetic.astype(object).where(source.synthetic.notna(), None)
    groups = table.groupby(list(known), dropna=False)
    assert k.value == groups.size().min()
    assert l_found.value == min(groups[name].nunique(dropna=False).min() for name in hidden)
    assert k.detail["quasi_identifiers"] == ["age", "region", "plan"]
    assert k.detail["compared"] == "exact cells"
    assert l_found.detail["entropy_l"] >= 1


def test_by_default_all_columns_are_known_but_the_target() -> None:
    chosen = quasi_identifiers(evidence())
    assert [column.name for column in chosen.sensitive] == ["churned"]
    assert [column.name for column in chosen.known] == ["age", "income", "region", "plan", "since", "active"]
    found = Anonymity().measure(evidence())
    assert {item.verdict for item in found} == {"PASS"}
    assert found[0].value == 1
    assert sum(found[0].detail["share_of_rows_in_classes"].values()) == pytest.approx(1, abs=1e-9)


def test_a_contract_that_asks_for_k_and_l_is_obeyed() -> None:
    asked = stated(quasi_identifiers=("region", "active"), limits={"k_anonymity": 5, "l_diversity": 2})
    source = replace(evidence(), contract=asked)
    assert {item.verdict for item in Anonymity().measure(source)} == {"PASS"}
    lone = source.synthetic.assign(region=source.synthetic["region"].mask(source.synthetic.index == 7, "unheard of"))
    k, l_found = Anonymity().measure(replace(source, synthetic=lone))
    assert (k.value, k.verdict) == (1, "FAIL")
    assert (l_found.value, l_found.verdict) == (1, "FAIL")


def test_two_unseen_categories_are_two_classes() -> None:
    source = replace(evidence(), contract=stated(quasi_identifiers=("plan",)))
    odd = pd.Series(["new a", "new b"] * 750, dtype=object)
    k, _ = Anonymity().measure(replace(source, synthetic=source.synthetic.assign(plan=odd)))
    assert (k.value, k.detail["classes"]) == (750, 2)


def test_without_a_sensitive_column_there_is_only_k() -> None:
    source = replace(evidence(), contract=contract(target=None))
    assert [found.metric for found in Anonymity().measure(source)] == ["k_anonymity"]


def test_no_row_is_no_evidence() -> None:
    source = evidence()
    with pytest.raises(InsufficientEvidence):
        Anonymity().measure(replace(source, synthetic=source.synthetic.iloc[:0]))
