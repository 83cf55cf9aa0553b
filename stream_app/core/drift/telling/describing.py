"""Which channel explains an alarm, since when the change holds, and how large it is."""

from dataclasses import replace

import numpy as np

from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.counts.recent import Recent
from stream_app.core.drift.detectors.rare import RareTests
from stream_app.core.drift.detectors.sequential import Alarm, Alarms
from stream_app.core.drift.reference import Reference
from stream_app.core.drift.scoring.channels import Channel
from stream_app.core.drift.scoring.scoring import Scoring
from stream_app.core.drift.sign import DriftSign, Evidence, Unit

_COUPLED = 0.5
"""A marginal this near its threshold, relative to the strongest channel, explains a pair or subgroup that passes."""

_COUPLED_SUBGROUP = 0.85
"""Nearer, for a change of everyone always shows more in the whole column than in a part of its rows."""

_GRADUAL = 0.7
"""Below this share of the later rows' effect in the earlier half, a change grew."""

_FLAT = 1e-9

_UNITS: dict[str, Unit] = {"correlation": "correlation", "association": "association"}


def described(
    reference: Reference,
    scoring: Scoring,
    before: Integers,
    spread: Floats,
    tests: Alarms,
    rare: RareTests,
    recent: Recent,
    row: int,
) -> DriftSign:
    """The sign of an alarm after ``row`` rows: one name for one change, however many channels it moves."""
    strength, channels = tests.strength(), scoring.channels
    single = np.where([len(channel.columns) == 1 for channel in channels], strength, 0.0)
    tails = rare.strength()
    if tails.max(initial=0) >= 1 and tails.max() >= _COUPLED * single.max(initial=0):
        return rare_sign(reference, before, rare, recent, row)
    best = _explaining(strength, single, channels)
    channel, alarm = channels[best], _from_first(tests.alarm(best), (scoring.looks[best] - 1) * reference.block_rows)
    strongest = alarm if strength[best] >= 1 else tests.alarm(int(np.argmax(strength)))
    since = _dated(reference, scoring, best, alarm, before, recent, row)
    columns = channel.columns if len(channel.columns) > 1 else _columns(single, channels, channel.columns[0])
    effect, unit, evidence = _effect(reference, scoring, before, spread, best, alarm, recent, since, row)
    return DriftSign(
        row=row,
        since_row=since,
        kind=channel.kind,
        columns=tuple(reference.bins[place].name for place in columns),
        effect=effect,
        unit=unit,
        statistic=strongest.statistic,
        threshold=strongest.threshold,
        onset="gradual" if _grew(reference, channel, before, recent, since) else "abrupt",
        group=_group(reference, channel),
        since_time=recent.time(since),
        evidence=evidence,
    )


def _from_first(alarm: Alarm, rows: int) -> Alarm:
    """Dated by the first of the blocks that are counted together, not by the last, so many rows on."""
    return alarm if alarm.since is None else replace(alarm, since=max(0, alarm.since - int(rows)))


def _explaining(strength: Floats, single: Floats, channels: tuple[Channel, ...]) -> int:
    """A channel of one column where it is near enough to the strongest of all, else that one."""
    strongest = channels[int(np.argmax(strength))]
    needed = _COUPLED_SUBGROUP if strongest.kind == "subgroup" else _COUPLED
    near = single.max(initial=0) >= needed * max(1.0, float(strength.max()))
    if near:
        return int(np.argmax(single))
    # Of two numeric columns the correlation says more than that they are associated.
    same = [
        strength[place] if each.measures == "correlation" and each.columns == strongest.columns else 0.0
        for place, each in enumerate(channels)
    ]
    return int(np.argmax(same if max(same) >= _COUPLED * strength.max() else strength))


def _columns(single: Floats, channels: tuple[Channel, ...], first: int) -> tuple[int, ...]:
    """All columns of which a channel is past its threshold or half as strong as the strongest, strongest first."""
    limit = max(1.0, _COUPLED * float(single.max()))
    order = [channels[place].columns[0] for place in np.argsort(-single, kind="stable") if single[place] >= limit]
    return tuple(dict.fromkeys([first, *order]))


