"""References: every orphan counted, in the same table and in others; a parent that is missing is INVALID."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Column, Contract, Policy, Privacy
from schemas.errors import InsufficientEvidence
from schemas.relations import Reference
from schemas.table import conform
from validators.protocol import Evidence
from validators.structure.references import ReferenceViolations

OWN = Reference(column="boss", key="person")
SHOP = Reference(column="shop", table="shops", key="id")


def evidence(synthetic: pd.DataFrame, *references: Reference, **related: pd.DataFrame) -> Evidence:
    stated = Contract(
        dataset="d",
        columns=tuple(Column(name=name, type="integer") for name in ("person", "boss", "shop")),
        policy=Policy(privacy=Privacy(scope="s"), references=references),
    )
    typed = conform(synthetic, stated).table
    return Evidence(stated, typed, typed, typed, typed, 0, related=related)


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"person": [1, 2, 3, 4], "boss": [None, 1, 1, 2], "shop": [7, 7, 8, None]} | columns)


SHOPS = pd.DataFrame({"id": ["7", "8", "9", "9", None]})


def test_whole_references_pass_and_their_children_are_told() -> None:
    (found,) = ReferenceViolations().measure(evidence(table(), OWN, SHOP, shops=SHOPS))
    assert (found.verdict, found.value) == ("PASS", 0.0)
    own, shop = found.detail["references"]
    assert (own["parents"], own["childless"], own["referring"]) == (4, 2, 3)
    assert (shop["parents"], shop["childless"], shop["repeated_keys"]) == (3, 1, 1)
    assert shop["children"] == shop["children_real"] == [1, 1.25, 1.5, 1.75, 1.95, 2]


def test_orphans_are_counted_over_all_references() -> None:
    (found,) = ReferenceViolations().measure(
        evidence(table(boss=[9, 1, 1, 9], shop=[7, 6, 8, 7]), OWN, SHOP, shops=SHOPS)
    )
    assert (found.verdict, found.value) == ("FAIL", 3.0)
    assert [item["orphans"] for item in found.detail["references"]] == [2, 1]


def test_a_missing_parent_is_invalid() -> None:
    for related in ({}, {"shops": pd.DataFrame({"key": [7]})}):
        (found,) = ReferenceViolations().measure(evidence(table(), SHOP, **related))
        assert found.verdict == "INVALID"
        assert "shops" in (found.reason or "")


def test_without_references_there_is_nothing_to_say_and_without_rows_no_evidence() -> None:
    assert ReferenceViolations().measure(evidence(table())) == ()
    with pytest.raises(InsufficientEvidence):
        ReferenceViolations().measure(evidence(table().iloc[:0], OWN))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.integers(0, 5), max_size=8), st.lists(st.none() | st.integers(0, 5), max_size=8))
def test_orphans_as_a_loop_counts_them(children: list[int | None], parents: list[int | None]) -> None:
    rows = pd.DataFrame({"person": range(len(children)), "boss": None, "shop": children}, dtype=object)
    source = evidence(rows, SHOP, shops=pd.DataFrame({"id": pd.Series(parents, dtype=object)}))
    if not children:
        return
    (found,) = ReferenceViolations().measure(source)
    assert found.value == sum(child is not None and child not in parents for child in children)
    assert np.isfinite(found.detail["references"][0]["children"]).all()
