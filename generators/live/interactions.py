"""What three columns hold together beyond their pairs: declared triples, measured first, then predicted and filtered.

A triple is kept as the triply centred part of its shares that the pairs' tables do not account for, so that it moves to
new pairs by being added to their account. Triples that are not counted (``open_rows`` may have chosen some by itself)
are predicted and never measured again. Everything but the measurement is post-processing.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from generators.arrays import Floats
from generators.live.cells import CellCounts
from generators.live.filtering import MEMORY, gain_of, variance_after
from generators.live.published import Interaction, Published
from generators.marginals.coding import Coding
from generators.marginals.triples import MOST_CELLS, Triple, measure_interaction
from generators.private.meter import Meter


def measurable(
    triples: Sequence[Triple], codings: Sequence[Coding], pairs: Collection[tuple[int, int]]
) -> list[Triple]:
    """The triples of several coarse cells a column, not too many in all, whose three ``pairs`` are measured as well."""
    known = {frozenset(pair) for pair in pairs}
    return [
        (a, b, c)
        for a, b, c in triples
        if {frozenset((a, b)), frozenset((a, c)), frozenset((b, c))} <= known
        and min(codings[column].coarse_cells for column in (a, b, c)) > 1
        and math.prod(codings[column].coarse_cells for column in (a, b, c)) <= MOST_CELLS
    ]


def opened_interactions(
    meter: Meter, counts: CellCounts, published: Published, triples: Sequence[Triple], share: float
) -> Published:
    """With a first measurement of each triple, at ``share`` of the budget each."""
    found = []
    for columns in triples:
        part, deviation = _measured(meter, counts, published, columns, share)
        found.append(Interaction(columns, part, deviation**2))
    return replace(published, interactions=tuple(found))


def followed_interactions(meter: Meter, counts: CellCounts, now: Published, share: float) -> Published:
    """With every triple predicted, and the counted ones measured again at ``share`` each and filtered.

    ``now`` has the new pairs. As triples are few and small, what this release shows of how they move counts at once,
    as for one-ways; one that nobody counts is taken to move as fast as pairs at least.
    """
    noisy = {
        place: _measured(meter, counts, now, each.columns, share)
        for place, each in enumerate(now.interactions)
        if counts.has_triple(each.columns)
    }
    moved = sum(
        (_square(part - now.interactions[place].part) - deviation**2 - now.interactions[place].variance)
        / _size(now, now.interactions[place].columns)
        for place, (part, deviation) in noisy.items()
    )
    triples = now.triples.seen(moved, float(len(noisy)), MEMORY)
    found = []
    for place, each in enumerate(now.interactions):
        rate = triples.rate if place in noisy else max(triples.rate, now.pairs.rate)
        predicted = replace(each, variance=each.variance + rate * _size(now, each.columns))
        found.append(_updated(predicted, *noisy[place]) if place in noisy else predicted)
    return replace(now, interactions=tuple(found), triples=triples)


def _measured(meter: Meter, counts: CellCounts, now: Published, columns: Triple, share: float) -> tuple[Floats, float]:
    """The noisy part and its deviation, as shares."""
    expected = now.account(columns)
    part, deviation = measure_interaction(meter, columns, counts.triple(*columns), expected, share)
    return part / now.rows, deviation / now.rows


def _updated(predicted: Interaction, part: Floats, deviation: float) -> Interaction:
    innovation, spread = part - predicted.part, deviation**2
    gain = gain_of(_square(innovation), predicted.variance, spread, _freedom(part))
    variance = variance_after(gain, predicted.variance, spread)
    return Interaction(predicted.columns, predicted.part + gain * innovation, variance)


def _square(innovation: Floats) -> float:
    return float((innovation**2).sum()) / _freedom(innovation)


def _freedom(part: Floats) -> int:
    return math.prod(size - 1 for size in part.shape)


def _size(now: Published, columns: Triple) -> float:
    """The mean squared cell of three independent columns with these shares."""
    return math.prod(float(np.mean(now.cells_of(column, False) ** 2)) for column in columns)
