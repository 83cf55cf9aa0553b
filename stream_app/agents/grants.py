"""Which private test the ledger has granted a dataset, and which have answered, as the topics say."""

import math
from dataclasses import dataclass, field

from schemas.contract import Contract
from schemas.errors import ContractError
from schemas.events import Event
from schemas.events.budget import TriggerGrant, TriggerRefused, TriggerReserved
from schemas.events.sources import DriftDetected
from stream_app.adapters.reader import read_new


@dataclass(slots=True)
class Grants:
    """``newest`` is by scope, ``looked`` when the topics were last read (seconds, monotonic)."""

    newest: dict[str, TriggerGrant] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    looked: float = -math.inf
    _positions: dict[tuple[str, int], int] = field(default_factory=dict)

    def look(self, bootstrap: str, dataset: str) -> None:
        """Read what was added since the last look; blocking, for a thread. Raises ``TransientError``."""
        for message in read_new(bootstrap, self._positions, "budget.ledger", "source.drift"):
            try:
                event = message.event()
            except ContractError:
                continue
            self.take(event, dataset)

    def take(self, event: Event, dataset: str) -> None:
        """Note a grant or a renewal, a refusal of it, or an answer; others change nothing."""
        match event:
            case TriggerReserved() if event.dataset == dataset:
                self.newest[event.scope] = event.grant
            case TriggerRefused() if event.dataset == dataset:
                known = self.newest.get(event.scope)
                if known is not None and known.grant_id == event.grant.grant_id:
                    del self.newest[event.scope]
            case DriftDetected() if event.dataset == dataset and event.grant is not None:
                self.answered.add(event.grant)
            case _:
                pass

    def of(self, contract: Contract) -> TriggerGrant | None:
        """The newest grant of the contract's scope, if the contract asks for private tests."""
        privacy = contract.policy.privacy
        return self.newest.get(privacy.scope) if privacy.timing == "private" else None
