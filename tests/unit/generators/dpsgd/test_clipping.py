import pytest

torch = pytest.importorskip("torch")

from generators.dpsgd.adversary import Adversaries  # noqa: E402
from generators.dpsgd.autoencoder import Autoencoder  # noqa: E402
from generators.dpsgd.clipping import Tape, clipped_sums  # noqa: E402
from generators.dpsgd.layout import layout  # noqa: E402

SIZES = (3, 5, 2, 7)
ROWS = 40


def network() -> Autoencoder:
    generator = torch.Generator().manual_seed(3)
    return Autoencoder(layout(SIZES), torch.randn(2, sum(SIZES), generator=generator), 11, 4)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    cells = torch.stack([torch.randint(size, (ROWS,), generator=generator) for size in SIZES], 1)
    return cells, torch.randint(2, (ROWS,), generator=generator)


def per_unit(weights, losses_of, units):
    """Each unit's flat gradient by plain autograd, unit by unit; the reference that nothing is shared with."""
    found = []
    for unit in units.unique():
        named = {name: weight.clone().requires_grad_() for name, weight in weights.items()}
        loss = losses_of(named)[units == unit].sum()
        found.append(torch.cat([part.reshape(-1) for part in torch.autograd.grad(loss, list(named.values()))]))
    return torch.stack(found)


class _Plain:
    """Layers as torch applies them, with weights that require gradients."""

    def __init__(self, weights):
        self.weights = weights

    def linear(self, name, inputs):
        return torch.nn.functional.linear(inputs, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])


UNITS = {
    "rows": torch.arange(ROWS),
    "entities": torch.repeat_interleave(torch.tensor([0, 2, 3, 7, 8, 9]), torch.tensor([1, 13, 4, 9, 1, 12])),
}


@pytest.mark.parametrize("kind", UNITS)
@pytest.mark.parametrize("clip", [1e-3, 1.0, 5.0, 1e6])
def test_clipped_sums_equal_those_of_single_gradients(kind: str, clip: float) -> None:
    net, (cells, classes), units = network(), batch(), UNITS[kind]
    weights = net.start(torch.Generator().manual_seed(9))

    def losses(tape):
        return net.losses(tape, cells, classes, torch.Generator().manual_seed(1))

    single = per_unit(weights, lambda named: losses(_Plain(named)), units)
    expected = (single * (clip / single.norm(dim=1, keepdim=True)).clamp(max=1)).sum(0)
    tape = Tape(weights)
    found = clipped_sums(tape, losses(tape), units, clip)
    flat = torch.cat([found[name].reshape(-1) for name in weights])
    assert float((flat - expected).norm() / expected.norm()) < 1e-5
    assert float(flat.norm()) <= clip * len(units.unique()) * (1 + 1e-5)


def test_clipped_sums_equal_those_of_opacus() -> None:
    """Opacus's own per-sample gradients (functorch) of a critic's layers."""
    pytest.importorskip("opacus")
    from opacus import GradSampleModule

    module = torch.nn.Sequential(torch.nn.Linear(9, 6), torch.nn.LeakyReLU(0.2), torch.nn.Linear(6, 1))
    inputs = torch.randn(ROWS, 9, generator=torch.Generator().manual_seed(2))
    wrapped = GradSampleModule(module, loss_reduction="sum")
    torch.nn.functional.softplus(-wrapped(inputs)[:, 0]).sum().backward()
    single = torch.cat([weight.grad_sample.reshape(ROWS, -1) for weight in wrapped.parameters()], 1)
    expected = (single * (0.5 / single.norm(dim=1, keepdim=True)).clamp(max=1)).sum(0)
    weights = {
        f"{name}.{part}": getattr(module[place], part).detach()
        for name, place in (("first", 0), ("last", 2))
        for part in ("weight", "bias")
    }
    tape = Tape(weights)
    hidden = torch.nn.functional.leaky_relu(tape.linear("first", inputs), 0.2)
    losses = torch.nn.functional.softplus(-tape.linear("last", hidden)[:, 0])
    found = clipped_sums(tape, losses, torch.arange(ROWS), 0.5)
    flat = torch.cat([part.reshape(-1) for part in found.values()])
    assert float((flat - expected).norm() / expected.norm()) < 1e-5


