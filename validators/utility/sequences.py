"""How alike the events of one entity are: how many there are, how far apart, in which order, from state to state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from schemas.errors import InsufficientEvidence
from schemas.factorized import factorized
from schemas.finding import Finding, Gate
from schemas.relations import Sequence
from validators.entities import bounded_rows
from validators.protocol import Evidence
from validators.statistics import Interval, Reals, generator
from validators.utility.events import Coding, Events, gaps_of
from validators.verdicts import hold, require

if TYPE_CHECKING:
    import pandas as pd

Part = Callable[[Events, Reals], Reals]
LEAST_ENTITIES: Final = 200
LEAST_STEPS: Final = 100
_ROUNDS: Final = 40
_SHARED: Final = 0.5


@dataclass(frozen=True, slots=True)
class SequenceFidelity:
    """Likeness of the least alike side of the contract's sequence, between synthetic and held-out entities.

    A mean would hide one broken side: entities reassigned at random keep most of them. Sides: rows per entity, gaps
    between events, first and last states, transitions of up to eight categorical columns (five states and the rest),
    lag-1 rank autocorrelations of up to eight numeric columns, and events repeated at one time. A side is that of its
    worst column; total variation counts above what sampling of independent rows gives. Interval: bootstrap over
    entities of both sides, 40 rounds. Raises ``InsufficientEvidence`` below 200 entities or 100 steps a side, or where
    the split tore entities apart. No finding where the contract states no sequence. An order that no column depends on
    cannot be missed.
    """

    metric: str = "sequence_fidelity"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "synthetic"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or none."""
        stated = evidence.contract.policy.sequence
        if stated is None:
            return ()
        _check_whole(evidence, stated)
        real = (evidence.train, evidence.holdout)
        coding = evidence.memo.of("sequence coding", real, lambda: Coding.of(evidence))
        train, holdout = evidence.memo.of("events", real, lambda: tuple(map(coding.events, real)))
        synthetic = coding.events(_bounded(evidence, stated))
        for events, side in ((synthetic, "synthetic"), (holdout, "holdout")):
            require(events.entities, LEAST_ENTITIES, f"{side} entities")
            require(len(events.steps), LEAST_STEPS, f"{side} steps from one event to the next")
        sides = likeness(coding, synthetic, holdout)
        value = min(sides.values())
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                value,
                interval=_interval(coding, synthetic, holdout, value, evidence.seed),
                baseline=min(likeness(coding, train, holdout).values()) if train.entities else None,
                support=min(synthetic.entities, holdout.entities),
                samples={"synthetic": synthetic.entities, "holdout": holdout.entities, "train": train.entities},
                reason=f"least alike: {min(sides, key=lambda side: sides[side])}",
                detail={
                    "mean": float(np.mean(list(sides.values()))),
                    "sides": {side: round(figure, 6) for side, figure in sides.items()},
                },
            ),
        )


def _check_whole(evidence: Evidence, stated: Sequence) -> None:
    """Entities must lie on one side of the split, or every real sequence has gaps that no generator made.

    A split by units of several rows keeps them whole, and then keys may be numbered anew in each table.
    """
    if evidence.entities is not None:
        return
    held = evidence.holdout[stated.entity].dropna().unique()
    both = int(np.isin(held.astype(object), evidence.train[stated.entity].dropna().unique().astype(object)).sum())
    if both > _SHARED * max(1, len(held)):
        raise InsufficientEvidence(
            f"the split tore the sequences of {stated.entity} apart: make it the privacy unit, to keep them whole"
        )


def _bounded(evidence: Evidence, stated: Sequence) -> "pd.DataFrame":
    """The synthetic table with no more rows an entity than the real ones were left with."""

    if evidence.entities is None:
        return evidence.synthetic
    most = evidence.contract.policy.privacy.unit.max_rows
    entity = factorized(evidence.synthetic[stated.entity])[0].astype(np.int64)
    rows = bounded_rows(entity, most, generator(evidence.seed, "bound synthetic sequences"))
    return evidence.synthetic.iloc[rows]


def likeness(
    coding: Coding, first: Events, second: Events, weights: tuple[Reals, Reals] | None = None
) -> dict[str, float]:
    """Each side's likeness in [0, 1] by its worst column, entities counted by ``weights``."""
    one, two = weights or (np.ones(first.entities), np.ones(second.entities))

    def alike(part: Part) -> float:
        return 1 - excess_variation(part(first, one), part(second, two))

    columns = range(len(coding.states))
    sides = {
        "rows_per_entity": [alike(_rows_per_entity)],
        "gaps": [alike(lambda events, weight: _gap_counts(coding, events, weight))],
        "first_and_last_states": [
            alike(lambda events, weight, k=k, end=end: _end_counts(coding, events, weight, k, end))  # type: ignore[misc]
            for k in columns
            for end in ("first", "last")
        ],
        "transitions": [
            alike(lambda events, weight, k=k: _transition_counts(coding, events, weight, k))  # type: ignore[misc]
            for k in columns
        ],
        "autocorrelation": _autocorrelation_likeness(first, second, one, two),
        "repeated_times": [1 - max(0.0, _repeated(first, one) - _repeated(second, two))],
    }
    return {side: float(min(figures)) for side, figures in sides.items() if figures}


