"""SDV's work is told of, can be stopped, says nothing and leaves the process as it was."""

import logging
import random
import sys
import time
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from generators.protocol import silent  # noqa: E402
from generators.sdv.supervision import Stage, steps_told, supervised  # noqa: E402
from schemas.errors import ContractError, InputError, RunCancelled  # noqa: E402


class Told:
    """Progress that remembers, and cancels at its n-th call."""

    def __init__(self, cancel_at: int = 0) -> None:
        self.calls: list[tuple[float, str, int, int]] = []
        self.cancel_at = cancel_at

    def __call__(
        self, fraction: float, phase: str, /, *, step: int = 0, of: int = 0, epsilon: float | None = None
    ) -> None:
        self.calls.append((fraction, phase, step, of))
        if len(self.calls) == self.cancel_at:
            raise RunCancelled("enough")


def test_a_cancelled_run_stops_its_worker_within_a_few_seconds() -> None:
    reached = []

    def work(stage: Stage) -> None:
        for number in range(2_000):
            time.sleep(0.01)
            reached.append(number)

    with pytest.raises(RunCancelled):
        supervised(work, 1, Told(cancel_at=2), "ctgan")
    stopped = len(reached)
    time.sleep(0.1)
    assert len(reached) == stopped < 1_500  # each takes ten milliseconds at least


def test_steps_of_optimizers_are_told_and_fractions_never_fall() -> None:
    told = Told()

    def work(stage: Stage) -> int:
        stage.enter("fitting", 0.1, 0.5, of=8)
        weight = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([weight], lr=0.1)
        with steps_told(stage):
            for _ in range(8):
                weight.grad = torch.ones(1)
                optimizer.step()
                time.sleep(0.2)
        return stage.step

    assert supervised(work, 1, told, "tvae") == 8
    fractions = [fraction for fraction, *_ in told.calls]
    assert fractions == sorted(fractions)
    assert fractions[-1] <= 0.94
    assert any(phase == "fitting" and 0 < step <= of == 8 for _, phase, step, of in told.calls)


def test_an_error_of_the_library_is_told_without_its_words() -> None:
    def work(stage: Stage) -> None:
        raise ValueError("patient 4711 has no age")

    with pytest.raises(InputError, match=r"SDV cannot fit par to this table \(ValueError\)") as caught:
        supervised(work, 1, silent, "par")
    assert "4711" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_error_of_our_own_passes() -> None:
    def work(stage: Stage) -> None:
        raise ContractError("as it is")

    with pytest.raises(ContractError, match="as it is"):
        supervised(work, 1, silent, "par")


def test_the_worker_is_not_heard_and_others_are(capsys: pytest.CaptureFixture[str]) -> None:
    def work(stage: Stage) -> None:
        print("a value of the data")
        print("another", file=sys.stderr)
        warnings.warn("a third", stacklevel=1)
        logging.getLogger("sdv").error("a fourth")

    def progress(fraction: float, phase: str, /, *, step: int = 0, of: int = 0, epsilon: float | None = None) -> None:
        print("telling")

    supervised(work, 1, progress, "hma")
    heard = capsys.readouterr()
    assert set(heard.out.split("\n")) == {"telling", ""}
    assert heard.err == ""
    assert logging.root.manager.disable < logging.CRITICAL


def test_global_random_states_are_seeded_inside_and_put_back() -> None:
    def work(stage: Stage) -> tuple[float, float, float]:
        return random.random(), float(np.random.random()), float(torch.rand(1))

    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[union-attr]
    first, again, other = (supervised(work, seed, silent, "ctgan") for seed in (7, 7, 8))
    assert first == again != other
    assert before == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # type: ignore[union-attr]
