"""How soon each kind of change is found, at which false alarms and CPU: the tracker beside its peers, same rows.

A delay counts rows from the change to the first alarm after it; the median is over all seeds, a miss being later than
any delay. Alarms on the rows before a change (about 10,000 in each stream) are false. The seeds take turns with several
references, for one that happens to be odd would make or mar every delay. Where the soonest peer raises more false
alarms than the tracker's policy allows, the tracker reads the streams once more with that peer's number allowed.
"""

import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import pandas as pd

from schemas.drift import DriftPolicy
from stream_app.core.drift.reference import Reference, build_reference
from tests.benchmarks.drift.outcome import Outcome
from tests.benchmarks.drift.outside import asked
from tests.benchmarks.drift.own import tracked
from tests.benchmarks.drift.river_rows import DETECTORS, RowByRow
from tests.benchmarks.drift.streams import CHANGES, CONTRACT, changing, ranks, reference
from tests.benchmarks.peers.catalogue import DRIFT_PEERS

OWN, ALIKE = "perennial", "perennial, as many false"
PEERS = ("river", *DRIFT_PEERS)
PROTOTYPE = {"mean": 991, "gradual": 3_935, "spread": 479, "correlation": 479}
"""Median delays that the prototype told. Its "variance x1.25" stands at a factor on the standard deviation: a stream of
1.25 times the variance brings 0.0134 nats a row, so at two million rows between false alarms no test finds it in fewer
than about log(2e6) / 0.0134 = 1,080 rows on average (Lorden, Annals of Mathematical Statistics 42, 1971).
"""
REFERENCES = 4
QUIET = 10.0
"""A peer is quiet with at most so many false alarms in a million stationary rows."""
MOST_ALARMS = 1_000.0
"""The most that a policy allows."""


class Task(NamedTuple):
    """Streams of one kind of change that are read against one reference, and who reads them; the tracker with ``rate``
    false alarms a million allowed, without it with its policy's.
    """

    kind: str
    place: int
    seeds: tuple[int, ...]
    peers: tuple[str, ...]
    rate: float | None = None


def measure(seeds: int, kinds: Sequence[str], peers: Sequence[str], workers: int = 1) -> dict[str, Any]:
    """By kind and detector; ``null`` holds each detector's false alarms over all kinds. So many processes at once."""
    shares = [tuple(range(place, seeds, REFERENCES)) for place in range(min(REFERENCES, seeds))]
    tasks = [Task(kind, place, share, tuple(peers)) for kind in kinds for place, share in enumerate(shares)]
    with _several(workers) as each:
        answers = each(_done, tasks)
        outcomes = {
            kind: _merged(found for task, (found, _) in zip(tasks, answers, strict=True) if task.kind == kind)
            for kind in kinds
        }
        rates = _rates(outcomes)
        again = [task._replace(rate=rates[task.kind], peers=()) for task in tasks if task.kind in rates]
        for task, (found, _) in zip(again, each(_done, again), strict=True):
            _take_in(outcomes[task.kind], found)
    null = _merged(outcomes.values())
    return {
        "seeds": seeds,
        "kinds": {kind: {name: one.document() for name, one in found.items()} for kind, found in outcomes.items()},
        "null": {name: one.document() for name, one in null.items()},
        "ratios": {kind: ratios(found, null, kind) for kind, found in outcomes.items()},
        "left_out": {peer: reason for _, left_out in answers for peer, reason in left_out.items()},
    }


Answer = tuple[dict[str, Outcome], dict[str, str]]


@contextmanager
def _several(workers: int) -> Iterator[Callable[[Callable[[Task], Answer], list[Task]], list[Answer]]]:
    """A map over tasks, by so many processes; answers come in the order of the tasks."""
    if workers <= 1:
        yield lambda call, tasks: [call(task) for task in tasks]
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield lambda call, tasks: pool.map(call, tasks, chunksize=1)


def _done(task: Task) -> Answer:
    """What was seen by each detector, and why a peer was left out."""
    said = f" at {task.rate:g} false alarms a million" if task.rate else ""
    print(f"delay: {task.kind}, reference {task.place}{said}", file=sys.stderr, flush=True)
    before = reference(1 + task.place)
    streams = {f"seed {seed}": changing(task.kind, seed) for seed in task.seeds}
    found, left_out = _own(task.kind, build_reference(before, CONTRACT), streams, task.rate), {}
    if "river" in task.peers:
        found |= _river(task.kind, before, streams)
    for peer in sorted(set(task.peers) & set(DRIFT_PEERS)):
        heard, reason = _outside(peer, task.kind, before, streams)
        found |= heard
        left_out |= {peer: reason} if reason else {}
    return found, left_out


def _rates(outcomes: Mapping[str, Mapping[str, Outcome]]) -> dict[str, float]:
    """By kind of change the false alarms in a million of the peer that finds it soonest, where they are more than the
    tracker's policy allows and no more than one can.
    """
    null, found = _merged(outcomes.values()), dict[str, float]()
    for kind, seen in outcomes.items():
        peers = {name: one.delay for name, one in seen.items() if name != OWN and one.delay is not None}
        if peers:
            rate = null[min(peers, key=lambda name: peers[name])].per_million
            if DriftPolicy().alarms_per_million < rate:
                found[kind] = min(rate, MOST_ALARMS)
    return found


def _take_in(outcomes: dict[str, Outcome], found: Mapping[str, Outcome]) -> None:
    for name, outcome in found.items():
        outcomes.setdefault(name, Outcome()).merge(outcome)


Streams = Mapping[str, tuple[pd.DataFrame, int]]


def _own(kind: str, learnt: Reference, streams: Streams, rate: float | None) -> dict[str, Outcome]:
    outcome = Outcome()
    policy = DriftPolicy(alarms_per_million=rate) if rate else DriftPolicy()
    for stream, change in streams.values():
        signs, rows, seconds = tracked(learnt, [stream], policy)
        alarms = [(sign.row, sign.columns) for sign in signs]
        outcome.add_change(alarms, change, CHANGES[kind].columns, rows, seconds)
    return {ALIKE if rate else OWN: outcome}


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
        _take_in(merged, found)
    return merged


def ratios(found: Mapping[str, Outcome], null: Mapping[str, Outcome], kind: str) -> dict[str, Any]:
    """Our median delay over the least of the quiet peers', of all peers' and the prototype's; None where nobody has
    one. ``as many false`` is the tracker's with as many false alarms allowed as the soonest of all peers has.

    A peer counts as quiet by its false alarms over all kinds.
    """
    own, alike = found[OWN].delay, found[ALIKE].delay if ALIKE in found else None
    peers = {name: one.delay for name, one in found.items() if name not in (OWN, ALIKE) and one.delay is not None}
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
    best_of_all = document["best peer"]
    if alike is not None:
        document["best peer, as many false alarms"] = best_of_all | {"ratio": _over(alike, best_of_all["delay_rows"])}
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
