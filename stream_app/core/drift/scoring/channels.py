"""The channels: what each score looks at, as sparse rows that are multiplied with counts.

A linear channel is a contrast h over the cells of a table with mean 0 and variance 1 under the baseline's shares, so
that the sum of h over n rows has mean 0 and variance n while nothing changes. Numeric columns have three (location,
spread and skewness: normal scores made orthonormal, the components of Neyman's smooth test), categories one for each
frequent value and one for rows that pass between two of the most frequent, pairs of numeric columns the product of
their scores with everything taken out that either column explains by itself, groups the location of each column among
their rows. Chi-squared channels look at all cells of a marginal or of a pair.

Source: Neyman, Skandinavisk Aktuarietidskrift 20, 1937, for the smooth test.
"""

from itertools import combinations, zip_longest
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_app.core.drift.coding.bins import MISSING, ColumnBins, Floats
from stream_app.core.drift.counts.layout import Integers, Layout
from stream_app.core.drift.scoring.contrasts import Channel, Contrasts, Measures
from stream_app.core.drift.scoring.subgroup_contrasts import add_subgroup

__all__ = ["FREQUENT", "Channel", "Contrasts", "Measures", "contrasts_of", "normal_scores"]

FREQUENT = 0.02
"""Share of rows from which a category or a missing cell is followed by a normal score; below, by a Poisson count."""

EXCHANGED, _ALIKE = 0.05, 0.5
"""Shares from which two categories are also followed against each other, where the rarer has so much of the other's: a
move between two that are very unequal is told by the rarer one as well.
"""

_ORDERS = 3
_BEYOND = 0.3
_FLAT = 1e-9
_CUT = 6.0


def contrasts_of(counts: Integers, layout: Layout, bins: tuple[ColumnBins, ...], which: Integers) -> Contrasts:
    """The channels for (cells,) baseline ``counts``. ``which`` (cells,) are the counts that decide which channels there
    are: those of the whole reference, so that every period of a season has the same.
    """
    found = Contrasts()
    scores = [_coarse_scores(counts, layout, place, column) for place, column in enumerate(bins)]
    for place, column in enumerate(bins):
        _column(found, counts, layout, place, column, which)
    for number, pair in enumerate(layout.pairs):
        _pair(found, counts, layout, number, pair, scores)
    for number in range(len(layout.subgroups)):
        add_subgroup(found, counts, layout, number, bins, which)
    return found


def _column(
    found: Contrasts, counts: Integers, layout: Layout, place: int, column: ColumnBins, which: Integers
) -> None:
    cells = layout.column_cells(place)
    seen, deciding = counts[cells].astype(np.float64), which[cells]
    present = np.r_[0.0, 0.0, np.ones(len(seen) - 2)]
    base = found.base(cells.start, present)
    shares = _shares(seen * present)
    if column.kind == "numeric":
        smooth = _smooth(shares, normal_scores(seen, column), 2)
        orders: tuple[Measures, ...] = ("location", "spread", "skewness")
        for measures, weights in zip_longest(orders, smooth):
            found.add(Channel("marginal", (place,), True, measures), base, cells.start, weights)
    else:
        for code in _followed(deciding * present, FREQUENT):
            channel = Channel("marginal", (place,), True, "share")
            found.add(channel, base, cells.start, _against_rest(shares, code, 2), *_share(shares, code))
        for one, other in _exchanged(deciding * present):
            channel = Channel("marginal", (place,), True, "exchange")
            found.add(channel, base, cells.start, *_exchange(shares, one, other))
    if deciding[MISSING] >= FREQUENT * max(1, deciding.sum()):
        whole = found.base(cells.start, np.ones(len(seen)))
        weights, scale = _against_rest(_shares(seen), MISSING, 0), _share(_shares(seen), MISSING)
        found.add(Channel("missingness", (place,), True, "share"), whole, cells.start, weights, *scale)
    found.add_squared(
        Channel("marginal", (place,), False, "shape"), base, cells.start, np.where(present, shares, np.nan)
    )


def _pair(
    found: Contrasts, counts: Integers, layout: Layout, number: int, pair: tuple[int, int], scores: list[Floats | None]
) -> None:
    cells, (left, right) = layout.pair_cells(number), pair
    shape = (layout.coarse_sizes[left], layout.coarse_sizes[right])
    table = counts[cells].reshape(shape).astype(np.float64)
    present = np.zeros(shape)
    present[1:, 1:] = 1
    base = found.base(cells.start, present.ravel())
    shares = _shares(table * present)
    one, other = scores[left], scores[right]
    if one is not None and other is not None:
        product = np.outer(one, other)
        weights, scale = _interaction(shares, product)
        deviation = _deviation(shares.sum(axis=1), one) * _deviation(shares.sum(axis=0), other)
        means = float(shares.sum(axis=1) @ one) * float(shares.sum(axis=0) @ other)
        before = (float((shares * product).sum()) - means) / max(deviation, _FLAT)
        channel = Channel("correlation", pair, True, "correlation")
        found.add(channel, base, cells.start, weights, scale / max(deviation, _FLAT), before)
    channel = Channel("correlation", pair, False, "association")
    found.add_squared(channel, base, cells.start, np.where(present, shares, np.nan).ravel())


def _shares(counts: Floats) -> Floats:
    """Shares of cells, with half a row for the whole table where the baseline has none of it: a period may lack it."""
    total = counts.sum()
    return counts / total if total > 0 else np.full(counts.shape, 1 / counts.size)


