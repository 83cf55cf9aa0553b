"""Signed commands: what a person or a pipeline asks for, inside a DSSE envelope.

A command changes nothing until its signature, audience, nonce and expiry were checked; what was checked enters a
log as ``CommandAccepted``, envelope included, so that an auditor can check again.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, TypeAdapter, ValidationError

from schemas.contract import Contract, Scalar
from schemas.envelope import Envelope
from schemas.errors import ContractError
from schemas.events.base import Event
from schemas.model import Epsilon, Model, Name, ReleaseId, faults_of

Text = Annotated[str, Field(max_length=500)]
Nonce = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Reason = Literal["privacy", "utility", "schema", "source_withdrawn", "key_compromise"]


class CommandBase(Model):
    """What every command carries. Times are milliseconds since 1970; ``audience`` is the deployment it is meant for."""

    audience: Name
    nonce: Nonce
    issued_at: int
    expires_at: int
    comment: Text | None = None


class DatasetCommand(CommandBase):
    """A command about one dataset."""

    dataset: Name


class ApplyContract(DatasetCommand):
    """Put a contract in force."""

    command: Literal["apply_contract"] = "apply_contract"
    contract: Contract


class SetCap(CommandBase):
    """Set the cap of a budget scope, over what contracts declare."""

    command: Literal["set_cap"] = "set_cap"
    scope: Name
    epsilon: Epsilon
    delta: Annotated[float, Field(gt=0, lt=0.01)]


class Where(Model):
    """The share that one value of one column shall have in a requested table."""

    column: str
    value: Scalar
    share: Annotated[float, Field(ge=0, le=1)]


class StartRun(DatasetCommand):
    """Ask for a release: of so many rows, with shares of values, by a family."""

    command: Literal["start_run"] = "start_run"
    rows: Annotated[int, Field(ge=1, le=50_000_000)] | None = None
    where: tuple[Where, ...] = ()
    family: Name | None = None


class CancelRun(DatasetCommand):
    """End a run that is in flight; what it reserved stays spent."""

    command: Literal["cancel_run"] = "cancel_run"
    run_id: ReleaseId


class Approve(DatasetCommand):
    """One of the signatures that a tier asks for."""

    command: Literal["approve"] = "approve"
    release_id: ReleaseId


class Reject(DatasetCommand):
    """Refuse a release that awaits approval."""

    command: Literal["reject"] = "reject"
    release_id: ReleaseId


class Freeze(DatasetCommand):
    """Hold a release, or with no release the whole dataset: no run starts, nothing new is certified."""

    command: Literal["freeze"] = "freeze"
    release_id: ReleaseId | None = None


class Unfreeze(DatasetCommand):
    """End a freeze."""

    command: Literal["unfreeze"] = "unfreeze"
    release_id: ReleaseId | None = None


class Revoke(DatasetCommand):
    """Forbid a release for ever."""

    command: Literal["revoke"] = "revoke"
    release_id: ReleaseId
    reason: Reason


class RollBack(DatasetCommand):
    """Make an older good release the current one; the newer stays certified."""

    command: Literal["roll_back"] = "roll_back"
    release_id: ReleaseId


class Retire(DatasetCommand):
    """Take a release out of use, in good standing."""

    command: Literal["retire"] = "retire"
    release_id: ReleaseId


class CloseReview(DatasetCommand):
    """Close an incident after its review."""

    command: Literal["close_review"] = "close_review"
    incident_id: ReleaseId


class GrantAccess(DatasetCommand):
    """Source access: runs may read the dataset's snapshots (the default once a contract is applied)."""

    command: Literal["grant_access"] = "grant_access"


class WithdrawAccess(DatasetCommand):
    """Runs may no longer read the dataset's source; one in flight is cancelled."""

    command: Literal["withdraw_access"] = "withdraw_access"


Command = Annotated[
    ApplyContract
    | SetCap
    | StartRun
    | CancelRun
    | Approve
    | Reject
    | Freeze
    | Unfreeze
    | Revoke
    | RollBack
    | Retire
    | CloseReview
    | GrantAccess
    | WithdrawAccess,
    Field(discriminator="command"),
]
_COMMAND: TypeAdapter[Any] = TypeAdapter(Command)


def read_command(document: Any) -> "Command":
    """The command in a JSON value; raises ``ContractError``."""
    try:
        return _COMMAND.validate_python(document)  # type: ignore[no-any-return]
    except ValidationError as error:
        raise ContractError(f"not a valid command: {faults_of(error)}") from None


def target_of(command: "Command") -> str:
    """The key that a command is sent under: its dataset, or its budget scope."""
    return command.scope if isinstance(command, SetCap) else command.dataset


class CommandSubmitted(Event):
    """A signed command, not yet believed; ``target`` is the dataset or scope it says it is for."""

    type: ClassVar[str] = "io.perennial.command.submitted.v1"
    target: Name
    envelope: Envelope

    @property
    def key(self) -> str:
        return self.target


class CommandAccepted(Event):
    """A command whose signature, role, audience and expiry were checked by an inbox, copied into a log.

    ``event_id`` derives from the signed bytes: a replayed command is the same event, and changes nothing.
    """

    type: ClassVar[str] = "io.perennial.command.accepted.v1"
    target: Name
    command: Command
    keyid: str
    role: str
    envelope: Envelope

    @property
    def key(self) -> str:
        return self.target


class CommandRefused(Event):
    """A command that was not believed or not allowed, with the reason; goes to ``incidents``."""

    type: ClassVar[str] = "io.perennial.command.refused.v1"
    target: Name
    reason: str

    @property
    def key(self) -> str:
        return self.target
