"""What every validator promises: findings from evidence, and never a pass without data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from schemas.contract import Contract
from schemas.finding import Finding, Gate
from validators.memo import Memo

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a gate may look at. Tables are typed by the contract (``schemas.table``), modelled columns only.

    ``train`` are the members; ``holdout`` no generator saw; ``reference`` belongs to the attacker and may be empty.
    All three come from one random split by the privacy unit. ``entities`` gives the unit of each row of
    train, holdout and reference, in this order, as integers (absent where the unit is the row).
    ``raw_synthetic`` is the table before it was typed, for the schema check. ``attempt`` counts looks at one release.
    ``spare`` are fresh real rows of the same split that neither a generator nor another side has: the gates' controls
    (absent where there are none), with their units in ``spare_entities``. ``related`` holds other released tables by
    name, for references to them. ``memo`` keeps what is worked out from the tables; hand the same one and the same
    table objects to every candidate of a snapshot.
    """

    contract: Contract
    synthetic: "pd.DataFrame"
    train: "pd.DataFrame"
    holdout: "pd.DataFrame"
    reference: "pd.DataFrame"
    seed: int
    entities: "tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]] | None" = None
    raw_synthetic: "pd.DataFrame | None" = None
    conditioned: tuple[str, ...] = field(default=())
    attempt: int = 1
    spare: "pd.DataFrame | None" = None
    spare_entities: "npt.NDArray[np.int64] | None" = None
    related: "Mapping[str, pd.DataFrame]" = field(default_factory=dict)
    memo: Memo = field(default_factory=Memo, compare=False, repr=False)


class Validator(Protocol):
    """One measure, in one file. Raises ``InsufficientEvidence``, which its gate turns into a failing finding."""

    @property
    def metric(self) -> str:
        """The name of its limit in ``schemas.metrics``."""

    @property
    def gate(self) -> Gate: ...
    @property
    def looks_at(self) -> Literal["synthetic", "members"]:
        """``members`` where it reads rows that were fitted, so that it lies outside a formal guarantee."""

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or more, each held against the contract's limit."""
