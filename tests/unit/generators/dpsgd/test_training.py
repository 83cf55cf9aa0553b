from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from generators.dpsgd import gan, vae  # noqa: E402
from generators.dpsgd.fitting import PrivateNetwork, collapsed  # noqa: E402
from generators.dpsgd.gradients import MARGIN, Noise  # noqa: E402
from generators.dpsgd.histograms import measured  # noqa: E402
from generators.dpsgd.lattice import deviation  # noqa: E402
from generators.dpsgd.model import Decoder  # noqa: E402
from generators.dpsgd.population import Population, population, sample  # noqa: E402
from generators.private.meter import Meter  # noqa: E402
from generators.protocol import FitFailed, FitRequest, silent  # noqa: E402
from schemas.contract import PrivacyUnit  # noqa: E402
from schemas.errors import BudgetError, ContractError, RunCancelled  # noqa: E402
from schemas.mechanism import SubsampledGaussian  # noqa: E402
from tests.contract.test_families import contract, table  # noqa: E402

STEPS = {"steps": 55}
FAMILIES: list[PrivateNetwork] = [vae.FAMILY, gan.FAMILY]


class Kept:
    """Checkpoints in memory, killed after the first save where asked."""

    def __init__(self, killed: bool = False) -> None:
        self.state: bytes | None = None
        self.killed = killed

    def load(self) -> bytes | None:
        return self.state

    def save(self, state: bytes) -> None:
        self.state = state
        if self.killed:
            self.killed = False
            raise RunCancelled("killed")


def request(family: PrivateNetwork, checkpoints: Kept | None = None, **more: object) -> FitRequest:
    pinned = contract(True, **more)  # type: ignore[arg-type]
    return FitRequest(pinned, b"s" * 32, family.mechanisms(pinned, 400), STEPS, checkpoints)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_interrupted_and_resumed_is_the_same_as_uninterrupted(family: PrivateNetwork) -> None:
    whole = family.fit(table(400), request(family), silent)
    kept = Kept(killed=True)
    with pytest.raises(RunCancelled):
        family.fit(table(400), request(family, kept), silent)
    steps: list[int] = []

    def told(*_: object, step: int = 0, **__: object) -> None:
        steps.append(step)

    resumed = family.fit(table(400), request(family, kept), told)
    assert not isinstance(whole, FitFailed)
    assert not isinstance(resumed, FitFailed)
    assert resumed.to_bytes() == whole.to_bytes()
    assert sorted(set(steps))[1] >= 50
    assert whole.mechanisms[-1] == request(family).granted[-1].model_copy(update={"steps": 55})


def test_a_damaged_or_foreign_checkpoint_is_not_used() -> None:
    kept = Kept()
    whole = vae.FAMILY.fit(table(400), request(vae.FAMILY, kept), silent)
    assert kept.state is not None
    kept.state = kept.state[:-1]
    assert vae.FAMILY.fit(table(400), request(vae.FAMILY, kept), silent).to_bytes() == whole.to_bytes()
    foreign = Kept()
    vae.FAMILY.fit(table(380), request(vae.FAMILY, foreign), silent)
    assert vae.FAMILY.fit(table(400), request(vae.FAMILY, foreign), silent).to_bytes() == whole.to_bytes()


def test_progress_tells_the_epsilon_so_far() -> None:
    told: list[tuple[int, float | None]] = []

    def progress(_: float, __: str, /, *, step: int = 0, of: int = 0, epsilon: float | None = None) -> None:
        told.append((step, epsilon))

    vae.FAMILY.fit(table(400), request(vae.FAMILY), progress)
    epsilons = [epsilon for _, epsilon in told if epsilon is not None]
    assert epsilons == sorted(epsilons)
    assert 0 < epsilons[0] < epsilons[-1] <= 2


def test_overflow_and_collapse_are_outcomes_that_cost_what_was_run() -> None:
    asked = request(vae.FAMILY)
    failed = vae.FAMILY.fit(table(400), replace(asked, parameters={"learning_rate": 1.0, "steps": 20}), silent)
    if not isinstance(failed, FitFailed):  # a rate of 1 need not overflow: force it
        broken = replace(failed, decoder=_stuck(failed.decoder))
        people = population(table(400), asked)
        found = collapsed(broken, measured(Meter(asked.granted[:1], b"k" * 32, 1), people, "late"))
        assert found is not None
        assert found.outcome == "mode_collapse"
        assert found.mechanisms == failed.mechanisms != ()


def _stuck(decoder: Decoder) -> Decoder:
    offsets = np.zeros_like(decoder.offsets)
    offsets[:, ::5] = 80
    return replace(decoder, offsets=offsets, weight=decoder.weight * 0)


