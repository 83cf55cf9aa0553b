"""Cells: drawing inverts encoding, marginals stay, rare numbers are not listed, storage keeps everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.artefact import pack, unpack
from generators.deep.encoding import NAMES, learnt, public, restored
from generators.domains.assembly import Assembly, assembly_of
from generators.preparing import Prepared
from schemas.contract import Categories, Column, Contract, Policy, Privacy, Range
from schemas.errors import ArtefactError

CATEGORIES = tuple(f"v{place}" for place in range(300))


def assembly(upper: int = 5_000) -> Assembly:
    columns = (
        Column(name="number", type="integer", domain=Range(lower=0, upper=upper, resolution=1)),
        Column(name="category", type="string", domain=Categories(values=CATEGORIES)),
        Column(name="flag", type="boolean", required=True, domain=Categories(values=(False, True))),
    )
    policy = Policy(privacy=Privacy(scope="test", claim="empirical"))
    return assembly_of(Contract(dataset="cells", columns=columns, policy=policy))


def ready(rows: int, seed: int, upper: int = 5_000) -> Prepared:
    """A spiky column with gaps, a high-cardinality category and a flag; nine in a hundred numbers missing."""
    rng = np.random.default_rng(seed)
    number = np.where(rng.random(rows) < 0.5, 0, rng.integers(0, upper + 1, rows) // 7 * 7)
    number = np.where(rng.random(rows) < 0.09, upper + 1, np.minimum(number, upper))
    category = np.minimum(rng.zipf(1.2, rows), 300) - 1
    return Prepared(assembly(upper), np.stack([number, category, rng.integers(0, 2, rows)], axis=1).astype(np.int64))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(rows=st.integers(1, 3_000), seed=st.integers(0, 2**32), most=st.integers(2, 100), upper=st.integers(0, 10**6))
def test_a_drawn_position_lies_in_its_cell_and_in_the_grid(rows: int, seed: int, most: int, upper: int) -> None:
    table = ready(rows, seed, upper)
    encoding = learnt(table, most)
    cells = encoding.cells(table.positions)
    drawn = encoding.positions(cells, np.random.default_rng(1))
    assert (encoding.cells(drawn) == cells).all()
    for place, name in enumerate(table.assembly.free):
        grid = table.assembly.grids[name]
        assert drawn[:, place].min() >= 0
        assert drawn[:, place].max() <= grid.size
        missing = table.positions[:, place] == grid.size
        assert (drawn[missing, place] == grid.size).all()
        assert (drawn[~missing, place] < grid.size).all()
    assert all(size <= 2 * most + 2 for size in encoding.sizes)


def test_redrawn_columns_keep_their_distribution() -> None:
    """Total variation on 40 quantile bins of 40,000 rows; by chance alone it is about 0.01 (seed 3)."""
    table = ready(40_000, 3)
    encoding = learnt(table)
    drawn = encoding.positions(encoding.cells(table.positions), np.random.default_rng(0))
    edges = np.unique(np.quantile(table.positions[:, 0], np.linspace(0, 1, 41)[1:-1]))
    before, after = (np.bincount(np.searchsorted(edges, each[:, 0], side="right")) for each in (table.positions, drawn))
    assert np.abs(before - after).sum() / 2 / 40_000 < 0.02
    assert abs(float((drawn[:, 0] == 0).mean()) - float((table.positions[:, 0] == 0).mean())) < 0.01


def test_numbers_that_few_rows_hold_are_no_pieces_of_their_own() -> None:
    rng = np.random.default_rng(0)
    numbers = np.append(rng.choice(1_000, 4_000), [2_000, 3_000, 4_000]).astype(np.int64)
    positions = np.stack([numbers, np.zeros_like(numbers), np.zeros_like(numbers)], axis=1)
    pieces = learnt(Prepared(assembly(), positions)).columns[0]
    narrow = set(pieces.starts[pieces.widths == 1].tolist())
    assert not narrow & {2_000, 3_000, 4_000}


def test_public_cells_rest_on_the_contract_alone() -> None:
    encoding = public(assembly(), 50)
    assert encoding.sizes == (51, 51, 2)
    drawn = encoding.positions(np.full((500, 3), 1), np.random.default_rng(0))
    assert drawn[:, 0].min() >= 100
    assert drawn[:, 0].max() < 201


def test_storage_keeps_everything_and_refuses_what_does_not_fit() -> None:
    table = ready(900, 2)
    encoding = learnt(table)
    arrays = unpack(pack({}, encoding.arrays())).arrays
    again = restored(arrays, table.assembly)
    for before, after in zip(encoding.columns, again.columns, strict=True):
        assert all((getattr(before, name) == getattr(after, name)).all() for name in NAMES)
    with pytest.raises(ArtefactError):
        restored(arrays, assembly(10))
    with pytest.raises(ArtefactError):
        restored({**arrays, "pieces": arrays["pieces"][:2]}, table.assembly)
