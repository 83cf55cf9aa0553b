"""When a change most likely began, and how large it is."""

from typing import Any

import numpy as np

from stream_app.core.drift.baseline import LEVELS, Baseline, Integers
from stream_app.core.drift.bins import Codes
from stream_app.core.drift.scores import Channel

_FEWEST_ROWS = 20


def began(recent: Codes, start: int, channel: Channel, baseline: Baseline) -> int:
    """The place in ``recent`` (rows, columns) that maximises the likelihood of a change there.

    Rows before it follow the baseline, rows from it on the distribution that they themselves have: the maximum over
    places t of n KL(q_t || p), with q_t the shares of cells among the n rows from t on. ``start`` is where the
    cumulative sum last left zero; places up to twice as far back are looked at.
    """
    cells, before = _cells(recent, channel, baseline)
    start = min(max(start, 0), len(recent) - 1)
    earliest = max(0, start - (len(recent) - start))
    hot = np.zeros((len(recent) - earliest, len(before)))
    hot[np.arange(len(hot)), cells[earliest:]] = 1
    counts = np.cumsum(hot[::-1], axis=0)[::-1]
    rows = counts.sum(axis=1, keepdims=True)
    shares = counts / rows
    gain = (counts * np.log(np.where(counts > 0, shares, 1) / before)).sum(axis=1, where=counts > 0)
    # So few rows can look like anything: the change is not put there.
    gain[-_FEWEST_ROWS:] = -np.inf
    return earliest + int(np.argmax(gain)) if len(gain) > _FEWEST_ROWS else start


def effect_of(after: Codes, channel: Channel, baseline: Baseline) -> tuple[float, bool]:
    """Total variation on coarse cells, or the change of correlation and True for a pair of numeric columns."""
    if channel.kind == "correlation" and set(channel.columns) <= set(baseline.numeric):
        left, right = channel.columns
        first, second = baseline.normal[left][after[:, left]], baseline.normal[right][after[:, right]]
        spread = float(first.std() * second.std())
        now = float(np.mean((first - first.mean()) * (second - second.mean()))) / spread if spread > 1e-9 else 0.0
        return now - float(baseline.products[left, right]), True
    cells, before = _cells(after, channel, baseline)
    seen = np.bincount(cells, minlength=len(before)) / len(cells)
    return float(np.abs(seen - before).sum() / 2), False


def _cells(
    codes: Codes, channel: Channel, baseline: Baseline
) -> "tuple[Integers, np.ndarray[Any, np.dtype[np.float64]]]":
    """Each row's cell of the channel's columns, and the baseline's (smoothed) shares of the cells."""
    cells = np.zeros(len(codes), dtype="int64")
    width = LEVELS + 2
    for place in channel.columns:
        # 0 missing, 1 new, then the levels.
        level = np.where(
            np.arange(baseline.levels.shape[1]) < 2, np.arange(baseline.levels.shape[1]), baseline.levels[place] + 2
        )
        cells = cells * width + np.clip(level, 0, width - 1)[codes[:, place]]
    own = _shares(channel, baseline, width)
    smoothed = own * baseline.rows + 0.5
    return cells, smoothed / smoothed.sum()


def _shares(channel: Channel, baseline: Baseline, width: int) -> "np.ndarray[Any, np.dtype[np.float64]]":
    places = channel.columns
    if len(places) == 1:
        counts = baseline.marginals[places[0]]
        levels = np.diagonal(baseline.pairs)[places[0] * LEVELS : (places[0] + 1) * LEVELS]
        return np.concatenate([counts[:2], levels]) / max(1, baseline.rows)
    table = np.zeros((width, width))
    left, right = (slice(place * LEVELS, (place + 1) * LEVELS) for place in places)
    table[2:, 2:] = baseline.pairs[left, right]
    rows = np.diagonal(baseline.pairs)[left] - table[2:, 2:].sum(axis=1)
    columns = np.diagonal(baseline.pairs)[right] - table[2:, 2:].sum(axis=0)
    table[2:, 0], table[0, 2:] = np.maximum(rows, 0), np.maximum(columns, 0)
    return table.ravel() / max(1, baseline.rows)
