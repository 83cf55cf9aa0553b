"""A small table with everything that is counted: numbers, categories, missing cells, a subgroup, a declared triple."""

from typing import Any

import numpy as np
import pandas as pd

from schemas.contract import Column, Contract, Policy, Privacy, PrivacyUnit
from stream_app.core.drift.counts.layout import Integers, Layout, Subgroup

COLUMNS = (
    Column(name="x", type="number"),
    Column(name="y", type="number"),
    Column(name="holes", type="number"),
    Column(name="group", type="string"),
    Column(name="kind", type="string"),
)
CONTRACT = Contract(
    dataset="d",
    policy=Policy(privacy=Privacy(scope="s"), subgroups=("group",), triples=(("x", "y", "group"),), target="kind"),
    columns=COLUMNS,
)
BY_ENTITY = CONTRACT.model_copy(
    update={
        "columns": (*COLUMNS, Column(name="who", type="integer", role="entity")),
        "policy": CONTRACT.policy.model_copy(
            update={"privacy": Privacy(scope="s", unit=PrivacyUnit(kind="entity", column="who", max_rows=3))}
        ),
    }
)
SECRET = b"a secret of thirty-two bytes' len"


def rows(number: int, seed: int, *, shift: float = 0.0, rho: float = 0.5, new: float = 0.0) -> pd.DataFrame:
    """Stationary rows, or rows with a single change; about five rows an entity."""
    random = np.random.default_rng(seed)
    normal = random.standard_normal((number, 3))
    kind = random.choice(np.array(["a", "b", "c", "d"], dtype=object), number, p=[0.5, 0.3, 0.15, 0.05])
    return pd.DataFrame(
        {
            "x": normal[:, 0],
            "y": rho * normal[:, 0] + np.sqrt(1 - rho**2) * normal[:, 1] + shift,
            "holes": np.where(random.random(number) < 0.1, np.nan, normal[:, 2]),
            "group": random.choice(np.array(["g", "h", "i"], dtype=object), number, p=[0.6, 0.3, 0.1]),
            "kind": np.where(random.random(number) < new, "unheard", kind),
            "who": random.integers(0, max(1, number // 5), number),
        }
    )


def any_layout(random: "np.random.Generator", columns: int) -> Layout:
    """A layout of some columns, pairs, triples and a subgroup, each present or not."""
    sizes = tuple(int(size) for size in random.integers(2, 9, columns))
    coarse = np.zeros((columns, 256), dtype=np.uint8)
    for place, size in enumerate(sizes):
        coarse[place, 2:size] = random.integers(1, 4, size - 2)
    pairs = [(left, right) for left in range(columns) for right in range(left + 1, columns) if random.random() < 0.7]
    triples = [(0, 1, 2)] if columns > 2 and random.random() < 0.5 else []
    subgroups = []
    if random.random() < 0.7:
        place, groups = int(random.integers(columns)), np.zeros(256, dtype=np.uint8)
        groups[2 : sizes[place]] = random.integers(0, 3, sizes[place] - 2)
        subgroups = [Subgroup(place, 2, groups)]
    coarse_sizes = tuple(int(row.max()) + 1 for row in coarse)
    return Layout(sizes, coarse, coarse_sizes, tuple(pairs), tuple(triples), tuple(subgroups))


def any_codes(random: "np.random.Generator", layout: Layout, number: int) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """(columns, rows) codes below the sizes."""
    return np.stack([random.integers(0, size, number) for size in layout.sizes]).astype(np.uint8)


def plain_count(codes: "np.ndarray[Any, np.dtype[np.uint8]]", layout: Layout) -> Integers:
    """(cells,) counts by a loop over rows, written from the words of ``Layout`` alone."""
    found = np.zeros(layout.cells, dtype=np.int64)
    sizes = layout.coarse_sizes
    for row in codes.T.tolist():
        level = [int(layout.coarse[place, code]) for place, code in enumerate(row)]
        for place, code in enumerate(row):
            found[layout.column_cells(place)][code] += 1
        for number, (left, right) in enumerate(layout.pairs):
            found[layout.pair_cells(number)].reshape(sizes[left], sizes[right])[level[left], level[right]] += 1
        for number, triple in enumerate(layout.triples):
            cube = found[layout.cubes[number] : layout.cubes[number + 1]].reshape([sizes[place] for place in triple])
            cube[tuple(level[place] for place in triple)] += 1
        for number, subgroup in enumerate(layout.subgroups):
            for place in range(len(row)):
                found[layout.group_cells(number, int(subgroup.groups[row[subgroup.column]]), place)][level[place]] += 1
    return found