def excess_variation(first: Reals, second: Reals) -> float:
    """Total variation of two lists of counts less its mean under equal shares and independent rows, at least 0.

    The mean of |X - Y| of two shares with variance v is sqrt(2 v / pi) where both are near normal. 1 where one side is
    empty and the other is not.
    """
    m, n = first.sum(), second.sum()
    if m <= 0 or n <= 0:
        return 0.0 if m <= 0 and n <= 0 else 1.0
    pooled = (first + second) / (m + n)
    variation = 0.5 * np.abs(first / m - second / n).sum()
    noise = 0.5 * np.sqrt(2 / np.pi * pooled * (1 - pooled) * (1 / m + 1 / n)).sum()
    return float(max(0.0, variation - noise))


def _rows_per_entity(events: Events, weight: Reals) -> Reals:
    """Exact up to eight rows, then two bins a doubling."""
    rows = np.bincount(events.entity, minlength=events.entities)
    binned = np.where(rows <= 8, rows, 8 + np.floor(2 * np.log2(np.maximum(rows, 8) / 8))).astype(np.int64)
    return np.bincount(binned, weights=weight, minlength=140).astype(np.float64)


def _gap_counts(coding: Coding, events: Events, weight: Reals) -> Reals:
    codes = np.searchsorted(coding.gap_edges, gaps_of(events), side="left")
    return np.bincount(codes, weights=weight[events.entity[events.steps]], minlength=len(coding.gap_edges) + 1).astype(
        np.float64
    )


def _end_counts(coding: Coding, events: Events, weight: Reals, column: int, end: str) -> Reals:
    change = np.flatnonzero(np.diff(events.entity))
    rows = np.append(0, change + 1) if end == "first" else np.append(change, len(events.entity) - 1)
    return np.bincount(events.states[rows, column], weights=weight, minlength=coding.sizes[column]).astype(np.float64)


def _transition_counts(coding: Coding, events: Events, weight: Reals, column: int) -> Reals:
    size, states = coding.sizes[column], events.states[:, column]
    pairs = states[events.steps] * size + states[events.steps + 1]
    return np.bincount(pairs, weights=weight[events.entity[events.steps]], minlength=size * size).astype(np.float64)


def _repeated(events: Events, weight: Reals) -> float:
    """Share of events that follow another one of their entity at the very same time."""
    total = weight[events.entity].sum()
    return float(weight[events.entity[events.steps]][gaps_of(events) == 0].sum() / total) if total > 0 else 0.0


def _autocorrelation_likeness(first: Events, second: Events, one: Reals, two: Reals) -> list[float]:
    pairs = zip(lag_one(first, one), lag_one(second, two), strict=True)
    # A column that is constant among the real events has no autocorrelation to keep.
    return [1 - min(1.0, abs(np.nan_to_num(a) - b)) for a, b in pairs if np.isfinite(b)]


def lag_one(events: Events, weight: Reals) -> list[float]:
    """Spearman correlation of each numeric column with itself one event later; NaN where it is constant."""
    heavy = weight[events.entity[events.steps]]
    return [_correlation(column[events.steps], column[events.steps + 1], heavy) for column in events.levels.T]


def _correlation(now: Reals, later: Reals, weight: Reals) -> float:
    kept = np.isfinite(now) & np.isfinite(later) & (weight > 0)
    if kept.sum() < 3:
        return float("nan")
    x, y, w = now[kept], later[kept], weight[kept] / weight[kept].sum()
    x, y = x - (w * x).sum(), y - (w * y).sum()
    spread = float(np.sqrt((w * x * x).sum() * (w * y * y).sum()))
    return float((w * x * y).sum() / spread) if spread > 1e-9 else float("nan")


def _interval(coding: Coding, synthetic: Events, holdout: Events, value: float, seed: int) -> Interval:
    """Reversed bootstrap over entities: a resample repeats entities, which alone makes it less alike."""
    rng = generator(seed, "sequence_fidelity")
    drawn = [
        min(likeness(coding, synthetic, holdout, (_weights(synthetic, rng), _weights(holdout, rng))).values())
        for _ in range(_ROUNDS)
    ]
    half = 1.96 * float(np.std(drawn, ddof=1))
    return max(0.0, value - half), min(1.0, value + half)


def _weights(events: Events, rng: np.random.Generator) -> Reals:
    return rng.multinomial(events.entities, np.full(events.entities, 1 / events.entities)).astype(np.float64)
