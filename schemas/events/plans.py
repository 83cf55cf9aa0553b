"""What the planner says, besides asking the ledger for budget."""

from typing import ClassVar

from schemas.contract import Contract
from schemas.events.base import DatasetEvent, Event
from schemas.model import Digest, Name


class ContractApplied(DatasetEvent):
    """A contract is in force from here on."""

    type: ClassVar[str] = "io.perennial.contract.applied.v1"
    dataset: Name
    contract: Contract
    contract_digest: Digest


class TriggerDismissed(DatasetEvent):
    """Something that could have started a run did not, and why."""

    type: ClassVar[str] = "io.perennial.trigger.dismissed.v1"
    dataset: Name
    trigger: str
    reason: str


class TriggerDeferred(DatasetEvent):
    """Something asks for a run and will get it, but not yet, and why."""

    type: ClassVar[str] = "io.perennial.trigger.deferred.v1"
    dataset: Name
    trigger: str
    reason: str


class Ticked(Event):
    """Someone says that time has passed; the time is the broker's append time of this record, nothing else."""

    type: ClassVar[str] = "io.perennial.ticked.v1"
    target: Name

    @property
    def key(self) -> str:
        return self.target
