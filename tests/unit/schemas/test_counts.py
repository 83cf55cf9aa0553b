"""Public bins cover every domain once, in few enough codes; counts are read back as they were, and nothing else is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.live.counting import counted
from schemas.column_bins import NEW
from schemas.contract import Categories, Column, Range
from schemas.counts import CountLayout, TableCounts, public_layout
from schemas.errors import ContractError
from schemas.public_bins import lattice_of, public_column
from tests.unit.generators.live.streams import streamed, typed_rows

CONTRACT = streamed()
B_V0, B_W0 = b'"v0"', b'"w0"'
COUNTS = counted(typed_rows(CONTRACT, 500), public_layout(CONTRACT))


@settings(deadline=None)
@given(
    lower=st.integers(-10_000, 10_000), size=st.integers(1, 3_000_000), kind=st.sampled_from(["integer", "timestamp"])
)
def test_every_value_of_a_range_has_a_bin_of_its_own_lattice(lower: int, size: int, kind: str) -> None:
    domain = Range(lower=lower, upper=lower + size - 1, resolution=1)
    column = Column(name="x", type=kind, domain=domain)  # type: ignore[arg-type]
    found, lattice = public_column(column), lattice_of(column, domain)
    assert lattice.size == size
    assert found.bins.size == len(found.levels) <= 256
    assert (np.diff(found.bins.edges) > 0).all()
    assert (np.diff(found.levels[2:]) >= 0).all()
    values = np.array([lower - 1, lower, lower + size - 1, lower + size], dtype=float)
    codes = np.searchsorted(found.bins.edges, values, side="right") + 2
    assert codes[0] == 2
    assert codes[1] == 3
    assert codes[2] == found.bins.size - 2
    assert codes[3] == found.bins.size - 1


@given(count=st.integers(1, 400), other=st.booleans())
def test_categories_share_codes_only_where_there_are_too_many(count: int, other: bool) -> None:
    values = tuple(f"v{place}" for place in range(count))
    found = public_column(Column(name="x", type="string", domain=Categories(values=values, other=other)))
    assert found.bins.size == len(found.levels) <= 256
    assert (*found.bins.values, *found.bins.rest) == (*values, *(("other",) if other else ()))
    assert (found.levels[NEW] > 0) == other


def test_a_column_without_a_domain_is_named() -> None:
    with pytest.raises(ContractError, match="column x has no domain"):
        public_column(Column(name="x", type="string"))


def test_counts_are_read_back() -> None:
    found = TableCounts.from_bytes(COUNTS.to_bytes())
    assert found.digest == COUNTS.digest
    assert found.layout == COUNTS.layout
    assert CountLayout.from_document(COUNTS.layout.document()).digest == COUNTS.layout.digest


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", COUNTS.to_bytes()[:-9], COUNTS.to_bytes().replace(B_V0, B_W0)])
def test_what_is_no_counts_is_refused_or_other_counts(body: bytes) -> None:
    if B_W0 in body:
        assert TableCounts.from_bytes(body).digest != COUNTS.digest
        return
    with pytest.raises(ContractError):
        TableCounts.from_bytes(body)


def test_counts_of_another_shape_are_refused() -> None:
    with pytest.raises(ContractError, match="layout"):
        TableCounts(COUNTS.layout, COUNTS.marginals[:-1], COUNTS.pairs, COUNTS.triples)


def test_cells_below_zero_are_cut() -> None:
    below = TableCounts(
        COUNTS.layout, tuple(part - 1 for part in COUNTS.marginals), COUNTS.pairs, COUNTS.triples
    )  # fmt: skip
    assert min(int(part.min()) for part in below.cut.parts) == 0
    assert COUNTS.cut is COUNTS
