"""The first keys of a deployment: one of each role, and the root that names them."""

from collections.abc import Iterable
from pathlib import Path

from schemas.errors import InputError
from stream_app.signing.keys import load_public, load_secret, new_key
from stream_app.signing.trust import ROLES, Trust, new_trust, open_root, sign_root, succeed

YEAR_MS = 365 * 86_400_000


def new_deployment(home: Path, audience: str, at_ms: int, roles: Iterable[str] = ROLES) -> Trust:
    """Make ``home/keys/ROLE.key`` and ``.pub`` for every role, and ``home/trust.json``, valid for a year from
    ``at_ms``.

    Raises ``InputError`` rather than overwrite. On a real deployment ``root.key`` then moves to where no worker can
    read it.
    """
    keys, trust_file = home / "keys", home / "trust.json"
    if trust_file.exists():
        raise InputError(f"{trust_file} exists; a trust root is followed by a successor, never overwritten")
    for role in roles:
        new_key(role, keys)
    trust = new_trust(audience, {role: [load_public(keys / f"{role}.pub")] for role in roles}, at_ms + YEAR_MS)
    trust_file.write_bytes(sign_root(trust, load_secret(keys / "root.key")))
    return trust


def load_trust(*paths: Path) -> Trust:
    """The root in a file, or the last of a chain of roots, each signed by the one before; raises ``InputError``,
    ``SignatureError``.
    """
    try:
        first, *following = [path.read_bytes() for path in paths]
    except OSError as error:
        raise InputError(f"cannot read the trust root: {error.strerror}: {error.filename}") from None
    trust = open_root(first)
    for body in following:
        trust = succeed(trust, body)
    return trust
