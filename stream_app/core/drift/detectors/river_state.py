"""The state of River's detectors as plain numbers, named one by one: nothing is pickled, and nothing is guessed.

``PageHinkley`` keeps six numbers, which are written as they are. ``ADWIN`` keeps compressed buckets in compiled code
that cannot be read: its inputs are kept instead, and given to it again.
"""

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any

from schemas.errors import ContractError

_SUMS = ("_sum_increase", "_sum_decrease", "_min_increase", "_max_decrease")
_MOST_INPUTS, _KEPT_INPUTS = 1_024, 512


def page_hinkley_state(detector: Any) -> dict[str, float | bool | None]:
    """A JSON value; none stands for infinity, which a detector without inputs holds."""
    mean = detector._x_mean
    sums = {name: getattr(detector, name) for name in _SUMS}
    return {name: None if value == inf else float(value) for name, value in sums.items()} | {
        "n": float(mean.n),
        "mean": float(mean.get()),
        "drift_detected": bool(detector._drift_detected),
    }


def restore_page_hinkley(detector: Any, state: Any) -> None:
    """Let a new ``detector`` of the same parameters go on from ``state``; raises ``ContractError`` on any other."""
    from river.stats import Mean

    if not isinstance(state, Mapping) or set(state) != {*_SUMS, "n", "mean", "drift_detected"}:
        raise ContractError("not the state of a Page-Hinkley test")
    if not isinstance(state["drift_detected"], bool):
        raise ContractError("not the state of a Page-Hinkley test")
    for name in _SUMS:
        infinite = name == "_min_increase" and state[name] is None
        setattr(detector, name, inf if infinite else _number(state[name]))
    detector._drift_detected = state["drift_detected"]
    mean = Mean()
    mean.n, mean._mean = _number(state["n"]), _number(state["mean"])
    detector._x_mean = mean


def page_hinkley_statistic(detector: Any) -> float:
    """The larger of its two cumulative sums, which it compares with its threshold."""
    return max(
        float(detector._sum_increase - detector._min_increase), float(detector._max_decrease - detector._sum_decrease)
    )


class ReplayedAdwin:
    """``river.drift.ADWIN`` that can be written down: after 1,024 inputs it begins anew from the last 512."""

    def __init__(self, delta: float, grace_period: int, inputs: Sequence[float] = ()) -> None:
        self._delta, self._grace_period = delta, grace_period
        self._begin(inputs)

    def _begin(self, inputs: Sequence[float]) -> None:
        from river.drift import ADWIN

        adwin: Any = ADWIN  # compiled, without annotations
        self._adwin = adwin(delta=self._delta, clock=1, min_window_length=1, grace_period=self._grace_period)
        self.inputs = list(inputs)
        for value in inputs:
            self._adwin.update(value)

    @property
    def drift_detected(self) -> bool:
        return bool(self._adwin.drift_detected)

    def update(self, value: float) -> None:
        if len(self.inputs) >= _MOST_INPUTS:
            self._begin(self.inputs[-_KEPT_INPUTS:])
        self.inputs.append(value)
        self._adwin.update(value)

    def restore(self, state: Any) -> None:
        """Go on from ``inputs``; raises ``ContractError`` on anything else."""
        if not isinstance(state, list) or len(state) > _MOST_INPUTS:
            raise ContractError("not the inputs of ADWIN")
        self._begin([_number(value) for value in state])


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ContractError("the state of a detector holds something else than a number")
    return float(value)
