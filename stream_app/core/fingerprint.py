"""A digest of a fold's state: two workers that read the same prefix hold the same one."""

from dataclasses import fields, is_dataclass
from typing import Any

from schemas.canonical import digest
from schemas.model import Model
from stream_app.core.persistent import Decided, PersistentMap


def fingerprint(state: object) -> str:
    """SHA-256 over the RFC 8785 form of a state made of frozen dataclasses, documents, tuples, maps and scalars."""
    return digest(_plain(state))


def _plain(value: object) -> Any:
    if isinstance(value, Model):
        return value.document()
    if isinstance(value, Decided):
        return value.document()
    if isinstance(value, PersistentMap):
        return {key: _plain(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a state may not hold a {type(value).__name__}")
