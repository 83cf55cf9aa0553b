"""Which key each row of an entity is at: one of those it was at before, or a new one by its popularity.

How likely a new one is depends on how many rows and how many keys there were (a tree); which of the old ones, on how
often it was chosen or not at all, mixed as the source mixes both. Keys are shuffled: a synthetic key has the popularity
of some real one and nothing else of it.
"""

from dataclasses import dataclass

import numpy as np

from generators.arrays import Floats, Ints
from generators.sequences.conditional import Conditional, conditional
from generators.sequences.entities import Feature
from generators.trees.coding import codes_of_span

STEPS = 4
MOST = 20 * STEPS
POOLED = 10
"""Popularities are averages of so many keys of like popularity."""


@dataclass(frozen=True, slots=True)
class Favourites:
    """``fresh``: whether a row is at a new key; ``loyal``: share of returns that go by how often a key was chosen.

    ``popularity``: shares of rows that new keys get, averaged over ``POOLED`` keys; ``listing``: the positions that
    keys may have, since a reference must be valid.
    """

    fresh: Conditional
    loyal: float
    popularity: Floats
    listing: Ints

    def drawn(self, entity: Ints, share: float, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """For rows in order of entity and time the number of each one's key, and the position of each number; ``share``
        of all keys take part, as rows do.
        """
        size = max(1, min(self.listing.size, round(self.listing.size * share)))
        weights = np.cumsum(rng.choice(self.popularity, size))
        step, starts = _steps(entity)
        found = np.zeros(entity.size, dtype=np.int64)
        known = np.zeros(starts.size, dtype=np.int64)
        order = np.argsort(step, kind="stable")
        rows_at = np.split(order, np.flatnonzero(np.diff(step[order])) + 1)
        distinct = np.zeros((starts.size, len(rows_at)), dtype=np.int32)
        for number, rows in enumerate(rows_at):
            who = entity[rows]
            inputs = [_bin(np.full(rows.size, number)), _bin(known[who])]
            fresh = (self.fresh.drawn(inputs, rng) == 1) | (known[who] == 0)
            new = np.minimum(np.searchsorted(weights, rng.random(rows.size) * weights[-1]), size - 1)
            usual = found[starts[who] + (rng.random(rows.size) * max(number, 1)).astype(np.int64)]
            any_known = distinct[who, (rng.random(rows.size) * known[who]).astype(np.int64)]
            found[rows] = np.where(fresh, new, np.where(rng.random(rows.size) < self.loyal, usual, any_known))
            distinct[who[fresh], known[who[fresh]]] = found[rows[fresh]]
            known[who[fresh]] += 1
        return found, rng.permutation(self.listing)[:size]


def favourites_of(entity: Ints, key: Ints, seed: int, leaf: int) -> Favourites:
    """From rows in order of entity and time, and the position of each row's key."""
    listing, number = np.unique(key, return_inverse=True)
    step, starts = _steps(entity)
    pair = entity * listing.size + number
    order = np.lexsort((step, pair))
    chosen = np.empty(entity.size, dtype=np.int64)
    chosen[order] = _steps_of(pair[order])
    fresh = chosen == 0
    known = _before(fresh.astype(np.int64), entity, starts)
    squares = _before(2 * chosen + 1, entity, starts)
    back = ~fresh
    usual, even = squares[back] / np.maximum(step[back], 1) ** 2, 1 / np.maximum(known[back], 1)
    gained = (chosen[back] / np.maximum(step[back], 1) - even).sum()
    loyal = float(np.clip(gained / max((usual - even).sum(), 1e-9), 0, 1)) if back.any() else 0.0
    inputs = [_bin(step), _bin(known)]
    codes = codes_of_span(np.arange(2).repeat(POOLED), 2)
    grown = conditional(fresh.astype(np.int64), codes, inputs, [Feature(MOST)] * 2, seed, leaf, branched=False)
    counts = np.sort(np.bincount(number, weights=fresh.astype(np.float64), minlength=listing.size))
    groups = np.arange(counts.size) // POOLED
    means = np.bincount(groups, weights=counts) / np.bincount(groups)
    return Favourites(grown, loyal, (means[groups] + 1e-9) / counts.sum(), listing.astype(np.int64))


def _bin(count: Ints) -> Ints:
    return np.minimum((STEPS * np.log2(1 + count)).astype(np.int64), MOST - 1)


def _steps(entity: Ints) -> tuple[Ints, Ints]:
    """Which row of its entity each row is, from 0, and where each entity starts."""
    starts = np.flatnonzero(np.diff(entity, prepend=-1))
    return np.arange(entity.size) - starts[entity], starts


def _steps_of(sorted_pairs: Ints) -> Ints:
    starts = np.flatnonzero(np.diff(sorted_pairs, prepend=-1))
    number = np.cumsum(np.diff(sorted_pairs, prepend=-1) != 0) - 1
    return np.asarray(np.arange(sorted_pairs.size) - starts[number], dtype=np.int64)


def _before(amounts: Ints, entity: Ints, starts: Ints) -> Ints:
    """The sum of ``amounts`` over the earlier rows of each row's entity."""
    total = np.cumsum(amounts) - amounts
    return np.asarray(total - total[starts][entity], dtype=np.int64)
