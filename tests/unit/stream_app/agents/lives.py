"""A dataset under watch: its contract, its rows, a profile of them, and messages of counts as they stand in the log."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from schemas.contract import Categories, Column, Contract, Policy, Privacy, Range
from schemas.drift import DriftPolicy, Season
from schemas.events.sources import RecordsObserved, SourceRef
from schemas.table import conform
from stream_app.adapters.arrow_blocks import encode_block
from stream_app.adapters.row_batches import columns_of_rows
from stream_app.agents.profiling import WATCHED, Profiled, target_model
from stream_app.agents.watch import Watch
from stream_app.core.drift.reference import build_reference
from stream_app.core.drift.wire import Counted, from_bytes, to_bytes

CONTRACT = Contract(
    dataset="lives",
    columns=(
        Column(name="at", type="timestamp", role="time"),
        Column(name="size", type="number", domain=Range(lower=-10, upper=10, resolution=0.01, confirmed=True)),
        Column(name="weight", type="number"),
        Column(name="kind", type="string", domain=Categories(values=("a", "b"), confirmed=True)),
        Column(name="late", type="boolean"),
    ),
    policy=Policy(privacy=Privacy(scope="lives"), subgroups=("kind",), target="late"),
)
SOURCE = SourceRef(uri="file:///snapshot.parquet", sha256="a" * 64, format="parquet")
SECRET = b"a secret of thirty-two bytes' len"
ORIGIN = "source.records/0"
SHAPE = "f" * 64


def rows(count: int, seed: int, shift: float = 0.0, kinds: tuple[str, ...] = ("a", "b"), inside: float = 0.0) -> Any:
    """A table: ``shift`` moves the size, ``inside`` the weight of kind b; whether it is late follows from the size."""
    random = np.random.default_rng(seed)
    size, kind = random.normal(shift, 1, count), random.choice(np.array(kinds, dtype=object), count)
    return pd.DataFrame(
        {
            "at": pd.date_range("2026-01-01", periods=count, freq="min"),
            "size": np.clip(size, -10, 10).round(2),
            "weight": 0.5 * size + random.normal(0, 1, count) + inside * (kind == "b"),
            "kind": kind,
            "late": size + random.logistic(size=count) > 0.5,
        }
    )


@cache
def contract(season: Season) -> Contract:
    policy = CONTRACT.policy.model_copy(update={"drift": DriftPolicy(season=season)})
    return CONTRACT.model_copy(update={"policy": policy})


@cache
def profiled(season: Season) -> Profiled:
    table = conform(rows(6_000, 1), CONTRACT, roles=WATCHED).table
    reference = build_reference(table, contract(season))
    return Profiled(reference, 6_000, 3_000, *target_model(reference, table, CONTRACT))


def watch(season: Season = "none") -> Watch:
    """A fresh watch against the profile, for windows of 2,000 rows."""
    return Watch.of(contract(season), SOURCE, profiled(season), SECRET, 2_000, SHAPE)


def observed(frame: pd.DataFrame, operation: Any = "insert") -> RecordsObserved:
    """The rows as a message of the log."""
    block = encode_block(frame)
    return RecordsObserved(
        event_id="1", dataset="lives", operation=operation, first_row=0, rows=len(frame), block=block
    )


def counted(frame: pd.DataFrame, operation: Any = "insert", season: Season = "none") -> Counted:
    """What stage 1 makes of the rows, as stage 2 reads it."""
    made = watch(season).counter.count(columns_of_rows(observed(frame, operation)), operation)
    return from_bytes(to_bytes(made))


def pieces(frame: pd.DataFrame, size: int = 500) -> Iterator[pd.DataFrame]:
    for start in range(0, len(frame), size):
        yield frame.iloc[start : start + size].reset_index(drop=True)


def feed(one: Watch, frame: pd.DataFrame, size: int = 500) -> list[bytes]:
    """Hand the rows over, message by message; the events that were told."""
    told = []
    for piece in pieces(frame, size):
        offset = one.aggregator.positions.get(ORIGIN, 0)
        told += [one.event(sign, None).to_bytes() for sign in one.take(ORIGIN, offset, offset, counted(piece))]
    return told
