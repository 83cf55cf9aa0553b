"""What every family does first: the rows it may use, as grid positions of the columns that no dependency derives."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly, assembly_of
from generators.domains.contract_facts import with_domains
from generators.domains.grid import observed_domain
from generators.entities.bounding import bound
from generators.protocol import FitRequest
from schemas.contract import Contract
from schemas.errors import ContractError, InsufficientEvidence

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Prepared:
    """(rows, free columns) int64 positions under ``assembly``; a missing value is the grid's size.

    ``assembly`` rests on the contract's domains and, under an empirical claim, on observed ones where it states none.
    """

    assembly: Assembly
    positions: Ints

    @property
    def cells(self) -> tuple[int, ...]:
        """How many positions each free column has, a missing one included."""
        return tuple(
            self.assembly.grids[name].size + int(self.assembly.grids[name].nullable) for name in self.assembly.free
        )


def prepared(table: "pd.DataFrame", request: FitRequest) -> Prepared:
    """The rows that a fit may use, bounded per entity, those that break a domain left out.

    Raises ``ContractError`` on unconfirmed domains under a formal claim, or where columns are missing.
    """
    contract = request.contract
    if contract.policy.privacy.claim == "formal":
        refuse_unconfirmed(contract)
        effective = contract
    else:
        effective = _completed(table, contract)
    rows = bounded(table, request)
    assembly = assembly_of(effective)
    found = assembly.positions(rows[assembly.valid(rows)])
    positions = np.stack(found, axis=1) if found else np.zeros((len(rows), 0), dtype=np.int64)
    return Prepared(assembly, positions)


def prepared_empirically(table: "pd.DataFrame", request: FitRequest, family: str, least: int = 2) -> Prepared:
    """``prepared`` for a family that earns no formal guarantee.

    Raises ``ContractError`` under a formal claim, ``InsufficientEvidence`` below ``least`` usable rows.
    """
    if request.contract.policy.privacy.claim == "formal":
        raise ContractError(f"{family} earns no formal guarantee: choose dp-marginals, or an empirical claim")
    found = prepared(table, request)
    if len(found.positions) < least:
        raise InsufficientEvidence(f"{family} needs {least} usable rows at least, and the table has fewer")
    return found


def refuse_unconfirmed(contract: Contract) -> None:
    """Raises ``ContractError`` where a modelled column's domain is not confirmed to be public."""
    if contract.unconfirmed:
        raise ContractError(
            f"a formal claim needs public domains, and nobody confirmed those of: {', '.join(contract.unconfirmed)}. "
            "Confirm them in the contract (confirmed: true), or draft it with --public-domains"
        )


def bounded(table: "pd.DataFrame", request: FitRequest) -> "pd.DataFrame":
    """The modelled columns of the rows that may be used: at most the unit's bound of each entity."""
    unit = request.contract.policy.privacy.unit
    names = [column.name for column in request.contract.modelled]
    absent = [name for name in (*names, *([unit.column] if unit.column else [])) if name not in table.columns]
    if absent:
        raise ContractError(f"the table lacks columns that the fit needs: {', '.join(absent)}")
    if unit.column is None:
        return table[names]
    return bound(table[list(dict.fromkeys([unit.column, *names]))], unit.column, unit.max_rows, request.seed)[names]


def _completed(table: "pd.DataFrame", contract: Contract) -> Contract:
    absent = [column.name for column in contract.modelled if column.name not in table.columns]
    if absent:
        raise ContractError(f"the table lacks columns that the fit needs: {', '.join(absent)}")
    return with_domains(
        contract,
        {
            column.name: observed_domain(table[column.name], column)
            for column in contract.modelled
            if column.domain is None
        },
    )