def _followed(counts: npt.NDArray[Any], least: float) -> list[int]:
    """Codes frequent enough for a channel of their own; of two that are all there is, the first says it all."""
    total = max(1, counts.sum())
    shown = [int(code) for code in np.flatnonzero((counts >= least * total) & (counts < total))]
    return shown[:1] if len(shown) == 2 and np.count_nonzero(counts) == 2 else shown


def _exchanged(counts: npt.NDArray[Any]) -> list[tuple[int, int]]:
    """Pairs of codes that are followed together; of two that are all there is, either says it all."""
    total = max(1, counts.sum())
    often = [int(code) for code in np.flatnonzero(counts >= EXCHANGED * total)]
    if np.count_nonzero(counts) < 3:
        return []
    return [
        (one, other) for one, other in combinations(often, 2)
        if min(counts[one], counts[other]) >= _ALIKE * max(counts[one], counts[other])
    ]  # fmt: skip


def _exchange(shares: Floats, one: int, other: int) -> tuple[Floats | None, float, float]:
    """The contrast that is most sensitive to rows which pass from one value to the other, scale and baseline."""
    own = shares[[one, other]]
    if own.min() < _FLAT:
        return None, 1.0, 0.0
    root = float(np.sqrt((1 / own).sum()))
    weights = np.zeros(len(shares))
    weights[[one, other]] = np.array([-1, 1]) / own / root
    return weights, 1 / root, float(own.min())


def _share(shares: Floats, code: int) -> tuple[float, float]:
    """Scale and baseline of a share's channel."""
    share = float(shares[code])
    return float(np.sqrt(share * (1 - share))), share


def _deviation(shares: Floats, scores: Floats) -> float:
    mean = float(shares @ scores)
    return float(np.sqrt(max(0.0, float(shares @ (scores - mean) ** 2))))


def _against_rest(shares: Floats, code: int, absent: int) -> Floats | None:
    """The indicator of one cell against all others of the base, standardised."""
    share = float(shares[code])
    if share * (1 - share) < _FLAT:
        return None
    return _standardised((np.arange(len(shares)) == code).astype(np.float64), shares, absent)


def normal_scores(seen: Floats, column: ColumnBins) -> Floats:
    """(codes,) normal scores of bin mid-ranks; 0 for missing and new. Empty bins beyond the ends rank further out."""
    return _scores_of(seen[2 : column.size], np.zeros(2))


def _scores_of(present: Floats, absent: Floats) -> Floats:
    from scipy.special import ndtri

    total = present.sum()
    if not total:
        return np.concatenate([absent, np.zeros(len(present))])
    middle = np.clip((np.cumsum(present) - present / 2) / total, 0.25 / total, 1 - 0.25 / total)
    places = np.arange(len(present))
    raw = ndtri(middle) + _BEYOND * (places - np.clip(places, *np.flatnonzero(present)[[0, -1]]))
    return np.concatenate([absent, raw])


def _smooth(shares: Floats, scores: Floats, absent: int, orders: int = _ORDERS) -> list[Floats]:
    """Powers of the scores, made orthonormal under the shares and to 1; at most ``orders``, fewer where levels are few.

    Weights are cut at 6 standard deviations: a bin that the reference barely knows must not decide by itself. The first
    ``absent`` cells weigh nothing.
    """
    basis, found = [np.ones(len(shares))], list[Floats]()
    for order in range(1, orders + 1):
        power = scores**order
        for known in basis:
            power = power - float((shares * power * known).sum()) * known
        spread = float(np.sqrt((shares * power**2).sum()))
        if spread < _FLAT * 1e3 or np.count_nonzero(shares) <= order:
            break
        basis.append(power / spread)
        found.append(_standardised(np.clip(power / spread, -_CUT, _CUT), shares, absent))
    return found


def _standardised(weights: Floats, shares: Floats, absent: int) -> Floats:
    """Mean 0 and variance 1 under the shares; nothing on the first ``absent`` cells."""
    mean = float((shares * weights).sum())
    spread = float(np.sqrt((shares * (weights - mean) ** 2).sum()))
    found = (weights - mean) / max(spread, _FLAT)
    found[:absent] = 0.0
    return found


def _coarse_scores(counts: Integers, layout: Layout, place: int, column: ColumnBins) -> Floats | None:
    """(coarse codes,) mean normal score of each coarse level; none for categories."""
    if column.kind != "numeric":
        return None
    seen = counts[layout.column_cells(place)].astype(np.float64)
    fine, codes = normal_scores(seen, column), layout.coarse[place, : len(seen)]
    weight = np.bincount(codes, seen, minlength=layout.coarse_sizes[place])
    total = np.bincount(codes, seen * fine, minlength=layout.coarse_sizes[place])
    found = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
    found[0] = 0.0
    return found


def _interaction(shares: Floats, product: Floats) -> tuple[Floats | None, float]:
    """What of ``product`` neither column explains by itself, standardised, and its standard deviation.

    Weighted least squares on both columns' indicators.
    """
    height, width = shares.shape
    mains = np.zeros((height * width, height + width))
    rows, columns = np.divmod(np.arange(height * width), width)
    mains[np.arange(height * width), rows] = 1
    mains[np.arange(height * width), height + columns] = 1
    weight = np.sqrt(shares.ravel())
    fitted, *_ = np.linalg.lstsq(mains * weight[:, None], product.ravel() * weight, rcond=None)
    left = product.ravel() - mains @ fitted
    inside = rows * columns > 0
    spread = float(np.sqrt((shares.ravel() * left**2).sum()))
    if spread < _FLAT * 1e3:
        return None, 0.0
    return np.where(inside, _standardised(np.clip(left / spread, -_CUT, _CUT), shares.ravel(), 0), 0.0), spread
