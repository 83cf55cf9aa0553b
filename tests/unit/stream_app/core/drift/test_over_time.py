"""Shares along a stream are exact counts of its pieces, in cells that the contract lets be shown."""

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Categories, Column, Contract, Policy, Privacy
from schemas.errors import ContractError
from stream_app.agents.profiling import target_model
from stream_app.core.drift.backtest import Recording, record
from stream_app.core.drift.over_time import errors_over_time, most_moved, shares_over_time
from stream_app.core.drift.reference import build_reference

CONTRACT = Contract(
    dataset="d",
    policy=Policy(privacy=Privacy(scope="s")),
    columns=(
        Column(name="c", type="string", domain=Categories(values=("a", "b"))),
        Column(name="secret", type="string"),
    ),
)


def table(rows: int, share: float) -> pd.DataFrame:
    random = np.random.default_rng(rows)
    words = random.choice(["x", "y"], rows).astype(object)
    return pd.DataFrame({"c": np.where(np.arange(rows) < share * rows, "a", "b"), "secret": words})


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record(build_reference(table(2_000, 0.5), CONTRACT), table(1_003, 0.25), CONTRACT)


def test_pieces_hold_every_row_once_and_shares_are_counts(recording: Recording) -> None:
    found = shares_over_time(recording, CONTRACT, "c", pieces=10)
    assert (len(found.ends), found.ends[-1]) == (10, 1_003)
    assert found.shares.sum(axis=0) == pytest.approx(np.ones(10))
    place = found.labels.index("a")
    rows = np.diff(found.ends, prepend=0)
    assert (found.shares[place] * rows).round().sum() == int((table(1_003, 0.25)["c"] == "a").sum())
    assert found.shares[place][0] == 1
    assert found.shares[place][-1] == 0
    assert found.reference[place] == pytest.approx(0.5)


def test_values_that_the_contract_does_not_name_are_not_shown(recording: Recording) -> None:
    assert {"x", "y"}.isdisjoint(shares_over_time(recording, CONTRACT, "secret").labels)


def test_a_stream_shorter_than_its_pieces_has_one_piece_a_row(recording: Recording) -> None:
    short = Recording(recording.reference, recording.codes[:, :3], recording.seconds[:3])
    assert shares_over_time(short, CONTRACT, "c").ends.tolist() == [1, 2, 3]


def test_what_is_not_there_is_refused(recording: Recording) -> None:
    empty = Recording(recording.reference, recording.codes[:, :0], recording.seconds[:0])
    for some, column in ((recording, "none"), (empty, "c")):
        with pytest.raises(ContractError):
            shares_over_time(some, CONTRACT, column)


def test_the_column_that_moved_most_is_named(recording: Recording) -> None:
    assert most_moved(recording) == "c"


def test_errors_of_the_target_are_those_of_each_pieces_labelled_rows() -> None:
    columns = tuple(Column(name=name, type="string", domain=Categories(values=("n", "p"))) for name in ("a", "y"))
    contract = Contract(dataset="d", policy=Policy(privacy=Privacy(scope="s"), target="y"), columns=columns)
    random = np.random.default_rng(5)
    a, noisy = random.random((2, 4_000))
    words = np.array(["n", "p"], dtype=object)
    frame = pd.DataFrame({"a": words[(a > 0.5).astype(int)], "y": words[((a > 0.5) ^ (noisy < 0.1)).astype(int)]})
    reference = build_reference(frame, contract)
    concept, _ = target_model(reference, frame, contract)
    stream = frame.copy()
    stream.loc[1_000:1_999, "y"] = None
    stream.loc[2_000:, "y"] = stream.loc[2_000:, "a"].map({"n": "p", "p": "n"})
    found = errors_over_time(record(reference, stream, contract, concept), pieces=4)
    assert found is not None
    assert (found.target, found.ends.tolist()) == ("y", [1_000, 2_000, 3_000, 4_000])
    share = float((stream["a"] != stream["y"])[:1_000].mean())
    assert found.missed[[0, 2, 3]].tolist() == pytest.approx([share, 1, 1])
    assert found.expected[[0, 2, 3]] == pytest.approx([0.1] * 3, abs=0.03)
    assert np.isnan(found.missed[1])
    assert errors_over_time(record(reference, stream, contract)) is None
    assert errors_over_time(record(reference, stream.assign(y=None), contract, concept)) is None
