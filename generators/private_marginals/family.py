"""The formally private generator from counts: all pairs at once, without selection, in seconds.

Every look at the data is a table of counts plus discrete Gaussian noise (``meter``); everything else is
post-processing: leaves and bins, the order of columns, logits, sampling. Nothing public is assumed but the contract's
confirmed domains, dependencies and constraints; not even the number of rows is. The unit is a row, or an entity with
bounded rows.
"""

from typing import TYPE_CHECKING

import numpy as np

from generators.assembly import assembly_of
from generators.contract_facts import with_domains
from generators.entities import bound
from generators.grid import observed_domain
from generators.private_marginals.fitting import conditionals
from generators.private_marginals.measurement import Variable, measure
from generators.private_marginals.meter import Meter, noise_key
from generators.private_marginals.model import Model
from generators.private_marginals.storage import from_bytes
from generators.protocol import FitRequest, Progress
from schemas.accounting import gaussian_mu
from schemas.canonical import canonical
from schemas.contract import Contract
from schemas.errors import BudgetError, ContractError
from schemas.mechanism import Gaussian, Mechanism

if TYPE_CHECKING:
    import pandas as pd

    from generators.arrays import Ints
    from generators.assembly import Assembly

PARAMETERS = frozenset({"coarseness"})
"""``coarseness`` (1 unless given): how many times fewer bins than usual, for steadier counts in scarce data."""


class PrivateMarginals:
    """The family ``private_marginals``: see ``generators.protocol.Family``."""

    name = "private_marginals"
    formal = True
    control = False
    extra = None

    def mechanisms(self, contract: Contract, rows: int) -> tuple[Mechanism, ...]:
        """One Gaussian whose exact (epsilon, delta) is the contract's; none under an empirical claim."""
        return (_whole_budget(contract),) if contract.policy.privacy.claim == "formal" else ()

    def fit(self, table: "pd.DataFrame", request: FitRequest, progress: Progress) -> Model:
        """Fit within ``request.granted``; raises ``ContractError`` on unconfirmed domains, ``BudgetError`` without a
        grant.

        Under an empirical claim the same noise is used, at the contract's epsilon, and nothing is recorded or claimed.
        """
        contract = request.contract
        formal = contract.policy.privacy.claim == "formal"
        coarseness = _coarseness(request)
        if formal:
            _refuse_unconfirmed(contract)
        if formal and not request.granted:
            raise BudgetError("a formally private fit needs a granted mechanism")
        table = _bounded(table, request)
        effective = contract if formal else _completed(table, contract)
        assembly = assembly_of(effective)
        positions = assembly.positions(table[assembly.valid(table)])
        variables, target = _variables(assembly, positions, contract.policy.target)
        meter = Meter(
            request.granted or (_whole_budget(contract),),
            _key(request, positions),
            contract.policy.privacy.unit.max_rows,
        )
        measured = measure(meter, variables, target, coarseness, progress)
        rng = np.random.default_rng(np.frombuffer(_key(request, [], b"fit"), dtype=np.uint64))
        fitted = conditionals(measured, assembly, target, rng, progress)
        progress(1.0, "fitted")
        recorded = meter.recorded if formal else ()
        return Model(contract, assembly, tuple(measured.codings), fitted, recorded, max(1, round(measured.rows)))

    def load(self, body: bytes, contract: Contract) -> Model:
        """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""
        return from_bytes(body, contract)


FAMILY = PrivateMarginals()


def _whole_budget(contract: Contract) -> Gaussian:
    privacy = contract.policy.privacy
    mu = gaussian_mu(float(privacy.epsilon), privacy.delta)
    if mu <= 0:
        raise BudgetError("the contract's epsilon is zero: no formally private release is possible")
    return Gaussian(noise_multiplier=1 / mu)


def _coarseness(request: FitRequest) -> float:
    unknown = sorted(set(request.parameters) - PARAMETERS)
    if unknown:
        raise ContractError(
            f"private_marginals knows no parameter {', '.join(unknown)}; it knows {', '.join(sorted(PARAMETERS))}"
        )
    coarseness = float(request.parameters.get("coarseness", 1.0))
    if not 0.1 <= coarseness <= 100:
        raise ContractError("the coarseness must lie between 0.1 and 100")
    return coarseness


def _refuse_unconfirmed(contract: Contract) -> None:
    if contract.unconfirmed:
        raise ContractError(
            f"a formal claim needs public domains, and nobody confirmed those of: {', '.join(contract.unconfirmed)}. "
            "Confirm them in the contract (confirmed: true), or draft it with --public-domains"
        )


def _bounded(table: "pd.DataFrame", request: FitRequest) -> "pd.DataFrame":
    """The modelled columns of the rows that may be used."""
    unit = request.contract.policy.privacy.unit
    names = [column.name for column in request.contract.modelled]
    absent = [name for name in (*names, *([unit.column] if unit.column else [])) if name not in table.columns]
    if absent:
        raise ContractError(f"the table lacks columns that the fit needs: {', '.join(absent)}")
    if unit.column is None:
        return table[names]
    return bound(table[list(dict.fromkeys([unit.column, *names]))], unit.column, unit.max_rows, request.seed)[names]


def _completed(table: "pd.DataFrame", contract: Contract) -> Contract:
    return with_domains(
        contract,
        {
            column.name: observed_domain(table[column.name], column)
            for column in contract.modelled
            if column.domain is None
        },
    )


def _variables(assembly: "Assembly", positions: "list[Ints]", target: str | None) -> tuple[list[Variable], int | None]:
    variables = []
    for name, column in zip(assembly.free, positions, strict=True):
        grid = assembly.grids[name]
        listed = [
            support.combinations[:, support.determinants.index(name)]
            for support in assembly.supports
            if name in support.determinants
        ]
        allowed = np.isin(np.arange(grid.size), listed[0]) if listed and grid.size <= 2**20 else None
        variables.append(Variable(column, grid.size, grid.ordered, grid.nullable, allowed))
    return variables, assembly.free.index(target) if target in assembly.free else None


def _key(request: FitRequest, positions: "list[Ints]", purpose: bytes = b"noise") -> bytes:
    context = canonical(
        {
            "purpose": purpose.decode(),
            "contract": request.contract.digest(),
            "parameters": dict(request.parameters),
            "granted": [mechanism.document() for mechanism in request.granted],
        }
    )
    return noise_key(request.seed, context, positions)
