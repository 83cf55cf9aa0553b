"""What is new about drift since it was last asked: for those who watch."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from stream_app.adapters.reader import read_new
from stream_app.catalogue.drifts import Answer, Drift, drifts
from stream_app.catalogue.view import Catalogue

READ = ("source.drift", "run.progress", "budget.ledger", "regeneration.requests", "candidates.rejected",
        "candidates.cleared", "release.certified")  # fmt: skip


@dataclass(slots=True)
class DriftNews:
    """A view that grows: ``read`` gives each drift when it is first seen, sealed, or otherwise answered than before."""

    bootstrap: str
    dataset: str | None = None
    _view: Catalogue = field(default_factory=Catalogue)
    _positions: dict[tuple[str, int], int] = field(default_factory=dict)
    _known: dict[str, tuple[bool, Answer]] = field(default_factory=dict)

    def read(self) -> Iterator[tuple[Drift, bool]]:
        """Drifts that changed since the last time, and whether this is the first of them; raises ``TransientError``."""
        for message in read_new(self.bootstrap, self._positions, *READ):
            self._view.take(message)
        for drift in drifts(self._view, self.dataset):
            now, before = (drift.sealed is not None, drift.answer), self._known.get(drift.seen.event_id)
            if now != before:
                self._known[drift.seen.event_id] = now
                yield drift, before is None