def rare_sign(reference: Reference, before: Integers, rare: RareTests, recent: Recent, row: int) -> DriftSign:
    """The sign of cells that the reference has few of, or none."""
    tails, starts = rare.tails()
    strength, cells = tails / rare.height, reference.rare
    place = int(np.argmax(strength))
    column, new = int(cells.owners[place]), bool(cells.unseen[place])
    same = [int(other) for other in np.argsort(-strength, kind="stable") if strength[other] >= 1]
    columns = dict.fromkeys([column, *(int(cells.owners[other]) for other in same if cells.unseen[other] == new)])
    since, after = int(starts[place]), recent.since(int(starts[place]))
    numeric = reference.bins[column].kind == "numeric"
    seen = _fine(after, reference, column)
    first = _first_with(reference, place, recent, since)
    return DriftSign(
        row=row,
        since_row=first,
        kind="missingness" if not new else "marginal" if numeric else "new_category",
        columns=tuple(reference.bins[place].name for place in columns),
        effect=_total_variation(_fine(before, reference, column), seen, reference, column),
        unit="total_variation",
        statistic=float(tails[place]),
        threshold=rare.height,
        since_time=recent.time(first),
        evidence=Evidence(tuple(_fine(before, reference, column).tolist()), tuple(seen.tolist())),
    )


def _first_with(reference: Reference, place: int, recent: Recent, since: int) -> int:
    """The first piece of the window that has more of the cells than the reference leads to expect of it."""
    for piece in recent.after(since):
        if reference.rare.count(piece.counts)[place] > piece.rows * reference.rates[place] + 1:
            return piece.first
    return since


def _dated(
    reference: Reference, scoring: Scoring, best: int, alarm: Alarm, before: Integers, recent: Recent, row: int
) -> int:
    """The row since which the change holds: where the sum last left zero, else where a change is likeliest; moved into
    that block by how much of the later rows' change it already shows.
    """
    channel = scoring.channels[best]
    if len(channel.columns) > 1:
        return alarm.since if alarm.since is not None else max(0, row - 4 * reference.block_rows)
    column = channel.columns[0]
    own = _fine(before, reference, column)
    since = alarm.since if alarm.since is not None else _likeliest(reference, own, recent, column)
    pieces = recent.after(since)
    if len(pieces) < 2 or pieces[0].first != since:
        return since
    scores = _contrast(scoring, best, reference, own, [_fine(piece.counts, reference, column) for piece in pieces])
    later = np.average(scores[1:], weights=[piece.rows for piece in pieces[1:]])
    shown = min(1.0, max(0.0, scores[0] / later)) if abs(later) > _FLAT else 1.0
    return since + round((1 - shown) * pieces[0].rows)


def _likeliest(reference: Reference, own: Integers, recent: Recent, column: int) -> int:
    """The start of a piece that maximises the likelihood of a change there: n KL(q || p), with q the shares among the n
    rows from it on, and p the baseline's.
    """
    shares = (own + 0.5) / (own + 0.5).sum()
    since, most, seen = 0, -1.0, np.zeros_like(own)
    for piece in reversed(recent.pieces):
        seen = seen + _fine(piece.counts, reference, column)
        kept = seen > 0
        gain = float((seen[kept] * np.log(seen[kept] / seen.sum() / shares[kept])).sum())
        since, most = (piece.first, gain) if gain > most else (since, most)
    return since


def _contrast(scoring: Scoring, best: int, reference: Reference, own: Integers, pieces: list[Integers]) -> Floats:
    """(pieces,) the channel's mean score a row; of a chi-squared one how much of the later rows' change each shows."""
    linear = len(scoring.scales)
    if best < linear:
        cells = reference.layout.column_cells(scoring.channels[best].columns[0])
        weights = scoring.contrasts[[best]].toarray()[0, cells]
    else:
        later = np.sum(pieces[1:], axis=0)
        weights = later / max(1, later.sum()) - own / max(1, own.sum())
        weights = weights - float(weights @ own) / max(1, own.sum())
    return np.asarray([float(piece @ weights) / max(1, int(piece.sum())) for piece in pieces])