def test_leaving_a_unit_out_moves_the_sum_by_the_clip_at_most() -> None:
    net, (cells, classes) = network(), batch()
    weights, units = net.start(torch.Generator().manual_seed(9)), UNITS["entities"]

    def flat(kept: torch.Tensor) -> torch.Tensor:
        tape = Tape(weights)
        noise = torch.Generator().manual_seed(1)
        losses = net.losses(tape, cells, classes, noise)
        losses = torch.where(kept, losses, torch.zeros(()))
        return torch.cat([part.reshape(-1) for part in clipped_sums(tape, losses, units, 0.7).values()])

    whole = flat(torch.ones(ROWS, dtype=torch.bool))
    moved = [float((whole - flat(units != unit)).norm()) for unit in units.unique()]
    assert max(moved) <= 0.7 * (1 + 1e-5)
    assert max(moved) > 0.69


def test_no_rows_give_zeros_and_a_broken_unit_counts_as_nothing() -> None:
    weights = {"only.weight": torch.ones(1, 2), "only.bias": torch.zeros(1)}
    tape = Tape(weights)
    losses = tape.linear("only", torch.zeros(0, 2))[:, 0]
    assert all(float(part.abs().sum()) == 0 for part in clipped_sums(tape, losses, torch.arange(0), 1.0).values())
    tape = Tape(weights)
    inputs = torch.tensor([[1.0, 0.0], [float("inf"), 0.0]])
    found = clipped_sums(tape, tape.linear("only", inputs)[:, 0], torch.arange(2), 10.0)
    assert found["only.weight"].tolist() == [[1.0, 0.0]]
    assert found["only.bias"].tolist() == [1.0]


def test_drawn_rows_of_the_adversary_are_one_hot_and_differentiable() -> None:
    nets = Adversaries(layout(SIZES), torch.zeros(2, sum(SIZES)), torch.tensor([0.3, 0.7]), 8, 3)
    generator = torch.Generator().manual_seed(4)
    weights = {name: weight.requires_grad_() for name, weight in nets.decoder(generator).items()}
    rows, classes = nets.drawn(weights, generator)
    assert torch.allclose(rows.detach() @ nets.layout.member, torch.ones(len(rows), len(SIZES)), atol=1e-5)
    assert abs(float(classes.to(torch.float32).mean()) - 0.7) < 0.1
    gradients = torch.autograd.grad((rows * torch.randn(rows.shape, generator=generator)).sum(), list(weights.values()))
    assert any(float(gradient.abs().sum()) > 0 for gradient in gradients)


def test_a_sample_without_one_row_sums_alike_far_within_the_margin() -> None:
    """Another batch size adds up in another order: what that moves stays a tenth of what the margin leaves for it."""
    from generators.dpsgd.gradients import MARGIN

    generator = torch.Generator().manual_seed(6)
    nets = Adversaries(layout(SIZES), torch.zeros(2, sum(SIZES)), torch.tensor([0.3, 0.7]), 128, 3)
    weights = nets.critic(generator)
    count = 2_048
    cells = torch.stack([torch.randint(size, (count,), generator=generator) for size in SIZES], 1)
    classes = torch.randint(2, (count,), generator=generator)

    def summed(kept: slice) -> torch.Tensor:
        tape = Tape(weights)
        scores = nets.judged(tape, nets.layout.one_hot(cells[kept]), classes[kept])
        losses = torch.nn.functional.softplus(-scores)
        sums = clipped_sums(tape, losses, torch.arange(len(losses)), 0.1)
        return torch.cat([part.reshape(-1) for part in sums.values()])

    alone = summed(slice(count - 1, count)).norm()
    moved = (summed(slice(0, count)) - summed(slice(0, count - 1))).norm()
    assert float(alone) == pytest.approx(0.1, rel=1e-5)
    assert float(moved) <= 0.1 * (1 + MARGIN / 20)
