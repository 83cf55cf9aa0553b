"""What the tracker says when the stream has left its reference."""

from dataclasses import dataclass
from typing import Literal

from schemas.drift import Kind


@dataclass(frozen=True, slots=True)
class DriftSign:
    """One change of the stream: found after ``row`` rows, most likely begun at ``since_row``.

    Rows count from 0 at the start of the stream. ``columns`` are the strongest first, and those of a pair or subgroup
    together. ``effect`` is the total variation distance between the rows since the change and the reference on coarse
    cells (a plain estimate, biased upwards by about the square root of cells over rows), or for two numeric columns
    the change of their correlation (of normal scores). ``statistic`` is the largest of all channels and passed
    ``threshold``: a cumulative sum in standard deviations, or for rare cells minus the decimal logarithm of a Poisson
    tail; River's detectors give their ranks, from 1 on. It may be a pair's where a single column explains it:
    ``kind`` and ``columns`` then name that column.
    """

    row: int
    since_row: int
    kind: Kind
    columns: tuple[str, ...]
    effect: float
    unit: Literal["total_variation", "correlation"]
    statistic: float
    threshold: float
