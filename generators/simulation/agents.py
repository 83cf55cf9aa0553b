"""Agent-based simulation of payments: customers, terminals and merchants, calibrated from aggregates of the source.

For contracts that state a sequence (customer and time) and a reference (the terminal), with an amount. No row is kept,
and no single customer: see ``aggregates``. Fraud is injected on request, by the scenarios of the Fraud Detection
Handbook (see ``scenarios``). Columns other than these depend on the amount only. No formal guarantee. The market is
Mesa's: ter Hoeven and others, "Mesa 3: Agent-based modeling with Python in 2025" (2025).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generators.domains.assembly import Assembly
from generators.domains.contract_facts import shape_digest
from generators.domains.parts import without
from generators.keeping import kept, opened
from generators.preparing import bounded, prepared_empirically
from generators.protocol import FitRequest, Progress
from generators.simulation.aggregates import Aggregates, Payments, calibrated, read_aggregates
from generators.simulation.parts import Parts, parts_of
from generators.simulation.scenarios import Scenarios, scenarios_of
from generators.simulation.simulated import celled, cells_of, other_columns, simulated
from schemas.contract import Contract, Scalar
from schemas.errors import ArtefactError, ContractError, InsufficientEvidence
from schemas.factorized import factorized
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd

NAME, VERSION = "agents", 1


@dataclass(frozen=True, slots=True)
class AgentsModel:
    """The aggregates and the scenarios that were asked for; every sample runs a market of its own."""

    contract: Contract
    assembly: Assembly
    aggregates: Aggregates
    scenarios: Scenarios
    rows: int

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """None: the certificate says "empirical"."""
        return ()

    def sample(self, rows: int, seed: int, where: Mapping[str, tuple[Scalar, float]] | None = None) -> "pd.DataFrame":
        """``rows`` payments over the source's period, ordered by time, by as many customers as pay so often.

        Raises ``InputError`` where the domains have too few keys, or ``where`` cannot be had.
        """
        return simulated(self.contract, self.assembly, self.aggregates, self.scenarios, rows, seed, where)

    def to_bytes(self) -> bytes:
        """The aggregates as arrays."""
        reduced = without(self.contract, parts_of(self.contract).keys, NAME)
        return kept(
            NAME,
            VERSION,
            reduced,
            self.assembly,
            self.rows,
            self.aggregates.arrays(),
            released=shape_digest(self.contract),
            scenarios=self.scenarios.document(),
        )


class Agents:
    """The family ``agents``: see ``generators.protocol.Family``.

    Parameters: those of ``Scenarios``, all off by default, and ``handbook`` (1: the handbook's rates of all three).
    """

    name = NAME
    formal = False
    control = False
    extra = "simulation"

    def mechanisms(self, contract: Contract, rows: int) -> tuple[Mechanism, ...]:
        """None."""
        return ()

    def fit(self, table: "pd.DataFrame", request: FitRequest, progress: Progress) -> AgentsModel:
        """Sum up the table; raises ``ContractError`` saying what agents needs where the contract lacks it, under a
        formal claim and for unknown parameters, ``InsufficientEvidence`` for too few customers.
        """
        contract, parts = request.contract, parts_of(request.contract)
        scenarios = scenarios_of(request.parameters, NAME)
        if scenarios.asked and parts.fraud is None:
            raise ContractError(
                "agents needs a column to label injected fraud: a target of two values, or one with fraud in its name"
            )
        reduced = without(contract, parts.keys, NAME)
        progress(0.05, "reading payments")
        assembly = prepared_empirically(
            table, FitRequest(reduced, request.seed, parameters=request.parameters), NAME
        ).assembly
        if absent := [name for name in (parts.time, parts.amount) if name not in assembly.free]:
            raise ContractError(f"agents simulates {', '.join(absent)}: no dependency may derive it")
        payments = _payments(bounded(table, request), parts, assembly, scenarios)
        progress(0.5, "summing up payments")
        aggregates = calibrated(payments, cells_of(assembly, parts, scenarios), scenarios.threshold)
        progress(0.9, "calibrated")
        return AgentsModel(contract, assembly, aggregates, scenarios, len(table))

    def load(self, body: bytes, contract: Contract) -> AgentsModel:
        """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""
        parts = parts_of(contract)
        artefact, assembly, rows = opened(body, without(contract, parts.keys, NAME), NAME, VERSION)
        if artefact.header.get("released") != shape_digest(contract):
            raise ArtefactError("the model was fitted under a contract with other columns or dependencies")
        try:
            scenarios = scenarios_of(artefact.header["scenarios"], NAME)
        except (ContractError, KeyError, TypeError, ValueError, AttributeError):
            raise ArtefactError("the model's content does not fit together") from None
        aggregates = read_aggregates(artefact.arrays, cells_of(assembly, parts, scenarios))
        return AgentsModel(contract, assembly, aggregates, scenarios, rows)


FAMILY = Agents()


def _payments(table: "pd.DataFrame", parts: Parts, assembly: Assembly, scenarios: Scenarios) -> Payments:
    """The usable rows as arrays; those flagged as fraud are left out where fraud is injected."""

    present = table[[*parts.keys, parts.time, parts.amount]].notna().all(axis=1).to_numpy(dtype=bool)
    usable = present & assembly.valid(table)
    if scenarios.asked and parts.fraud is not None:
        usable &= assembly.grids[parts.fraud].positions(table[parts.fraud]) != 1
    rows = table[usable]
    if not len(rows):
        raise InsufficientEvidence("agents needs payments that keep the contract's domains, and there are none")
    codes = [factorized(rows[name])[0].astype(np.int64) for name in parts.keys]
    others = [
        celled(assembly.grids[name], assembly.grids[name].positions(rows[name]))
        for name in other_columns(assembly, parts, scenarios)
    ]
    return Payments(
        codes[0],
        codes[1],
        codes[2] if len(codes) > 2 else codes[1],
        rows[parts.time].to_numpy(dtype="datetime64[us]").astype(np.int64) / 1e6,
        rows[parts.amount].to_numpy(dtype=np.float64),
        np.stack(others, axis=1) if others else np.zeros((len(rows), 0), dtype=np.int64),
    )
