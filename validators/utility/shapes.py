"""Distances between two samples of one column: Kolmogorov-Smirnov, Wasserstein, total variation, chi-squared effect."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.dependence import chi_squared_effect
from schemas.sorted_sample import SortedSample
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


def shape(real: Reals, fake: Reals, samples: tuple[SortedSample, SortedSample] | None = None) -> Shape:
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


def sample_distances(real: SortedSample, fake: SortedSample) -> tuple[float, float | None]:
    """Kolmogorov-Smirnov and the scaled Wasserstein distance of two samples of numbers, apart from missing ones.

    An empty sample has nothing in common with another, and all with an empty one.
    """
    sizes = real.present, fake.present
    if not all(sizes):
        return float(sizes[0] != sizes[1]), None
    points, places = _merged(real.points, fake.points)
    below = np.zeros((2, len(points)), dtype=np.int64)
    below[0, places[: len(real.points)]] = real.counts
    below[1, places[len(real.points) :]] = fake.counts
    ahead = np.cumsum(below, axis=1, out=below)
    gaps, scale = np.abs(ahead[0] / sizes[0] - ahead[1] / sizes[1]), _scale(real)
    with np.errstate(over="ignore", invalid="ignore"):
        distance = float(gaps[:-1] @ np.diff(points)) / scale if scale > 0 else float("nan")
    return float(gaps.max()), distance if np.isfinite(distance) else None


def _merged(left: Reals, right: Reals) -> tuple[Reals, npt.NDArray[np.int64]]:
    """The distinct points of two ascending arrays in order, and where those of both stand."""
    if len(left) == len(right) and bool((left == right).all()):
        return left, np.tile(np.arange(len(left)), 2)
    both = np.concatenate([left, right])
    # A stable sort only merges two runs that are in order.
    order = np.argsort(both, kind="stable")
    ascending = both[order]
    new = np.append(True, ascending[1:] != ascending[:-1])
    places = np.empty(len(both), dtype=np.int64)
    places[order] = np.cumsum(new) - 1
    return ascending[new], places


def _scale(sample: SortedSample) -> float:
    """The interquartile range, or the standard deviation where that is 0."""
    size = sample.present
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = sample.at(size // 4), sample.at(3 * size // 4)
        if high > low:
            return high - low
        mean = float(sample.points @ sample.counts) / size
        return float(np.nan_to_num(np.sqrt((sample.points - mean) ** 2 @ sample.counts / size), posinf=0.0))
