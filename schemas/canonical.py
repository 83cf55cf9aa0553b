"""Canonical bytes: RFC 8785 JSON, its SHA-256 digests, and a parser that refuses what JSON leaves open.

pydantic and the standard library accept duplicate keys, and the latter NaN; two readers of one
document could then see two contents under one digest, so everything that is signed or digested is
read with ``parse``.
"""

import hashlib
import json
import math
from collections.abc import Iterable
from typing import Any, Never

from schemas.errors import ContractError


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of a JSON value; raises ``ContractError`` on NaN, infinities and integers beyond 2^53."""
    import rfc8785

    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise ContractError(f"not canonical JSON: {error}") from error


def digest(value: Any) -> str:
    """SHA-256 of the RFC 8785 bytes, 64 lower-case hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def parse(text: bytes | str) -> Any:
    """JSON with unique keys and finite numbers; raises ``ContractError`` with the reason, never the content."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        place = f" at position {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise ContractError(f"not strict JSON{place}") from None


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    pairs = list(pairs)
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ContractError("a JSON object names a key twice")
    return found


def _finite(text: str) -> float:
    """``1e999`` is well-formed, and would be read as infinity."""
    value = float(text)
    if not math.isfinite(value):
        raise ContractError("a number is too large to be read")
    return value


def _refuse_constant(name: str) -> Never:
    raise ContractError(f"{name} is not JSON")
