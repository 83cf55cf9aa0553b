"""The grant of a fit under Gaussian noise: what to ask for, and what the fit may spend."""

from generators.preparing import refuse_unconfirmed
from generators.protocol import FitRequest
from schemas.accounting import gaussian_mu
from schemas.contract import Contract
from schemas.errors import BudgetError
from schemas.mechanism import Gaussian, Mechanism


def whole_budget(contract: Contract) -> Gaussian:
    """One Gaussian whose exact (epsilon, delta) is the contract's; raises ``BudgetError`` at epsilon 0."""
    privacy = contract.policy.privacy
    mu = gaussian_mu(float(privacy.epsilon), privacy.delta)
    if mu <= 0:
        raise BudgetError("the contract's epsilon is zero: no formally private release is possible")
    return Gaussian(noise_multiplier=1 / mu)


def asked_for(contract: Contract) -> tuple[Mechanism, ...]:
    """What the ledger is asked for: the whole budget, and nothing under an empirical claim."""
    return (whole_budget(contract),) if contract.policy.privacy.claim == "formal" else ()


def granted(request: FitRequest) -> tuple[Mechanism, ...]:
    """What the fit may spend. Under an empirical claim without a grant that is the contract's epsilon all the same.

    Raises ``ContractError`` on unconfirmed domains and ``BudgetError`` without a grant, both under a formal claim.
    """
    if request.contract.policy.privacy.claim == "formal":
        refuse_unconfirmed(request.contract)
        if not request.granted:
            raise BudgetError("a formally private fit needs a granted mechanism")
    return request.granted or (whole_budget(request.contract),)