def test_non_finite_weights_end_the_training_with_its_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generators.dpsgd.training.LARGEST_WEIGHT", 1e-3)
    asked = request(vae.FAMILY)
    failed = vae.FAMILY.fit(table(400), asked, silent)
    assert isinstance(failed, FitFailed)
    assert failed.outcome == "non_finite"
    assert failed.mechanisms == (asked.granted[0], asked.granted[1].model_copy(update={"steps": 1}))


def test_an_empirical_fit_runs_the_same_noise_and_claims_nothing() -> None:
    pinned = contract(False)
    assert vae.FAMILY.mechanisms(pinned, 400) == ()
    model = vae.FAMILY.fit(table(400), FitRequest(pinned, b"s" * 32, (), {"steps": 5}), silent)
    assert model.mechanisms == ()


def test_a_fit_refuses_to_run_without_a_grant_or_on_unknown_parameters() -> None:
    pinned = contract(True)
    with pytest.raises(BudgetError):
        vae.FAMILY.fit(table(50), FitRequest(pinned, b"s" * 32), silent)
    asked = request(vae.FAMILY)
    for parameters in ({"epochs": 3.0}, {"hidden": 1.0}):
        with pytest.raises(ContractError, match="dp-vae"):
            vae.FAMILY.fit(table(50), replace(asked, parameters=parameters), silent)


def test_samples_are_poisson() -> None:
    """Seed 7: sizes over 400 steps have a binomial's mean and variance (each off by chance below 1e-4), and every unit
    has its own coin."""
    people = Population(None, np.zeros((1_000, 1), dtype=np.int64), np.arange(1_001))  # type: ignore[arg-type]
    drawn = [sample(people, b"7" * 32, step, 0.05)[1] for step in range(400)]
    sizes = np.array([part.size for part in drawn])
    assert abs(sizes.mean() - 50) < 4 * np.sqrt(47.5 / 400)
    assert 0.7 < sizes.var() / 47.5 < 1.35
    counts = np.bincount(np.concatenate(drawn), minlength=1_000)
    assert abs(counts.var() / (400 * 0.05 * 0.95) - 1) < 0.2
    none = sample(people, b"7" * 32, 0, 1e-9)
    assert none[0].size == none[1].size == 0
    assert np.array_equal(sample(people, b"7" * 32, 3, 0.05)[0], drawn[3])


def test_entities_are_drawn_whole_and_bounded() -> None:
    asked = request(vae.FAMILY, unit=PrivacyUnit(kind="entity", column="plane", max_rows=3))
    people = population(table(400), asked)
    assert np.diff(people.start).max() == 3
    rows, units = sample(people, b"7" * 32, 0, 0.3)
    for unit in np.unique(units):
        assert rows[units == unit].tolist() == list(range(people.start[unit], people.start[unit + 1]))


def test_noise_has_the_recorded_size_and_lies_on_the_lattice() -> None:
    """Seed 7: the standard deviation of 20,000 draws, off by chance below 1e-4."""
    mechanism = SubsampledGaussian(noise_multiplier=4.0, sample_rate=0.1, steps=9)
    noise = Noise(b"7" * 32, mechanism, 0.5, 1_000.0)
    sums = {"a": torch.zeros(100, 150), "b": torch.full((5_000,), 7.3)}
    found = noise.gradient(2, sums)
    flat = torch.cat([part.reshape(-1) for part in found.values()]).to(torch.float64) * 100
    assert float((flat[:15_000]).std()) == pytest.approx(4.0 * 0.5, rel=4 / np.sqrt(2 * 15_000))
    assert float(flat[15_000:].mean()) == pytest.approx(7.3, abs=4 * 2 / np.sqrt(5_000))
    assert noise.clipped_to == pytest.approx(0.5 * (1 - MARGIN))
    unit = 4.0 * 0.5 / deviation(2)
    lattice = (flat / unit).numpy()[np.abs(flat.numpy()) < 0.05]
    assert np.abs(lattice - np.rint(lattice)).max() < 0.01
    assert all(torch.equal(found[name], noise.gradient(2, sums)[name]) for name in sums)
    assert not torch.equal(found["a"], noise.gradient(3, sums)["a"])


def test_more_weights_or_noise_take_a_finer_lattice() -> None:
    mechanism = SubsampledGaussian(noise_multiplier=60.0, sample_rate=0.1, steps=9)
    noise = Noise(b"7" * 32, mechanism, 1.0, 1_000.0)
    levels, unit = noise._lattice(70_000)
    assert levels == 3
    assert np.sqrt(70_000) * unit <= MARGIN / 2
