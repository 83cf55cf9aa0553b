"""Trees as a family: structure kept, classes fixed cheaply, leaves of a least size, refusals."""

import numpy as np
import pandas as pd
import pytest

from generators.protocol import FitRequest, silent
from generators.trees.coding import codes_of
from generators.trees.family import FAMILY, branches, leaf_of
from generators.trees.growing import Growth, grown
from generators.trees.model import TreesModel
from schemas.contract import Categories, Column, Contract, Policy, Privacy, Range
from schemas.errors import ContractError, InputError, InsufficientEvidence
from schemas.table import conform

SECRET = bytes(range(32))
COLUMNS = (
    Column(name="size", type="number", domain=Range(lower=0, upper=100, resolution=0.1)),
    Column(name="kind", type="string", domain=Categories(values=("a", "b", "c"))),
    Column(name="place", type="string"),
    Column(name="same", type="integer", domain=Categories(values=(1,))),
    Column(name="ill", type="boolean", required=True, domain=Categories(values=(False, True))),
)


def contract(claim: str = "empirical") -> Contract:
    privacy = Privacy(scope="test", claim=claim)  # type: ignore[arg-type]
    return Contract(dataset="test", columns=COLUMNS, policy=Policy(privacy=privacy, target="ill"))


def table(rows: int = 4_000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, rows)
    size = np.clip(rng.normal(20 + 25 * kind, 5), 0, 100).round(1)
    frame = pd.DataFrame(
        {
            "size": np.where(rng.random(rows) < 0.1, np.nan, size),
            "kind": np.array(["a", "b", "c"], dtype=object)[kind],
            "place": [f"p{number}" for number in rng.zipf(1.5, rows) % 700],
            "same": 1,
            "ill": rng.random(rows) < np.where(kind == 2, 0.1, 0.005),
        }
    )
    return conform(frame, contract()).table


def fitted(**parameters: float) -> TreesModel:
    return FAMILY.fit(table(), FitRequest(contract(), SECRET, parameters=parameters), silent)


def test_keeps_how_columns_depend_on_each_other() -> None:
    """20,000 rows at seed 1. Leaves mix neighbours, which widens each kind's spread a little."""
    source, made = table(), fitted().sample(20_000, 1)
    before, after = (frame.groupby("kind")["size"].agg(["mean", "std"]) for frame in (source, made))
    assert (after - before)["mean"].abs().max() < 1.0
    assert (after - before)["std"].abs().max() < 2.0
    rate = made.groupby("kind")["ill"].mean() - source.groupby("kind")["ill"].mean()
    assert rate.abs().max() < 0.02
    assert abs(made["size"].isna().mean() - 0.1) < 0.02
    assert set(made["place"]) <= set(source["place"])


def test_a_share_of_the_target_is_drawn_and_keeps_what_belongs_to_it() -> None:
    source, made = table(), fitted().sample(5_000, 1, {"ill": (True, 0.4)})
    assert made["ill"].mean() == 0.4
    ill = [frame.loc[frame["ill"], "kind"].eq("c").mean() for frame in (source, made)]
    assert abs(ill[0] - ill[1]) < 0.1


def test_another_column_can_be_the_first() -> None:
    model = fitted(first=1)
    assert model.chain.order[0] == 1
    assert model.sample(1_000, 2, {"kind": ("a", 0.9)})["kind"].eq("a").mean() == 0.9


def test_no_leaf_stands_for_fewer_rows_than_asked() -> None:
    rng = np.random.default_rng(3)
    grid = FAMILY.fit(table(), FitRequest(contract(), SECRET), silent).assembly.grids["size"]
    inputs = rng.integers(0, 900, 3_000)
    response = np.minimum(inputs // 10, 80)
    codes, coded = codes_of(response, grid), codes_of(inputs, grid)
    tree = grown(codes.encoded(response), codes, [coded.encoded(inputs)], [coded], Growth(200), 0)
    leaves = tree.leaves([coded.encoded(inputs)])
    assert len(tree.reach) > 4
    assert np.bincount(leaves).min() >= 200


def test_larger_tables_and_larger_parameters_have_larger_leaves() -> None:
    assert [leaf_of(rows) for rows in (10, 4_000, 16_000, 10**6)] == [20, 76, 110, 110]
    assert len(fitted(leaf=1_000).to_bytes()) < len(fitted(leaf=50).to_bytes())


def test_classes_with_few_rows_share_their_trees() -> None:
    first = np.repeat([0, 1, 2, 3], [1_000, 900, 30, 20])
    np.testing.assert_array_equal(branches(first, 4, 100), [0, 1, 2, 2])
    np.testing.assert_array_equal(branches(first, 4, 1_000), [0, 0, 0, 0])
    np.testing.assert_array_equal(branches(np.arange(5_000) % 2_000, 2_000, 1), np.zeros(2_000))


def test_refusals_say_what_to_do() -> None:
    with pytest.raises(ContractError, match="dp-marginals"):
        FAMILY.fit(table(), FitRequest(contract("formal"), SECRET), silent)
    with pytest.raises(InsufficientEvidence):
        FAMILY.fit(table()[:1], FitRequest(contract(), SECRET), silent)
    for parameters in ({"leaf": 1.0}, {"least": 0.0}, {"leaves": 5.0}, {"first": 9.0}, {"leaf": float("nan")}):
        with pytest.raises(InputError):
            fitted(**parameters)
