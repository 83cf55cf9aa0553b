"""Peers in environments of their own: frouros and Evidently, asked for their alarms on several streams at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from tests.benchmarks.drift.outcome import Alarm
from tests.benchmarks.drift.streams import CATEGORIES, ranks
from tests.benchmarks.peers import ask
from tests.benchmarks.peers.catalogue import DRIFT_PEERS

RANKED = frozenset({"frouros"})
"""Peers that are handed ranks: their stream detectors want numbers of order one."""


@dataclass(slots=True)
class Heard:
    """Alarms and CPU seconds of one detector on one stream."""

    alarms: list[Alarm] = field(default_factory=list)
    seconds: float = 0.0


def asked(
    peer: str, reference: pd.DataFrame, streams: Mapping[str, pd.DataFrame], categories: tuple[str, ...] = CATEGORIES
) -> tuple[dict[str, dict[str, Heard]], str | None]:
    """By stream and ``peer detector``; or why there is nothing. Streams' names are plain words."""
    tables = {"reference": reference, **streams}
    if peer in RANKED:
        tables = {name: ranks(table, reference) for name, table in tables.items()}
    answer = ask(DRIFT_PEERS[peer], tables, {"categories": categories})
    heard: dict[str, dict[str, Heard]] = {name: {} for name in streams}
    for key, value in answer.scores.items():
        stream, detector, *rest = key.split("|")
        one = heard[stream].setdefault(f"{peer} {detector}", Heard())
        if rest == ["seconds"]:
            one.seconds = value
        else:
            one.alarms.append((int(value), (rest[0],)))
    return heard, answer.reason
