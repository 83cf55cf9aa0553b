"""The base of every event: a frozen document with an identity, a versioned type and a subject.

An event travels as a CloudEvent in Kafka's binary mode (``schemas/cloudevents.py``): ``event_id``, ``type`` and the
subject are headers, the document is the body. Ids of facts derive from the event that decided them, so a repeat is
recognised wherever it comes from.
"""

import hashlib
from typing import Any, ClassVar, Self

from schemas.model import EventId, Model

EVENTS: dict[str, type["Event"]] = {}
"""Every event model by its versioned type; filled as the modules of ``schemas.events`` are imported."""


class Event(Model):
    """Something that happened. ``key`` is what its topic is partitioned by: a dataset, or a budget scope."""

    type: ClassVar[str]
    event_id: EventId

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "type" in cls.__dict__:
            if cls.type in EVENTS:
                raise TypeError(f"two events are of type {cls.type}")
            EVENTS[cls.type] = cls

    @property
    def key(self) -> str:
        """The Kafka key."""
        raise TypeError(f"{type(self).__name__} has no key")

    def body(self) -> bytes:
        """What stands in the message's value: RFC 8785 JSON unless the event says otherwise."""
        return self.to_bytes()

    def extensions(self) -> dict[str, str]:
        """CloudEvents extension attributes besides the required ones."""
        return {}

    @classmethod
    def read(cls, body: bytes, attributes: dict[str, str]) -> Self:
        """The event from a message's value and its CloudEvents attributes; raises ``ContractError``."""
        return cls.from_bytes(body)

    content_type: ClassVar[str] = "application/json"
    compressible: ClassVar[bool] = True
    """Whether the sender compresses it; not worth its price where the body is packed closely already."""

    @property
    def media_type(self) -> str:
        """What this event's body is: its model's ``content_type`` unless events of the model differ in it."""
        return self.content_type


class DatasetEvent(Event):
    """An event of one dataset, partitioned by it."""

    dataset: str

    @property
    def key(self) -> str:
        return self.dataset


def derive_id(*parts: str | int) -> str:
    """An id that is a function of its causes: 32 hex digits of SHA-256 over the parts."""
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()[:32]
