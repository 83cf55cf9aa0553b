"""Events of detectors that are not Perennial's own: checked before anyone may send them."""

from typing import Any

from schemas.canonical import canonical, parse
from schemas.errors import ContractError, InputError
from schemas.events import derive_id
from schemas.events.sources import DriftDetected

OURS = "perennial"
"""How the names of our own detectors begin."""


def from_outside(document: dict[str, Any]) -> DriftDetected:
    """The event; its id derives from all that it says, so that sending it twice is sending it once.

    Raises ``InputError`` where it claims to be ours: another kind than ``external``, a detector's name of ours, or a
    grant of the ledger. Raises ``ContractError`` where a field is at fault.
    """
    said = {key: value for key, value in document.items() if key != "event_id"}
    event = DriftDetected.from_document({"event_id": "unnamed"} | said)
    if event.kind != "external":
        raise InputError("a detector outside may only tell of drift of kind external")
    if not event.detector.strip() or event.detector.strip().lower().startswith(OURS):
        raise InputError("a detector outside needs a name of its own: names that begin with perennial are taken")
    if event.grant is not None:
        raise InputError("a detector outside has no grant of the ledger")
    if not 0 <= event.since_row <= event.row:
        raise InputError("since_row must be 0 or more and at most row")
    return event.model_copy(update={"event_id": derive_id("outside", canonical(event.document()).decode())})


def read_outside(body: bytes) -> DriftDetected:
    """The same from JSON text; raises ``InputError`` or ``ContractError``."""
    document = parse(body)
    if not isinstance(document, dict):
        raise ContractError("an event must be a JSON object")
    return from_outside(document)
