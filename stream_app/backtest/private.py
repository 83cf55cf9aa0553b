"""Private timing in a backtest: the granted test looks at windows of the history, its noise drawn from a seed.

No release is made, so the rows that one would have been made from stand in for it: of what a generator's own noise adds
to the departure nothing is seen here.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from schemas.contract import Contract
from schemas.events.budget import TriggerGrant
from schemas.events.sources import DriftDetected, SourceRef
from stream_app.core.drift.coding.cells import Columns
from stream_app.core.drift.counter import RowCounter
from stream_app.core.drift.private.private_trigger import Fired, PrivateTrigger, drift_event
from stream_app.core.drift.reference import Reference


@dataclass(slots=True)
class PrivateTest:
    """The test that is armed, if any; ``take`` gives its one answer."""

    contract: Contract
    seed: int
    _trigger: PrivateTrigger | None = None
    _counter: RowCounter | None = None

    def arm(self, grant: TriggerGrant, release: Reference) -> None:
        """Look on under this grant, against this release; a renewal of the same grant goes on."""
        secret = hashlib.sha256(f"backtest/{self.seed}".encode()).digest()
        if self._trigger is not None and self._trigger.grant.grant_id == grant.grant_id:
            self._trigger.rebase(grant, release)
        else:
            self._trigger = PrivateTrigger(grant, release, self.contract.policy.drift, secret)
        self._counter = RowCounter(release, self.contract, secret)

    def take(self, columns: Columns, at: int) -> Fired | None:
        """Count one message that came ``at`` (milliseconds)."""
        if self._trigger is None or self._counter is None:
            return None
        counts = np.zeros(self._trigger.release.layout.cells, dtype=np.int64)
        for block in self._counter.count(columns).blocks:
            counts += block.counts
        fired = self._trigger.take(counts, at)
        if fired is not None:
            self._trigger = None
        return fired

    def event(self, fired: Fired, window: SourceRef) -> DriftDetected:
        return drift_event(self.contract.dataset, fired, self.contract.policy.drift, window)
