"""The slow formal tier: private marginals of all pairs, then adaptive rounds that measure what the model still misses.

Stage one is the family ``dp-marginals`` on a part of the budget: leaves, one-ways and all pairs. Each round then fits
the sequential logit, chooses tables of two and three columns by the exponential mechanism against the fitted model, and
measures those with discrete Gaussian noise. Everything is paid through one meter, whose record is Gaussian throughout.
"""

from typing import TYPE_CHECKING

import numpy as np

from generators.aim.fitting import fitted
from generators.aim.known import Known, known_from
from generators.aim.model import AdaptiveModel
from generators.aim.rounds import adapt
from generators.aim.storage import from_bytes
from generators.marginals.measurement import measure
from generators.marginals.variables import variables_of
from generators.preparing import prepared
from generators.private.granting import asked_for, granted
from generators.private.meter import Meter, noise_key
from generators.private.part import Part
from generators.protocol import FitRequest, Progress
from schemas.canonical import canonical
from schemas.contract import Contract
from schemas.errors import ContractError
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd

    from generators.arrays import Ints
    from generators.domains.assembly import Assembly
    from generators.marginals.measurement import Variable
    from generators.marginals.triples import Triple

START = 0.85
"""The part of the budget that leaves, one-ways and all pairs have."""
ROUNDS = 3
SIZE, LEAST_MASS = 0.005, 300.0
"""What the noisy number of rows costs, and the rows times mu below which stage one has everything."""
LOOK_ROWS = 50_000
"""Synthetic rows that the model's counts are read from when tables are chosen."""
PARAMETERS = {"rounds": (1.0, 50.0), "coarseness": (0.1, 100.0), "start": (0.1, 0.95), "look_rows": (1_000.0, 1e6)}
"""Each parameter's range. ``coarseness`` as in ``dp-marginals``."""


class Aim:
    """The family ``aim``: see ``generators.protocol.Family``."""

    name = "aim"
    formal = True
    control = False
    extra = None

    def mechanisms(self, contract: Contract, rows: int) -> tuple[Mechanism, ...]:
        """One Gaussian whose exact (epsilon, delta) is the contract's; none under an empirical claim."""
        return asked_for(contract)

    def fit(self, table: "pd.DataFrame", request: FitRequest, progress: Progress) -> AdaptiveModel:
        """Fit within ``request.granted``; raises ``ContractError`` on unconfirmed domains, ``BudgetError`` without a
        grant.

        Under an empirical claim the same noise is used, at the contract's epsilon, and nothing is recorded or claimed.
        """
        contract = request.contract
        formal = contract.policy.privacy.claim == "formal"
        asked = _parameters(request)
        grant = granted(request)
        ready = prepared(table, request)
        positions = list(ready.positions.T)
        meter = Meter(grant, _key(request, positions), contract.policy.privacy.unit.max_rows)
        fit = _Fit(meter, ready.assembly, contract, _key(request, [], b"fit"), asked, progress)
        known = fit.known(positions)
        model = fit.model(known, meter.recorded if formal else ())
        progress(1.0, "fitted")
        return model

    def load(self, body: bytes, contract: Contract) -> AdaptiveModel:
        """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""
        return from_bytes(body, contract)


FAMILY = Aim()


class _Fit:
    """One fit's fixed facts, so that rounds may ask for a model of what is known so far."""

    def __init__(
        self,
        meter: Meter,
        assembly: "Assembly",
        contract: Contract,
        key: bytes,
        asked: dict[str, float],
        progress: Progress,
    ) -> None:
        self._meter, self._assembly, self._contract, self._key = meter, assembly, contract, key
        self._asked, self._progress, self._done = asked, progress, 0.0
        target = contract.policy.target
        self._target = assembly.free.index(target) if target in assembly.free else None

    def known(self, positions: "list[Ints]") -> Known:
        """Stage one and all rounds: the whole budget."""
        variables, _ = variables_of(self._assembly, positions, None)
        alone = self._too_little(variables)
        start = 1 - SIZE if alone else self._asked["start"] - SIZE
        first = measure(
            Part(self._meter, start),
            variables,
            self._target,
            self._asked["coarseness"],
            self._counting,
            self._declared(),
        )
        if alone:
            return known_from(first)
        rows = np.stack([coding.encode(own) for coding, own in zip(first.codings, positions, strict=True)], axis=1)
        rest = Part(self._meter, 1 - SIZE - start, "rounds/")
        return adapt(rest, rows, known_from(first), self._target, int(self._asked["rounds"]), self._drawn, self._told)

    def _too_little(self, variables: "list[Variable]") -> bool:
        """True where rounds would choose and measure noise: one column that varies, or too few rows for the budget."""
        counted = np.array([variables[0].positions.size if variables else 0])
        rows = float(self._meter.measure("size", counted, SIZE)[0][0])
        return sum(variable.cells > 1 for variable in variables) < 2 or rows * self._meter.mu < LEAST_MASS

    def _declared(self) -> "tuple[Triple, ...]":
        free = self._assembly.free
        listed = [names for names in self._contract.policy.triples if set(names) <= set(free)]
        return tuple((free.index(a), free.index(b), free.index(c)) for a, b, c in listed)

    def model(self, known: Known, recorded: tuple[Mechanism, ...] = ()) -> AdaptiveModel:
        """The model of what is known."""
        rng = np.random.default_rng(np.frombuffer(self._key, dtype=np.uint64))
        conditionals, joints = fitted(known.measured, known.joints, self._assembly, self._target, rng, self._still)
        rows = max(1, round(known.measured.rows))
        codings = tuple(known.measured.codings)
        return AdaptiveModel(self._contract, self._assembly, codings, conditionals, recorded, rows, joints)

    def _drawn(self, known: Known) -> "Ints":
        rng = np.random.default_rng(np.frombuffer(self._key, dtype=np.uint64)[::-1])
        return self.model(known).cells(int(self._asked["look_rows"]), rng)

    def _counting(self, fraction: float, phase: str) -> None:
        self._done = 0.2 * fraction
        self._progress(self._done, phase)

    def _still(self) -> None:
        self._progress(self._done, "fitting columns")

    def _told(self, turn: int) -> None:
        rounds = int(self._asked["rounds"])
        self._done = 0.2 + 0.75 * turn / (rounds + 1)
        self._progress(self._done, "fitting and measuring", step=turn + 1, of=rounds)


def _parameters(request: FitRequest) -> dict[str, float]:
    unknown = sorted(set(request.parameters) - set(PARAMETERS))
    if unknown:
        raise ContractError(f"aim knows no parameter {', '.join(unknown)}; it knows {', '.join(sorted(PARAMETERS))}")
    asked = {"rounds": float(ROUNDS), "coarseness": 1.0, "start": START, "look_rows": float(LOOK_ROWS)}
    asked |= {name: float(value) for name, value in request.parameters.items()}
    for name, (low, high) in PARAMETERS.items():
        if not low <= asked[name] <= high:
            raise ContractError(f"aim's {name} must lie between {low:g} and {high:g}")
    return asked


def _key(request: FitRequest, positions: "list[Ints]", purpose: bytes = b"noise") -> bytes:
    context = canonical(
        {
            "family": "aim",
            "purpose": purpose.decode(),
            "contract": request.contract.digest(),
            "parameters": dict(request.parameters),
            "granted": [mechanism.document() for mechanism in request.granted],
        }
    )
    return noise_key(request.seed, context, positions)
