"""What every family of generators promises: fit under a granted mechanism, sample as often as you like."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from schemas.contract import Contract, Scalar
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[float, str], None]
"""Called with the fraction done (0 to 1) and what is being done; never with a value of the data."""


@dataclass(frozen=True, slots=True)
class FitRequest:
    """What a fit may use: the contract's public facts, the granted mechanisms, and its secret seed.

    ``seed`` is 32 secret bytes derived from the request and the digest of its input: the same request on the same
    input repeats the same noise, which is one mechanism run and not two. ``granted`` is empty under an empirical claim.
    """

    contract: Contract
    seed: bytes
    granted: tuple[Mechanism, ...] = ()
    parameters: Mapping[str, float] = field(default_factory=dict)


class FittedModel(Protocol):
    """A fitted generator: sampling from it is post-processing and costs nothing."""

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """What was really run on the data, relative to the privacy unit; empty where nothing formal was."""

    @property
    def rows(self) -> int:
        """How many rows the fit stands for, as far as may be told: a formal model knows a noisy number."""

    def sample(self, rows: int, seed: int, where: Mapping[str, tuple[Scalar, float]] | None = None) -> "pd.DataFrame":
        """``rows`` rows of the modelled columns, typed by the contract; ``where`` fixes the share of a column's value
        (``{"late": (1, 0.2)}``). Raises ``InputError`` where it cannot be had."""

    def to_bytes(self) -> bytes:
        """The model as bytes without pickles, for ``Family.load``."""


class Family(Protocol):
    """One algorithm: how to fit it, what it would cost, what it needs installed."""

    @property
    def name(self) -> str: ...
    @property
    def formal(self) -> bool:
        """True where a fit earns a formal guarantee from its recorded mechanisms."""

    @property
    def control(self) -> bool:
        """True for families that exist to prove that the gates refuse them: never chosen, only asked for by name."""

    @property
    def extra(self) -> str | None:
        """The optional extra that it needs, or none."""

    def mechanisms(self, contract: Contract, rows: int) -> tuple[Mechanism, ...]:
        """What to ask the ledger for, to meet the contract's epsilon; pure arithmetic, empty for empirical families."""

    def fit(self, table: "pd.DataFrame", request: FitRequest, progress: Progress) -> FittedModel:
        """Fit to the train share, typed by the contract. Raises ``BudgetError``, ``ContractError``,
        ``InsufficientEvidence``.
        """

    def load(self, body: bytes, contract: Contract) -> FittedModel:
        """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""
