"""The pinned input of a run, read again by each station that needs it and split the same way every time."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from generators.entities.bounding import bound
from generators.entities.units import split, units
from schemas.contract import Contract
from schemas.errors import ContractError, InputError
from schemas.events.sources import SourceRef
from schemas.table import conform
from stream_app.adapters.workplace import Workplace

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

TRAIN, HOLDOUT, SECOND_HOLDOUT, REFERENCE = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Shares:
    """A source's rows, typed by the contract (modelled and entity columns), and each row's share by its unit."""

    table: "pd.DataFrame"
    share: "npt.NDArray[np.int8]"

    def rows(self, share: int) -> "pd.DataFrame":
        """The rows of one share, renumbered."""
        kept: pd.DataFrame = self.table[self.share == share].reset_index(drop=True)
        return kept


def read_source(workplace: Workplace, source: SourceRef) -> "pd.DataFrame":
    """The rows of a source, its digest checked first; raises ``InputError``, ``ContractError``, ``ArtefactError``."""
    from stream_app.adapters.sources import digest_of, read_frame

    if source.format == "sealed":
        return workplace.read_window(source)
    if digest_of(source.uri) != source.sha256:
        raise InputError("the source's bytes are not the announced ones: announce the snapshot again")
    return read_frame(source.uri, source.format)


def read_shares(workplace: Workplace, contract: Contract, source: SourceRef) -> Shares:
    """Read, type, bound and split a source. Rows without an entity are dropped where the entity is the privacy unit.

    Each entity's rows are bounded here, by one keyed choice for every share: a gate that compared bounded members with
    unbounded others could tell them apart by that alone.
    """
    unit = contract.policy.privacy.unit
    frame = read_source(workplace, source)
    if missing := sorted({column.name for column in contract.modelled} - set(map(str, frame.columns))):
        raise ContractError(f"the source lacks columns of the contract: {', '.join(missing)}")
    table = conform(frame, contract, roles=("modelled", "entity")).table
    if unit.column is not None:
        known = table[table[unit.column].notna()].reset_index(drop=True)
        table = bound(known, unit.column, unit.max_rows, workplace.secret("bound"))
    return Shares(table, split(units(table, contract), workplace.secret("split"), contract.policy.split))


def seed_of(*parts: str | int) -> int:
    """A reproducible seed for sampling and measuring, where no secret is at stake."""
    return int.from_bytes(hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()[:4], "big")
