"""k and l hold in what comes out, by an independent count and by the validators' own measure."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.sampling.anonymity import anonymous
from generators.sampling.releasing import Releasing, released
from schemas.contract import Column, Contract, Policy, Privacy
from schemas.errors import ContractError, InsufficientEvidence
from schemas.generation import Anonymity, Generation
from schemas.table import conform
from tests.unit.generators.sampling.invented import Invented, constraint, contract
from validators.privacy.classes import Anonymity as Measure
from validators.protocol import Evidence

KNOWN = ("sex", "race", "age", "member")


def asked(k: int = 5, least: int = 2, method: str = "generalise", text: bool = False, **policy: object) -> Contract:
    wished = Anonymity(k=k, l=least, method=method)  # type: ignore[arg-type]
    named: dict[str, object] = {"quasi_identifiers": KNOWN, "sensitive": ("spent",)} | policy
    return contract(Generation(anonymity=wished), **named)


def smallest(table: pd.DataFrame, known: tuple[str, ...], sensitive: str) -> tuple[int, int]:
    """By pandas, and by nothing that the code under test has."""
    groups = table.astype(object).where(table.notna(), "missing").groupby(list(known))
    return int(groups.size().min()), int(groups[sensitive].nunique().min())


def rows_of(table: pd.DataFrame) -> set[tuple[str, ...]]:
    return set(map(tuple, table.astype(str).to_numpy()))


@pytest.mark.parametrize("method", ["generalise", "suppress"])
def test_every_class_has_k_rows_and_l_values(method: str) -> None:
    pinned = asked(method=method)
    table, report = released(Invented(pinned), pinned, 2_000, 1)
    k, least = smallest(table, KNOWN, "spent")
    assert k >= 5
    assert least >= 2
    assert conform(table, pinned).violations == ()
    assert report is not None
    told = report.anonymity
    assert told is not None
    assert (told.smallest_k, told.smallest_l) == (k, least)
    assert report.rows == len(table) == 2_000 - told.suppressed + told.replaced
    assert (told.generalised == 0) == (method == "suppress")


def test_generalising_keeps_rows_that_suppressing_loses() -> None:
    sizes = {}
    for method in ("generalise", "suppress"):
        pinned = asked(method=method)
        drawn = Invented(pinned).sample(2_000, 2)
        sizes[method] = len(anonymous(drawn, pinned, wish(pinned)).table)
    assert sizes["generalise"] > 1_950 > sizes["suppress"]


def wish(pinned: Contract) -> Anonymity:
    found = pinned.policy.generation.anonymity
    assert found is not None
    return found


def test_rows_of_large_classes_stay_as_drawn() -> None:
    pinned = asked()
    drawn = Invented(pinned).sample(2_000, 3)
    found = anonymous(drawn, pinned, wish(pinned))
    table, report = found.table, found.report
    groups = drawn.astype(object).where(drawn.notna(), "missing").groupby(list(KNOWN))
    kept = drawn[((groups["day"].transform("size") >= 5) & (groups["spent"].transform("nunique") >= 2)).to_numpy()]
    untouched = [column for column in drawn if column not in KNOWN]
    assert rows_of(kept) <= rows_of(table)
    assert rows_of(table[untouched]) <= rows_of(drawn[untouched])
    assert report.generalised + report.suppressed <= len(drawn) - len(kept)


def test_the_validators_see_the_same_k_and_l() -> None:
    pinned = asked(k=7, least=3)
    table, _ = released(Invented(pinned), pinned, 1_500, 4)
    real = [Invented(pinned).sample(400, seed) for seed in (5, 6, 7)]
    evidence = Evidence(contract=pinned, synthetic=table, train=real[0], holdout=real[1], reference=real[2], seed=1)
    found = {finding.metric: finding.value for finding in Measure().measure(evidence)}
    assert (found["k_anonymity"] or 0) >= 7
    assert (found["l_diversity"] or 0) >= 3


def test_the_target_is_sensitive_where_the_contract_names_nothing() -> None:
    pinned = asked(least=2, sensitive=())
    table, _ = released(Invented(pinned), pinned, 2_000, 8)
    assert smallest(table, KNOWN, "fraud")[1] == 2


def test_constraints_hold_after_widening() -> None:
    pinned = asked(constraints=(constraint(),))
    table, _ = released(Invented(pinned), pinned, 1_500, 9)
    assert conform(table, pinned).violations == ()
    assert smallest(table, KNOWN, "spent")[0] >= 5


def test_the_whole_stream_has_k_because_every_part_has() -> None:
    pinned = asked()
    releasing = Releasing(Invented(pinned), pinned, 2_400, 10, part=800)
    table = pd.concat(releasing.parts(), ignore_index=True)
    report = releasing.report()
    assert report is not None
    assert report.anonymity is not None
    assert smallest(table, KNOWN, "spent")[0] >= report.anonymity.smallest_k >= 5
    assert report.rows == len(table) == 2_400 - report.anonymity.suppressed + report.anonymity.replaced
    assert report.rows == 2_400


def test_what_cannot_be_had_is_refused() -> None:
    hopeless = asked(k=1_000)
    with pytest.raises(InsufficientEvidence, match="k = 1000"):
        released(Invented(hopeless), hopeless, 500, 1)
    nameless = asked(quasi_identifiers=())
    with pytest.raises(ContractError, match="quasi_identifiers"):
        released(Invented(nameless), nameless, 500, 1)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(20, 400),
    k=st.integers(2, 12),
    least=st.integers(1, 3),
    method=st.sampled_from(["generalise", "suppress"]),
)
def test_k_and_l_hold_in_any_table(seed: int, rows: int, k: int, least: int, method: str) -> None:
    pinned = asked(k, least, method)
    drawn = Invented(pinned).sample(rows, seed)
    try:
        left = anonymous(drawn, pinned, wish(pinned))
    except InsufficientEvidence:
        return
    table, report = left.table, left.report
    found = smallest(table, KNOWN, "spent")
    assert found[0] >= k
    assert found[1] >= least
    assert conform(table, pinned).violations == ()
    assert len(table) + report.suppressed == rows


def test_values_that_differ_behind_a_zero_byte_are_of_two_classes() -> None:
    policy = Policy(privacy=Privacy(scope="s"), quasi_identifiers=("a",))
    pinned, wished = Contract(dataset="d", columns=(Column(name="a", type="string"),), policy=policy), Anonymity(k=5)
    many = anonymous(pd.DataFrame({"a": ["x\0y"] * 5 + ["x\0z"] * 7}), pinned, wished)
    assert (len(many.table), many.report.smallest_k) == (12, 5)
    few = anonymous(pd.DataFrame({"a": ["x\0y"] * 4 + ["x\0z"] * 8}), pinned, wished)
    assert few.table["a"].tolist() == ["x\0z"] * 8
