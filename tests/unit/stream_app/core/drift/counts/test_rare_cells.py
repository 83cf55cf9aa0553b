"""Rare cells: the missing cells of columns that seldom miss any, and all that the reference has none of."""

import numpy as np
import pytest

from stream_app.core.drift.coding.bins import MISSING, NEW
from stream_app.core.drift.counts import rare_cells as rare_cells_module
from stream_app.core.drift.counts.rare_cells import RareCells, rare_cells
from stream_app.core.drift.reference import Reference, build_reference
from tests.unit.stream_app.core.drift.drift_tables import CONTRACT, rows


@pytest.fixture(scope="module")
def reference() -> Reference:
    return build_reference(rows(4_000, 1), CONTRACT)


@pytest.fixture(scope="module")
def cells(reference: Reference) -> RareCells:
    return rare_cells(reference.layout, reference.counts[0])


def test_each_column_has_a_group_of_what_it_never_had_and_some_one_of_missing_cells(
    reference: Reference, cells: RareCells
) -> None:
    names = [column.name for column in reference.bins]
    assert [names[owner] for owner in cells.owners[~cells.unseen]] == [name for name in names if name != "holes"]
    assert [names[owner] for owner in cells.owners[cells.unseen]] == names
    for group, owner in enumerate(cells.owners.tolist()):
        own = set((cells.cells[cells.firsts[group] : cells.firsts[group + 1]] - reference.layout.fine[owner]).tolist())
        marginal = reference.counts[0, reference.layout.column_cells(owner)]
        empty = {code for code in range(2, len(marginal)) if marginal[code] == 0}
        assert own == (empty | {NEW} if cells.unseen[group] else {MISSING})


def test_counts_are_sums_over_the_groups(reference: Reference, cells: RareCells) -> None:
    counts = np.random.default_rng(2).integers(0, 9, (3, reference.layout.cells))
    found = cells.count(counts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rare_cells_module, "COMPILED", False)
        assert cells.count(counts).tolist() == found.tolist()
    assert found.shape == (3, len(cells))
    for group in range(len(cells)):
        own = cells.cells[cells.firsts[group] : cells.firsts[group + 1]]
        assert found[:, group].tolist() == counts[:, own].sum(axis=1).tolist()
    assert not cells.count(np.zeros(reference.layout.cells, dtype=np.uint8)).any()
