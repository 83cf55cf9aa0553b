"""A part of a meter's budget, for a stage that spends shares of what it was given."""

from generators.arrays import Floats, Ints
from generators.private.meter import Meter
from schemas.mechanism import Mechanism


class Part(Meter):
    """``meter`` with ``fraction`` of its budget as the whole; everything is paid and recorded there.

    ``prefix`` keeps the labels of different stages apart.
    """

    def __init__(self, meter: Meter, fraction: float, prefix: str = "") -> None:
        self._meter, self._fraction, self._prefix = meter, fraction, prefix
        self.budget = meter.budget * fraction
        self._max_rows, self._spent = meter._max_rows, 0.0

    @property
    def recorded(self) -> tuple[Mechanism, ...]:
        return self._meter.recorded

    def measure(
        self, label: str, counts: Ints, share: float, sensitivity: float = 1.0, unit: int = 1
    ) -> tuple[Floats, float]:
        self._spent += share * self.budget
        return self._meter.measure(self._prefix + label, counts, share * self._fraction, sensitivity, unit)

    def choose(self, label: str, scores: Ints, share: float, sensitivity: float = 1.0) -> int:
        self._spent += share * self.budget
        return self._meter.choose(self._prefix + label, scores, share * self._fraction, sensitivity)
