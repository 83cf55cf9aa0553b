"""How soon each kind of change is found, at which false alarms and CPU: the tracker beside its peers, same rows.

A delay counts rows from the change to the first alarm after it; the median is over all seeds, a miss being later than
any delay. Alarms on the rows before a change (about 10,000 in each stream) are false. The seeds take turns with several
references, for one that happens to be odd would make or mar every delay.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from stream_app.core.drift.reference import Reference, build_reference
from tests.benchmarks.drift.outcome import Outcome
from tests.benchmarks.drift.outside import asked
from tests.benchmarks.drift.own import tracked
from tests.benchmarks.drift.river_rows import DETECTORS, RowByRow
from tests.benchmarks.drift.streams import CHANGES, CONTRACT, changing, ranks, reference
from tests.benchmarks.peers.catalogue import DRIFT_PEERS

OWN = "perennial"
PEERS = ("river", *DRIFT_PEERS)
PROTOTYPE = {"mean": 991, "gradual": 3_935, "spread": 479, "correlation": 479}
"""Median delays that the prototype told. Its "variance x1.25" stands at a factor on the standard deviation: a stream of
1.25 times the variance brings 0.0134 nats a row, so at two million rows between false alarms no test finds it in fewer
than about log(2e6) / 0.0134 = 1,080 rows on average (Lorden, Annals of Mathematical Statistics 42, 1971).
"""
REFERENCES = 4
QUIET = 10.0
"""A peer is quiet with at most so many false alarms in a million stationary rows."""


def measure(seeds: int, kinds: Sequence[str], peers: Sequence[str]) -> dict[str, Any]:
    """By kind and detector; ``null`` holds each detector's false alarms over all kinds."""
    references = [reference(1 + place) for place in range(min(REFERENCES, seeds))]
    learnt = [build_reference(before, CONTRACT) for before in references]
    outcomes: dict[str, dict[str, Outcome]] = {}
    left_out: dict[str, str] = {}
    for kind in kinds:
        print(f"delay: {kind}", file=sys.stderr, flush=True)
        parts = []
        for place, before in enumerate(references):
            streams = {f"seed {seed}": changing(kind, seed) for seed in range(place, seeds, REFERENCES)}
            parts.append(_own(kind, learnt[place], streams))
            if "river" in peers:
                parts.append(_river(kind, before, streams))
            for peer in sorted(set(peers) & set(DRIFT_PEERS)):
                found, reason = _outside(peer, kind, before, streams)
                parts.append(found)
                left_out |= {peer: reason} if reason else {}
        outcomes[kind] = _merged(parts)
    return {
        "seeds": seeds,
        "kinds": {kind: {name: one.document() for name, one in found.items()} for kind, found in outcomes.items()},
        "null": {name: one.document() for name, one in _merged(outcomes.values()).items()},
        "ratios": {kind: ratios(found, _merged(outcomes.values()), kind) for kind, found in outcomes.items()},
        "left_out": left_out,
    }


Streams = Mapping[str, tuple[pd.DataFrame, int]]


def _own(kind: str, learnt: Reference, streams: Streams) -> dict[str, Outcome]:
    outcome = Outcome()
    for stream, change in streams.values():
        signs, rows, seconds = tracked(learnt, [stream])
        alarms = [(sign.row, sign.columns) for sign in signs]
        outcome.add_change(alarms, change, CHANGES[kind].columns, rows, seconds)
    return {OWN: outcome}


def _river(kind: str, before: pd.DataFrame, streams: Streams) -> dict[str, Outcome]:
    outcomes = {name: Outcome() for name in DETECTORS}
    for stream, change in streams.values():
        ranked = ranks(stream, before)
        for name in DETECTORS:
            watcher = RowByRow(name)
            watcher.read(ranked)
            outcomes[name].add_change(watcher.alarms, change, CHANGES[kind].columns, watcher.rows, watcher.seconds)
    return outcomes


def _outside(peer: str, kind: str, before: pd.DataFrame, streams: Streams) -> tuple[dict[str, Outcome], str | None]:
    heard, reason = asked(peer, before, {name: stream for name, (stream, _) in streams.items()})
    outcomes: dict[str, Outcome] = {}
    for name, (stream, change) in streams.items():
        for detector, one in heard[name].items():
            outcome = outcomes.setdefault(detector, Outcome())
            outcome.add_change(one.alarms, change, CHANGES[kind].columns, len(stream), one.seconds)
    return outcomes, reason


def _merged(outcomes: Iterable[Mapping[str, Outcome]]) -> dict[str, Outcome]:
    merged: dict[str, Outcome] = {}
    for found in outcomes:
        for name, outcome in found.items():
            merged.setdefault(name, Outcome()).merge(outcome)
    return merged


def ratios(found: Mapping[str, Outcome], null: Mapping[str, Outcome], kind: str) -> dict[str, Any]:
    """Our median delay over the least of the quiet peers', of all peers' and the prototype's; None where nobody has
    one.

    A peer counts as quiet by its false alarms over all kinds.
    """
    own = found[OWN].delay
    peers = {name: one.delay for name, one in found.items() if name != OWN and one.delay is not None}
    quiet = {name: delay for name, delay in peers.items() if null[name].per_million <= QUIET}
    told = {"best quiet peer": quiet, "best peer": peers}
    document: dict[str, Any] = {}
    for title, delays in told.items():
        best = min(delays, key=lambda name: delays[name]) if delays else None
        document[title] = {
            "peer": best,
            "delay_rows": delays.get(best or ""),
            "ratio": _over(own, delays.get(best or "")),
        }
    told_before = PROTOTYPE.get(kind)
    return document | {"prototype": {"delay_rows": told_before, "ratio": _over(own, told_before)}}


def _over(own: float | None, other: float | None) -> float | None:
    return None if own is None or not other else round(own / other, 3)


def table(document: Mapping[str, Any]) -> list[str]:
    """The lines to print."""
    lines = [f"{'change':14}{'detector':28}{'delay':>8}{'found':>8}{'named':>7}{'false/M':>10}{'µs/row':>9}"]
    for kind, found in document["kinds"].items():
        for name, one in found.items():
            delay = "-" if one["delay_rows"] is None else f"{one['delay_rows']:.0f}"
            lines.append(
                f"{kind:14}{name:28}{delay:>8}{one['found']:>5}/{one['runs']:<2}{one['named']:>7}"
                f"{document['null'][name]['false_alarms_per_million']:>10.2f}{one['cpu_us_per_row']:>9.2f}"
            )
        told = [
            f"{against} {one['delay_rows']:.0f}{' (' + one['peer'] + ')' if one.get('peer') else ''}: x{one['ratio']}"
            for against, one in document["ratios"][kind].items()
            if one["delay_rows"]
        ]
        lines.append(f"{'':14}against {'; '.join(told) or 'nobody who found it'}")
    lines += [f"{peer}: left out, {reason}" for peer, reason in document["left_out"].items()]
    return lines
