"""Walks down rankings of units, and how rarely chance alone puts so many members at their top.

The null of every walk: the members among units ranked without a look at membership are a simple random sample of the
pool. A walk's score at step k is the log of a mean likelihood ratio of "member odds are theta times the pool's"
against that null (a test martingale's wealth, Ville 1939), and a look's score is minus the log of the hypergeometric
tail of its members. The chance that any score of a walk reaches a level is then worked out exactly, step by step over
the number of members seen, so that nothing is lost to inequalities or to the coarseness of few hits.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from validators.privacy.pool import Flags, Integers
from validators.statistics import Reals, log_tails

BETS = (1.5, 2.0, 4.0, 8.0, 20.0, 100.0)
STEPS = 400
"""Units of a ranking that its walk looks at one by one."""
NEVER = 2**40
AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the number of members among the first ``count`` units; ``handicap`` is taken off its score."""

    count: int
    handicap: float = 0.0


@dataclass(frozen=True, slots=True)
class Walk:
    """Units, best first, all distinct; chosen and ranked without a look at membership.

    The first ``strict`` steps are held against the null itself, all ``STEPS`` against member odds of up to
    ``tolerance`` times the pool's, so that an honest fit, which favours its rows a little all over, is no evidence.
    ``handicap`` is taken off each step's score.
    """

    order: Integers
    strict: int = STEPS
    tolerance: float = 1.0
    handicap: float = 0.0
    looks: tuple[Look, ...] = ()


@dataclass(frozen=True, slots=True)
class Null:
    """A pool of ``members`` and ``others``, in units."""

    members: int
    others: int


def score(walk: Walk, member: Flags, null: Null) -> float:
    """The highest score that the walk reached; 0 where it had nowhere to go."""
    seen = np.cumsum(member[walk.order])
    best = [0.0]
    table = _scores(walk, null)
    if len(table):
        steps = np.arange(len(table))
        best.append(float(table[steps, seen[: len(table)]].max()))
    best += [float(-log_tails(look.count, null.members, null.members + null.others)[seen[look.count - 1]])
             - look.handicap for look in walk.looks]  # fmt: skip
    # A score must not miss its own level by rounding.
    return max(best) - 1e-9


def chance(walk: Walk, level: float, null: Null) -> float:
    """The chance that the walk reaches ``level`` under the null: exact for its steps and the looks among them, to
    which later looks are added (union bound).
    """
    bound = bounds(walk, level, null)
    late = sum(
        float(np.exp(log_tails(look.count, null.members, null.members + null.others)[least]))
        for look, least in ((look, needed(look, level, null)) for look in walk.looks if look.count > len(bound))
        if least <= look.count
    )
    return min(1.0, _crossing(bound, null) + late)


def bounds(walk: Walk, level: float, null: Null) -> Integers:
    """(n_steps,) the number of members at which each step's score, or a look at it, reaches ``level``."""
    reached = _scores(walk, null) >= level
    found = np.where(reached.any(axis=1), reached.argmax(axis=1), NEVER).astype(np.int64)
    for look in walk.looks:
        if look.count <= len(found):
            found[look.count - 1] = min(int(found[look.count - 1]), needed(look, level, null))
    return found


def drawn(walks: tuple[Walk, ...], level: float, null: Null, draws: int, rng: np.random.Generator) -> float:
    """P-value that any of the walks reaches ``level``, by drawing members anew: valid whatever their rankings share.

    Looks beyond the steps are left out, so all must lie within them.
    """
    units = np.unique(np.concatenate([walk.order[:STEPS] for walk in walks]))
    paths = [(np.searchsorted(units, walk.order[:STEPS]), bounds(walk, level, null)) for walk in walks]
    above = 0
    for start in range(0, draws, AT_ONCE):
        member = _members(len(units), min(AT_ONCE, draws - start), null, rng)
        reached = np.zeros(member.shape[1], dtype=bool)
        for rows, bound in paths:
            seen = np.cumsum(member[rows], axis=0, dtype=np.int16)
            reached |= (seen >= np.minimum(bound, STEPS + 1)[:, None]).any(axis=0)
        above += int(reached.sum())
    return (1 + above) / (1 + draws)


def _members(units: int, draws: int, null: Null, rng: np.random.Generator) -> Flags:
    """(n_units, n_draws) whether each unit is a member, drawn without replacement."""
    member = np.empty((units, draws), dtype=bool)
    left = np.full(draws, null.members)
    for place in range(units):
        member[place] = rng.random(draws) * (null.members + null.others - place) < left
        left -= member[place]
    return member


def needed(look: Look, level: float, null: Null) -> int:
    """How many members among the units looked at bring the look to ``level``; ``NEVER`` where none do."""
    tails = log_tails(look.count, null.members, null.members + null.others)
    enough = np.flatnonzero(-tails - look.handicap >= level)
    return int(enough[0]) if len(enough) else NEVER


def _scores(walk: Walk, null: Null) -> Reals:
    """(n_steps, n_steps + 1) score after each step, by the members seen so far."""
    length = min(STEPS, len(walk.order))
    if not null.members or not null.others or not length:
        return np.zeros((0, 1))
    strict = _wealth(null.members / (null.members + null.others))[:length, : length + 1].copy()
    strict[walk.strict :] = -np.inf
    weight = walk.tolerance * null.members
    tolerant = _wealth(weight / (weight + null.others))[:length, : length + 1]
    return np.maximum(strict, tolerant) - walk.handicap


@lru_cache(maxsize=64)
def _wealth(odds: float) -> Reals:
    """Log of the mean over bets of the likelihood ratio after k = 1, 2, ... steps, m of them members."""
    k = np.arange(1, STEPS + 1, dtype=np.float64)[:, None]
    m = np.arange(STEPS + 1, dtype=np.float64)[None, :]
    logs = np.stack([m * np.log(bet) - k * np.log(bet * odds + 1 - odds) for bet in BETS])
    top = logs.max(axis=0)
    wealth: Reals = top + np.log(np.exp(logs - top).mean(axis=0))
    return np.where(m > k, -np.inf, wealth)


def _crossing(bound: Integers, null: Null) -> float:
    """Chance that the members seen reach ``bound`` at any step; states are how many were seen without reaching it."""
    seen = np.arange(len(bound) + 1)
    state = np.zeros(len(bound) + 1)
    state[0], crossed = 1.0, 0.0
    for step, needed in enumerate(bound):
        member = np.clip((null.members - seen) / max(1, null.members + null.others - step), 0.0, 1.0)
        gained = state * member
        state -= gained
        state[1:] += gained[:-1]
        if needed <= step + 1:
            crossed += float(state[needed:].sum())
            state[needed:] = 0.0
    return crossed
