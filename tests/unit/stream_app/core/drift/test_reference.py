"""References: counts are exact, order is time's, spreads are learnt, too little data is refused."""

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Categories, Column, Contract, Policy, Privacy, Range
from schemas.errors import ContractError, InsufficientEvidence
from stream_app.core.drift.coding.bins import MISSING, NEW, encode, learn_bins
from stream_app.core.drift.packing import pack, unpack
from stream_app.core.drift.reference import Reference, build_reference, in_time_order

CONTRACT = Contract(
    dataset="d",
    policy=Policy(privacy=Privacy(scope="s"), target="c"),
    columns=(
        Column(name="v", type="number", domain=Range(lower=0, upper=10, resolution=0.1)),
        Column(name="c", type="string", domain=Categories(values=("a", "b"))),
        Column(name="b", type="boolean"),
        Column(name="when", type="timestamp", role="time"),
    ),
)


def frame(rows: int = 1_000) -> pd.DataFrame:
    random = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "v": random.uniform(0, 10, rows).round(1),
            "c": random.choice(["a", "b"], rows),
            "b": random.random(rows) < 0.5,
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(random.permutation(rows), unit="h"),
        }
    )


def test_marginals_and_pairs_are_exact_counts() -> None:
    table = frame()
    reference = build_reference(table, CONTRACT)
    counts, layout = reference.counts[0], reference.layout
    assert reference.rows == 1_000
    assert [int(counts[layout.column_cells(place)].sum()) for place in range(3)] == [1_000] * 3
    place = [column.name for column in reference.bins].index("c")
    top, other = reference.bins[place].values[0], reference.bins[2].values[0]
    assert counts[layout.column_cells(place)][2] == int((table["c"] == top).sum())
    joint = counts[layout.pair_cells(layout.pairs.index((place, 2)))].reshape(
        layout.coarse_sizes[place], layout.coarse_sizes[2]
    )
    assert joint[layout.coarse[place, 2], layout.coarse[2, 2]] == int(
        ((table["c"] == top) & (table["b"].astype(str) == other)).sum()
    )


def test_missing_new_and_outside_have_cells_of_their_own() -> None:
    bins = learn_bins(frame(), CONTRACT)
    codes = encode(pd.DataFrame({"v": [None, -1, 11, 5], "c": [None, "z", "a", "b"]}), bins)
    assert codes[:, 0].tolist()[:3] == [MISSING, NEW, NEW]
    assert codes[3, 0] > NEW
    assert codes[:2, 1].tolist() == [MISSING, NEW]
    assert (codes[:, 2] == MISSING).all()


def test_rows_are_taken_by_time() -> None:
    assert in_time_order(frame(), CONTRACT)["when"].is_monotonic_increasing
    shuffled = frame().sample(frac=1, random_state=1)
    assert build_reference(frame(), CONTRACT).to_json() == build_reference(shuffled, CONTRACT).to_json()


def test_a_profile_is_read_back_and_holds_no_rows() -> None:
    reference = build_reference(frame(), CONTRACT)
    again = Reference.from_json(reference.to_json())
    assert again.to_json() == reference.to_json()
    assert again.channels == reference.channels


def test_spreads_are_near_one_for_independent_rows_and_large_for_cycles() -> None:
    still = build_reference(frame(20_000), CONTRACT)
    assert float(np.quantile(still.spread, 0.9)) < 1.2
    wave = frame(20_000).sort_values("when").assign(v=lambda table: 5 + 4 * np.sin(np.arange(len(table)) / 1_000))
    assert float(build_reference(wave, CONTRACT).spread.max()) > 5


def test_too_little_is_refused() -> None:
    with pytest.raises(InsufficientEvidence):
        build_reference(frame(499), CONTRACT)
    with pytest.raises(InsufficientEvidence):
        build_reference(frame()[["when"]], CONTRACT)


@pytest.mark.parametrize(
    "column",
    [[None] * 600, [1.0] * 600, [1e300, -1e300] * 300, ["a"] * 600, [f"v{place}" for place in range(600)]],
    ids=["empty", "constant", "huge", "text", "keys"],
)
def test_odd_columns_make_a_reference(column: list[object]) -> None:
    kind = "string" if isinstance(column[0], str) else "number"
    contract = Contract(
        dataset="d",
        columns=(Column(name="a", type=kind), Column(name="k", type="string")),
        policy=Policy(privacy=Privacy(scope="s")),
    )
    reference = build_reference(pd.DataFrame({"a": column, "k": ["x", "y"] * 300}), contract)
    assert np.isfinite(reference.centre).all()
    assert np.isfinite(reference.spread).all()


@pytest.mark.parametrize(
    "damage",
    [
        {"dtype": "object"},
        {"shape": [9]},
        {"shape": [10**12]},
        {"shape": [2**70]},
        {"shape": [-1]},
        {"zlib": "%"},
        {"zlib": "AAAA"},
    ],
)
def test_damaged_arrays_are_contract_errors(damage: dict[str, object]) -> None:
    with pytest.raises(ContractError):
        unpack(pack(np.arange(4)) | damage)


def test_a_frame_is_encoded_as_each_column_encodes_its_cells() -> None:
    table = frame(2_000)
    odd = table.assign(
        c=table["c"].where(table.index % 7 > 0, None).where(table.index % 11 > 0, "new"),
        v=table["v"].astype(object).where(table.index % 5 > 0, "no number"),
    )
    reference = build_reference(table, CONTRACT)
    for some in (table, odd, odd.drop(columns="b"), odd.iloc[:0]):
        codes = reference.encode(some)
        assert codes.flags.c_contiguous
        assert (codes == encode(some, reference.bins).T).all()
