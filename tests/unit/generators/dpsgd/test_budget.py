import time

import pytest

from generators.dpsgd.budget import planned, read_grant, spending
from schemas.accounting import epsilon_of
from schemas.contract import Categories, Column, Contract, Policy, Privacy
from schemas.errors import BudgetError
from schemas.mechanism import Gaussian, Pure, SubsampledGaussian


def contract(epsilon: str) -> Contract:
    column = Column(name="a", type="string", domain=Categories(values=("x", "y"), confirmed=True))
    return Contract(
        dataset="t", columns=(column,), policy=Policy(privacy=Privacy(scope="t", epsilon=epsilon, delta=1e-5))
    )


@pytest.fixture(scope="module")
def accountant() -> None:
    """Imported, which takes longer than to ask it."""
    planned(contract("1"), 500, 2_048, 10)


@pytest.mark.usefixtures("accountant")
@pytest.mark.parametrize("epsilon", ["0.01", "1"])
@pytest.mark.parametrize(("rows", "steps"), [(500, 200), (39_073, 300), (1_000_000, 300)])
def test_the_plan_meets_the_contracts_epsilon_closely_and_quickly(epsilon: str, rows: int, steps: int) -> None:
    batch = min(8_192, max(2_048, rows // 20))
    started = time.process_time()
    found = planned(contract(epsilon), rows, batch, steps)
    assert time.process_time() - started < 4
    assert 0.99 * float(epsilon) <= epsilon_of(found, 1e-5) <= float(epsilon)
    assert found == planned(contract(epsilon), rows, batch, steps)


def test_without_a_budget_there_is_no_plan() -> None:
    with pytest.raises(BudgetError):
        planned(contract("0"), 100, 10, 10)


def test_a_grant_of_another_kind_is_refused() -> None:
    step = SubsampledGaussian(noise_multiplier=1, sample_rate=0.1, steps=5)
    for granted in ((), (step,), (Gaussian(noise_multiplier=3),), (Pure(epsilon=1), step), (step, step)):
        with pytest.raises(BudgetError, match="dp-vae"):
            read_grant(granted, "dp-vae")


def test_spending_rises_to_the_whole() -> None:
    mechanisms = planned(contract("1"), 39_073, 2_048, 300)
    marks = spending(read_grant(mechanisms, "dp-vae"), 1e-5, 300)
    epsilons = [epsilon for _, epsilon in marks]
    assert marks[-1] == (300, epsilon_of(mechanisms, 1e-5))
    assert epsilons == sorted(epsilons)
    assert 0.3 < epsilons[0] < 0.7


def test_opacus_and_dp_accounting_agree_to_one_percent() -> None:
    """Opacus's PRV against our figure; its RDP against dp-accounting's, which both must lie above ours."""
    pytest.importorskip("opacus")
    import dp_accounting as dp
    from dp_accounting.rdp import RdpAccountant
    from opacus.accountants import PRVAccountant
    from opacus.accountants import RDPAccountant as OpacusRdp

    for noise, rate, steps in ((3.8, 0.0524, 300), (1.1, 0.01, 300)):
        ours = epsilon_of([SubsampledGaussian(noise_multiplier=noise, sample_rate=rate, steps=steps)], 1e-5)
        prv, rdp = PRVAccountant(), OpacusRdp()
        prv.history = rdp.history = [(noise, rate, steps)]
        assert prv.get_epsilon(1e-5, eps_error=0.002) == pytest.approx(ours, rel=0.01)
        theirs = RdpAccountant()
        step = dp.PoissonSampledDpEvent(rate, dp.GaussianDpEvent(noise))
        theirs.compose(dp.SelfComposedDpEvent(step, steps))
        assert rdp.get_epsilon(1e-5) == pytest.approx(theirs.get_epsilon(1e-5), rel=0.01)
        assert theirs.get_epsilon(1e-5) >= ours
