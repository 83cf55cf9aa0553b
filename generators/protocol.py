"""What every family of generators promises: fit under a granted mechanism, sample as often as you like."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from schemas.contract import Contract, Scalar
from schemas.counts import TableCounts
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd


class Progress(Protocol):
    """Told how far a fit is; never with a value of the data. Raises ``RunCancelled`` where the run was cancelled: let
    it pass.
    """

    def __call__(
        self, fraction: float, phase: str, /, *, step: int = 0, of: int = 0, epsilon: float | None = None
    ) -> None:
        """``fraction`` done of the whole (0 to 1), what is being done, at step ``step`` ``of`` so many (0: no steps),
        and the epsilon that has been spent so far, where the family is formal."""


class Checkpoints(Protocol):
    """Where a long fit keeps its state, so that a killed one goes on instead of starting (and spending) again.

    The state is encrypted and belongs to one request on one input; it never leaves the trainer.
    """

    def load(self) -> bytes | None:
        """What was saved last, or none."""

    def save(self, state: bytes) -> None:
        """Replaces what was saved before, atomically."""


def silent(fraction: float, phase: str, /, *, step: int = 0, of: int = 0, epsilon: float | None = None) -> None:
    """Progress for those who do not listen."""


@dataclass(frozen=True, slots=True)
class FitRequest:
    """What a fit may use: the contract's public facts, the granted mechanisms, and its secret seed.

    ``seed`` is 32 secret bytes derived from the request and the digest of its input: the same request on the same
    input repeats the same noise, which is one mechanism run and not two. ``granted`` is empty under an empirical claim.
    ``prior`` is the model of an earlier release as its family wrote it, for families that go on from one.
    """

    contract: Contract
    seed: bytes
    granted: tuple[Mechanism, ...] = ()
    parameters: Mapping[str, float] = field(default_factory=dict)
    checkpoints: Checkpoints | None = None
    prior: bytes | None = None


@dataclass(frozen=True, slots=True)
class FitFailed:
    """A fit that ran and came to nothing: an outcome, and no error. What it ran on the data stays spent.

    ``outcome``: ``non_finite`` (losses or weights overflowed), ``mode_collapse`` (what it draws has lost most of the
    variety that the fit saw). ``detail`` is for people and holds no cell value.
    """

    outcome: Literal["non_finite", "mode_collapse"]
    detail: str
    mechanisms: tuple[Mechanism, ...] = ()


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

    def fit(self, table: "pd.DataFrame", request: FitRequest, progress: Progress) -> FittedModel | FitFailed:
        """Fit to the train share, typed by the contract, with the entity column where the unit is an entity.

        Raises ``BudgetError``, ``ContractError``, ``InsufficientEvidence``, ``RunCancelled`` (from ``progress``).
        """

    def load(self, body: bytes, contract: Contract) -> FittedModel:
        """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""


class CountsFamily(Family, Protocol):
    """A family that counts are enough for (``Entry.counts``): it fits to the live ones, and no row is read."""

    def fit_counts(self, counts: TableCounts, request: FitRequest, progress: Progress) -> FittedModel:
        """Fit to counts of the train share; raises as ``fit``, and ``ContractError`` on counts of other columns."""
