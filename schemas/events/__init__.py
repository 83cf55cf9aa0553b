"""Every event, by the module that says what it is about."""

from schemas.events import budget, commands, counts, plans, releases, runs, sources
from schemas.events.base import EVENTS, DatasetEvent, Event, derive_id

__all__ = [
    "EVENTS",
    "DatasetEvent",
    "Event",
    "budget",
    "commands",
    "counts",
    "derive_id",
    "plans",
    "releases",
    "runs",
    "sources",
]