def _effect(
    reference: Reference,
    scoring: Scoring,
    before: Integers,
    spread: Floats,
    best: int,
    alarm: Alarm,
    recent: Recent,
    since: int,
    row: int,
) -> tuple[float, Unit, Evidence]:
    channel = scoring.channels[best]
    if len(channel.columns) == 1:
        own = _fine(before, reference, channel.columns[0])
        seen = _fine(recent.since(since), reference, channel.columns[0])
        evidence = Evidence(tuple(own.tolist()), tuple(seen.tolist()))
        return _total_variation(own, seen, reference, channel.columns[0]), "total_variation", evidence
    mean = _mean_score(float(spread[best]), alarm, row, reference.block_rows * int(scoring.looks[best]))
    effect = scoring.effect(best, mean)
    if channel.measures == "correlation":
        start = float(scoring.scales[best, 1])
        effect = float(np.clip(effect, -1 - start, 1 - start))
        return effect, "correlation", Evidence(correlations=(start, start + effect))
    if channel.kind == "subgroup":
        return effect, "share" if channel.measures == "share" else "standard_deviations", Evidence()
    return effect, _UNITS[channel.measures], Evidence()


def _mean_score(spread: float, alarm: Alarm, row: int, block_rows: int) -> float:
    """The mean score of a nominal block since the alarm's date, in the scoring's own units."""
    if alarm.total is None or alarm.since is None:
        return 0.0
    blocks = max(1.0, (row - alarm.since) / block_rows)
    mean = (alarm.total / blocks + alarm.allowance) * spread
    return -mean if alarm.falls else mean


def _fine(counts: Integers | None, reference: Reference, column: int) -> Integers:
    cells = reference.layout.column_cells(column)
    return np.zeros(cells.stop - cells.start, dtype=np.int64) if counts is None else counts[cells]


def _total_variation(before: Integers, after: Integers, reference: Reference, column: int) -> float:
    """Between the shares of coarse cells, missing and new cells apart."""
    coarse = reference.layout.coarse[column, : len(before)].astype(np.int64) + 1
    coarse[:2] = 0, 1
    own, seen = (
        np.bincount(coarse, counts, minlength=int(coarse.max()) + 1) / max(1, int(counts.sum()))
        for counts in (before, after)
    )
    return float(np.abs(own - seen).sum() / 2)


def _grew(reference: Reference, channel: Channel, before: Integers, recent: Recent, since: int) -> bool:
    """Whether the rows just after the change show much less of it than the later ones; only told of single columns."""
    pieces = recent.after(since)
    if len(channel.columns) > 1 or len(pieces) < 4:
        return False
    ends = np.cumsum([piece.rows for piece in pieces])
    half = int(np.searchsorted(ends, ends[-1] / 2)) + 1
    parts = [np.sum([piece.counts for piece in some], axis=0) for some in (pieces[:half], pieces[half:]) if some]
    if len(parts) < 2:
        return False
    column = channel.columns[0]
    own = _fine(before, reference, column)
    early, late = (_total_variation(own, _fine(part, reference, column), reference, column) for part in parts)
    return early < _GRADUAL * late


def _group(reference: Reference, channel: Channel) -> str | None:
    """The value of the group that a channel looks at; of numbers the level's number."""
    if not channel.group:
        return None
    column = channel.columns[0]
    subgroup = next(each for each in reference.layout.subgroups if each.column == column)
    code = int(np.flatnonzero(subgroup.groups == channel.group)[0])
    bins = reference.bins[column]
    return bins.values[code - 2] if bins.kind == "categorical" else f"level {channel.group}"
