"""CloudEvents 1.0 in Kafka's binary mode: attributes as ``ce_*`` headers, the event's own bytes as the value."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from schemas.errors import ContractError
from schemas.events import EVENTS, Event

Headers = list[tuple[str, bytes]]
_UNFIT = re.compile(
    "[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef"
    + "".join(chr(plane + end) for plane in range(0, 0x110000, 0x10000) for end in (0xFFFE, 0xFFFF))
    + "]"
)
"""What CloudEvents allows in no attribute; a dead letter's key is whatever someone sent."""


def to_message(event: Event, source: str, at: datetime | None = None) -> tuple[bytes, bytes, Headers]:
    """Key, value and headers of a message. ``source`` names the sender, such as ``/stations/planner``.

    ``at`` is a hint for people who read the topic; no decision uses it.
    """
    attributes = {
        "specversion": "1.0",
        "id": event.event_id,
        "source": source,
        "type": event.type,
        "subject": _UNFIT.sub("\ufffd", event.key) or "-",
        "time": (at or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    } | event.extensions()
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    return event.key.encode(), event.body(), [("content-type", event.media_type.encode()), *headers]


def from_message(value: bytes | None, headers: Iterable[tuple[str, bytes]] | None) -> Event:
    """The event in a message; raises ``ContractError`` that says what is wrong, never with the content."""
    attributes = attributes_of(headers)
    kind = attributes.get("type")
    if attributes.get("specversion") != "1.0" or kind is None:
        raise ContractError("not a CloudEvent in binary mode: ce_specversion 1.0 and ce_type are needed")
    model = EVENTS.get(kind)
    if model is None:
        raise ContractError("an event of unknown type")
    event = model.read(value or b"", attributes)
    if attributes.get("id") != event.event_id:
        raise ContractError("ce_id differs from the event's own id")
    return event


def attributes_of(headers: Iterable[tuple[str, bytes]] | None) -> dict[str, str]:
    """CloudEvents attributes without their prefix; raises ``ContractError`` where one is not UTF-8 or named twice.

    The header ``content-type`` is the attribute ``datacontenttype`` (Kafka protocol binding 1.0, section 3.2.1).
    """
    found: dict[str, str] = {}
    for name, value in headers or ():
        if name == "content-type":
            found["datacontenttype"] = (value or b"").decode("utf-8", "replace")
        if not name.startswith("ce_"):
            continue
        short = name.removeprefix("ce_")
        if short in found:
            raise ContractError("a CloudEvents attribute is given twice")
        try:
            found[short] = (value or b"").decode()
        except UnicodeDecodeError:
            raise ContractError("a CloudEvents attribute is not UTF-8") from None
    return found
