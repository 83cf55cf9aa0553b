"""The privacy budget: what is asked for, granted and refused, in one scope."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.events.base import Event
from schemas.events.runs import ArtefactRef, GenerationRequest
from schemas.mechanism import Mechanism
from schemas.model import Digest, Epsilon, Model, Name, ReleaseId, RunId


class ScopeEvent(Event):
    """An event of one budget scope, partitioned by it."""

    scope: Name

    @property
    def key(self) -> str:
        return self.scope


class CapDeclared(ScopeEvent):
    """A contract states the cap of its scope; of several datasets' caps the smallest holds, until a person sets one."""

    type: ClassVar[str] = "io.perennial.cap.declared.v1"
    dataset: Name
    epsilon: Epsilon
    delta: Annotated[float, Field(gt=0, lt=0.01)]
    accountant: str


class SpendRequested(ScopeEvent):
    """The planner asks for a run's mechanisms, before any row is read; empty mechanisms cost nothing and still pass
    here.
    """

    type: ClassVar[str] = "io.perennial.spend.requested.v1"
    request: GenerationRequest


class TriggerGrant(Model):
    """One run of a private drift test: it may look at window after window until it fires once, for ``epsilon`` in all.

    ``data`` is the released table that rows are compared with; a renewal changes nothing but that.
    """

    grant_id: RunId
    epsilon: Epsilon
    contract_digest: Digest
    release_id: ReleaseId
    data: ArtefactRef


class TriggerRequested(ScopeEvent):
    """The planner asks for a private test, before any window is looked at. ``accountant`` is the contract's.

    ``renewal``: the grant has not fired yet and goes on against a newer release, which costs nothing.
    """

    type: ClassVar[str] = "io.perennial.trigger.requested.v1"
    dataset: Name
    grant: TriggerGrant
    accountant: str
    renewal: bool = False


class RunEnded(ScopeEvent):
    """A run is over: what it reserved is spent, whatever came of it."""

    type: ClassVar[str] = "io.perennial.run.ended.v1"
    dataset: Name
    run_id: RunId
    outcome: Literal["certified", "rejected", "cancelled", "failed"]


class LedgerEntry(ScopeEvent):
    """A line of the ledger. ``decides`` is the id of the event it answers, ``previous`` the digest of the scope's line
    before.

    ``epsilon_after`` is of the whole scope at its delta, composed over every grant so far, rounded up.
    """

    sequence: Annotated[int, Field(ge=0)]
    decides: str
    previous: Digest | None = None
    dataset: Name
    run_id: RunId | None = None
    attempt: int | None = None
    mechanisms: tuple[Mechanism, ...] = ()
    epsilon_before: Epsilon
    epsilon_after: Epsilon
    cap_epsilon: Epsilon
    delta: float


class SpendReserved(LedgerEntry):
    """Granted: the run may read the source; the spend stands even if the run fails."""

    type: ClassVar[str] = "io.perennial.spend.reserved.v1"


class SpendRefused(LedgerEntry):
    """Refused: ``epsilon_after`` is what the scope would have come to; nothing was spent."""

    type: ClassVar[str] = "io.perennial.spend.refused.v1"
    request: GenerationRequest
    reason: str


class TriggerReserved(LedgerEntry):
    """Granted: the private test may look at windows of live rows until it fires; the spend stands if it never does."""

    type: ClassVar[str] = "io.perennial.trigger.reserved.v1"
    grant: TriggerGrant


class TriggerRefused(LedgerEntry):
    """Refused: no window may be looked at; ``epsilon_after`` is what the scope would have come to."""

    type: ClassVar[str] = "io.perennial.trigger.refused.v1"
    grant: TriggerGrant
    reason: str


class SpendSettled(LedgerEntry):
    """The run ended; its reservations are spent for good."""

    type: ClassVar[str] = "io.perennial.spend.settled.v1"
    outcome: str


class CapChanged(LedgerEntry):
    """The cap in force changed, by contract or by a signed command."""

    type: ClassVar[str] = "io.perennial.cap.changed.v1"
    origin: Literal["contract", "command"]
