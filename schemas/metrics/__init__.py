"""Every metric of every gate, with default limit, direction, method and source; a contract overrides limits by name."""

from typing import Final, Literal

from schemas.metrics.attacks import ATTACKS
from schemas.metrics.fairness import FAIRNESS
from schemas.metrics.fidelity import FIDELITY
from schemas.metrics.leaks import LEAKS
from schemas.metrics.learning import LEARNING
from schemas.metrics.metric import Metric
from schemas.metrics.neighbours import NEIGHBOURS
from schemas.metrics.structure import STRUCTURE

METRICS: Final[tuple[Metric, ...]] = (
    *STRUCTURE,
    *LEAKS,
    *NEIGHBOURS,
    *ATTACKS,
    *FIDELITY,
    *LEARNING,
    *FAIRNESS,
)
BY_NAME: Final[dict[str, Metric]] = {metric.name: metric for metric in METRICS}
DEFAULT_LIMITS: Final[dict[str, float]] = {metric.name: metric.default for metric in METRICS}
DIRECTIONS: Final[dict[str, Literal["at_most", "at_least"]]] = {metric.name: metric.direction for metric in METRICS}
KNOWN_LIMITS: Final[tuple[str, ...]] = tuple(DEFAULT_LIMITS)
