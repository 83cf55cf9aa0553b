"""The formally private generator from counts: all pairs at once, without selection, in seconds.

Every look at the data is a table of counts plus discrete Gaussian noise (``meter``); everything else is
post-processing: leaves and bins, the order of columns, logits, sampling. Nothing public is assumed but the contract's
confirmed domains, dependencies and constraints; not even the number of rows is. The unit is a row, or an entity with
bounded rows.
"""

from typing import TYPE_CHECKING

import numpy as np

from generators.marginals.fitting import conditionals
from generators.marginals.measurement import measure
from generators.marginals.model import Model
from generators.marginals.storage import from_bytes
from generators.marginals.variables import variables_of
from generators.preparing import prepared
from generators.private.granting import asked_for, granted
from generators.private.meter import Meter, noise_key
from generators.protocol import FitRequest, Progress
from schemas.canonical import canonical
from schemas.contract import Contract
from schemas.counts import TableCounts
from schemas.errors import ContractError
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd

    from generators.arrays import Ints

PARAMETERS = frozenset({"coarseness"})
"""``coarseness`` (1 unless given): how many times fewer bins than usual, for steadier counts in scarce data."""


class PrivateMarginals:
    """The family ``dp-marginals``: see ``generators.protocol.Family``."""

    name = "dp-marginals"
    formal = True
    control = False
    extra = None

    def mechanisms(self, contract: Contract, rows: int) -> tuple[Mechanism, ...]:
        """One Gaussian whose exact (epsilon, delta) is the contract's; none under an empirical claim."""
        return asked_for(contract)

    def fit(self, table: "pd.DataFrame", request: FitRequest, progress: Progress) -> Model:
        """Fit within ``request.granted``; raises ``ContractError`` on unconfirmed domains, ``BudgetError`` without a
        grant.

        Under an empirical claim the same noise is used, at the contract's epsilon, and nothing is recorded or claimed.
        Where the contract has counts on public bins, rows are counted on them first, and the release is the one that
        those counts give (``generators.live``).
        """
        contract = request.contract
        if contract.policy.generation.counts == "public_bins":
            from generators.live.fitting import fit_rows
            from generators.live.release import prior_of

            return fit_rows(table, request, progress, prior_of(request))
        formal = contract.policy.privacy.claim == "formal"
        coarseness = _coarseness(request)
        grant = granted(request)
        ready = prepared(table, request)
        assembly, positions = ready.assembly, list(ready.positions.T)
        variables, target = variables_of(assembly, positions, contract.policy.target)
        meter = Meter(grant, _key(request, positions), contract.policy.privacy.unit.max_rows)
        free = assembly.free
        declared = [tuple(map(free.index, names)) for names in contract.policy.triples if set(names) <= set(free)]
        measured = measure(meter, variables, target, coarseness, progress, tuple((a, b, c) for a, b, c in declared))
        rng = np.random.default_rng(np.frombuffer(_key(request, [], b"fit"), dtype=np.uint64))
        fitted = conditionals(measured, assembly, target, rng, progress)
        progress(1.0, "fitted")
        recorded = meter.recorded if formal else ()
        return Model(contract, assembly, tuple(measured.codings), fitted, recorded, max(1, round(measured.rows)))

    def fit_counts(self, counts: TableCounts, request: FitRequest, progress: Progress) -> Model:
        """The release that the rows behind the counts would give, byte for byte; no row is read.

        Raises ``ContractError`` where the contract's counts are not on public bins or the counts are of other columns,
        ``BudgetError`` without a grant, ``ArtefactError`` on a damaged prior.
        """
        from generators.live.fitting import fit_counts
        from generators.live.release import prior_of

        if request.contract.policy.generation.counts != "public_bins":
            raise ContractError("the contract does not have its rows counted on public bins (generation.counts)")
        return fit_counts(counts, request, progress, prior_of(request))

    def load(self, body: bytes, contract: Contract) -> Model:
        """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""
        return from_bytes(body, contract)


FAMILY = PrivateMarginals()


def _coarseness(request: FitRequest) -> float:
    unknown = sorted(set(request.parameters) - PARAMETERS)
    if unknown:
        raise ContractError(
            f"dp-marginals knows no parameter {', '.join(unknown)}; it knows {', '.join(sorted(PARAMETERS))}"
        )
    coarseness = float(request.parameters.get("coarseness", 1.0))
    if not 0.1 <= coarseness <= 100:
        raise ContractError("the coarseness must lie between 0.1 and 100")
    return coarseness


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
