"""Distances between two samples of one column: Kolmogorov-Smirnov, Wasserstein, total variation, chi-squared effect."""

from dataclasses import dataclass

import numpy as np

from schemas.dependence import chi_squared_effect
from validators.statistics import Reals
from validators.utility.histograms import noise, total_variation


@dataclass(frozen=True, slots=True)
class Shape:
    """How one column of the synthetic table differs from the real one; the last two are absent for categories.

    ``noise`` is the total variation that sampling alone gives. ``wasserstein`` is in interquartile ranges of the real
    column (standard deviations where that is 0) and absent for a constant one.
    """

    variation: float
    present_variation: float
    noise: float
    effect: float
    kolmogorov_smirnov: float | None = None
    wasserstein: float | None = None

    @property
    def similarity(self) -> float:
        """1 - the larger of total variation and Kolmogorov-Smirnov."""
        return 1 - max(self.variation, self.kolmogorov_smirnov or 0.0)

    @property
    def reported(self) -> float:
        """As ``sdmetrics`` scores a column: KSComplement of a number, TVComplement of the categories present."""
        return 1 - (self.present_variation if self.kolmogorov_smirnov is None else self.kolmogorov_smirnov)

    def figures(self) -> dict[str, float | None]:
        """For a finding's detail."""
        named = {"tvd": self.variation, "cramers_v": self.effect, "ks": self.kolmogorov_smirnov}
        return {name: None if value is None else round(value, 6) for name, value in
                (named | {"wasserstein": self.wasserstein}).items()}  # fmt: skip


def shape(real: Reals, fake: Reals, samples: tuple[Reals, Reals] | None = None) -> Shape:
    """From the counts of both sides' codes, missing first; ``samples`` are a number's present cells."""
    found = Shape(
        variation=total_variation(real, fake),
        present_variation=total_variation(real[1:], fake[1:]),
        noise=noise(real, fake),
        effect=chi_squared_effect([real, fake]),
    )
    if samples is None:
        return found
    ks, distance = sample_distances(*samples)
    return Shape(found.variation, found.present_variation, found.noise, found.effect, ks, distance)


def sample_distances(real: Reals, fake: Reals) -> tuple[float, float | None]:
    """Kolmogorov-Smirnov and the scaled Wasserstein distance of two samples of finite numbers.

    An empty sample has nothing in common with another, and all with an empty one.
    """
    if not len(real) or not len(fake):
        return float(len(real) != len(fake)), None
    gaps, widths = _counted(real, fake) or _sorted(real, fake)
    scale = _scale(real)
    with np.errstate(over="ignore", invalid="ignore"):
        distance = float(gaps[:-1] @ widths) / scale if scale > 0 else float("nan")
    return float(gaps.max()), distance if np.isfinite(distance) else None


Gaps = tuple[Reals, Reals]
"""The distribution functions' distance from each point of a grid to the next, and how far that is (one fewer)."""


def _counted(real: Reals, fake: Reals) -> Gaps | None:
    """On the grid of whole numbers, where these are few enough for counting to beat sorting."""
    low = min(float(real.min()), float(fake.min()))
    high = max(float(real.max()), float(fake.max()))
    if not high - low < len(real) + len(fake):
        return None
    if not all(bool((side == np.rint(side)).all()) for side in (real, fake)):
        return None
    whole = [(side - low).astype(np.int64) for side in (real, fake)]
    size = int(high - low) + 1
    ahead = [np.cumsum(np.bincount(numbers, minlength=size)) / len(numbers) for numbers in whole]
    return np.abs(ahead[0] - ahead[1]), np.ones(size - 1)


def _sorted(real: Reals, fake: Reals) -> Gaps:
    ordered, grid = [np.sort(side) for side in (real, fake)], np.sort(np.concatenate([real, fake]))
    ahead = [np.searchsorted(side, grid, side="right") / len(side) for side in ordered]
    with np.errstate(over="ignore"):
        return np.abs(ahead[0] - ahead[1]), np.diff(grid)


def _scale(values: Reals) -> float:
    """The interquartile range, or the standard deviation where that is 0."""
    quarters = len(values) // 4, (3 * len(values)) // 4
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = np.partition(values, quarters)[list(quarters)]
        return float(high - low) if high > low else float(np.nan_to_num(values.std(), posinf=0.0))
