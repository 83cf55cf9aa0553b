"""What the tracker says when the stream has left its reference."""

from dataclasses import dataclass
from typing import Literal

from schemas.drift import Kind, Onset

Unit = Literal["total_variation", "correlation", "association", "standard_deviations", "share", "error_rate"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Counts over the codes (missing, new, then bins) of the strongest column before the change and since; of a
    correlation its two values.
    """

    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    correlations: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class DriftSign:
    """One change of the stream: found after ``row`` rows, most likely begun at ``since_row``.

    Rows count from 0 at the start of the stream. ``columns`` are the strongest first, and those of a pair or subgroup
    together; ``group`` is the value of the first of them that drifted. ``effect`` is the total variation distance
    between the rows since the change and the reference on coarse cells (a plain estimate, biased upwards by about the
    square root of cells over rows); for two numeric columns the change of their correlation (of normal scores), for
    other pairs Cohen's w; within a group standard deviations of a location or a difference of shares; for a concept the
    difference of the model's error rates. ``statistic`` passed ``threshold``: a cumulative sum in standard deviations,
    or for rare cells minus the decimal logarithm of a Poisson tail; River's detectors give their ranks, from 1 on. It
    may be a pair's where a single column explains it: ``kind`` and ``columns`` then name that column. ``since_time`` is
    when the row ``since_row`` came, by the contract's time column. ``errors`` are a concept's error rates before and
    since.
    """

    row: int
    since_row: int
    kind: Kind
    columns: tuple[str, ...]
    effect: float
    unit: Unit
    statistic: float
    threshold: float
    onset: Onset = "abrupt"
    group: str | None = None
    since_time: float | None = None
    evidence: Evidence = Evidence()
    errors: tuple[float, float] | None = None
