"""The loop: a killed run resumes to equal weights, cancellation passes, overflow is an outcome."""

import pytest
import torch
from torch import Tensor, nn

from generators.deep import training
from generators.deep.networks import Encoder, linear, noise
from generators.deep.training import Plan, seed_of, train
from generators.protocol import FitFailed, silent
from schemas.errors import RunCancelled

CPU = torch.device("cpu")


class Store:
    """Checkpoints in memory."""

    def __init__(self) -> None:
        self.body: bytes | None = None
        self.saves = 0

    def load(self) -> bytes | None:
        return self.body

    def save(self, state: bytes) -> None:
        self.body, self.saves = state, self.saves + 1


class Regression:
    """A line through random points, with noise from the generator."""

    def __init__(self, scale: float = 1.0) -> None:
        self._layer = linear(3, 1, torch.Generator().manual_seed(4))
        self._inputs = noise(64, 3, torch.Generator().manual_seed(5)) * scale
        self._optimizer = torch.optim.AdamW(self._layer.parameters(), lr=0.01, fused=True)
        self.modules: dict[str, nn.Module] = {"line": self._layer}
        self.optimizers: dict[str, torch.optim.Optimizer] = {"line": self._optimizer}
        self.seen: list[list[int]] = []

    def step(self, rows: Tensor, done: float, generator: torch.Generator) -> Tensor:
        self.seen.append(rows.tolist())
        inputs = self._inputs[rows]
        loss = (self._layer(inputs) - inputs.sum(1, keepdim=True) - noise(len(rows), 1, generator)).square().mean()
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return loss.detach()


def plan(steps: int = 30, identity: str = "one") -> Plan:
    return Plan(64, 10, steps, 7, identity)


def weights(learner: Regression) -> bytes:
    return b"".join(tensor.numpy().tobytes() for tensor in learner.modules["line"].state_dict().values())


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress and checkpoints at each step."""
    monkeypatch.setattr(training, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("killed", [1, 7, 29])
def test_a_run_killed_at_any_step_resumes_to_equal_weights(killed: int) -> None:
    whole = Regression()
    assert train(whole, plan(), CPU, None, silent) is None

    def cancel(fraction: float, phase: str, /, *, step: int = 0, of: int = 0, epsilon: float | None = None) -> None:
        if step == killed:
            raise RunCancelled("cancelled")

    store, first, second = Store(), Regression(), Regression()
    with pytest.raises(RunCancelled):
        train(first, plan(), CPU, store, cancel)
    assert train(second, plan(), CPU, store, silent) is None
    assert len(second.seen) == 30 - max(0, killed - 1)
    assert weights(second) == weights(whole)


@pytest.mark.usefixtures("eager")
def test_checkpoints_of_another_request_or_damaged_ones_are_not_used() -> None:
    store = Store()
    train(Regression(), plan(20), CPU, store, silent)
    for body, named in ((store.body, "another"), (b"broken", "one")):
        store.body = body
        learner = Regression()
        train(learner, plan(20, named), CPU, store, silent)
        assert len(learner.seen) == 20


def test_a_pass_sees_each_row_once_and_the_next_in_another_order() -> None:
    learner = Regression()
    train(learner, Plan(60, 10, 12, 7, ""), CPU, None, silent)
    passes = [[row for batch in learner.seen[begun : begun + 6] for row in batch] for begun in (0, 6)]
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(60))
    assert passes[0] != passes[1]


@pytest.mark.usefixtures("eager")
def test_overflow_is_an_outcome() -> None:
    failed = train(Regression(1e30), plan(), CPU, None, silent)
    assert isinstance(failed, FitFailed)
    assert failed.outcome == "non_finite"


@pytest.mark.usefixtures("eager")
def test_progress_rises_to_the_end_and_tells_epsilon() -> None:
    told: list[tuple[float, int, int, float | None]] = []

    def listen(fraction: float, phase: str, /, *, step: int = 0, of: int = 0, epsilon: float | None = None) -> None:
        told.append((fraction, step, of, epsilon))

    asked = Plan(64, 10, 9, 7, "", epsilon=lambda step: step / 10)
    train(Regression(), asked, CPU, None, listen)
    assert [step for _, step, _, _ in told] == list(range(10))
    assert all(of == 9 and epsilon == step / 10 for _, step, of, epsilon in told)
    assert [fraction for fraction, _, _, _ in told] == sorted(fraction for fraction, _, _, _ in told)


def test_nothing_global_moves() -> None:
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    Encoder(10, (4,), 2, torch.Generator().manual_seed(0))
    train(Regression(), plan(), CPU, None, silent)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_seeds_differ_by_purpose_and_secret() -> None:
    seeds = {seed_of(secret, purpose) for secret in (b"a" * 32, b"b" * 32) for purpose in ("x", "y")}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**63 for seed in seeds)
