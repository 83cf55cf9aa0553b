"""The trust root: which key may do what in one deployment, signed by the root keys. Opens no file and no socket.

A root names every key, the role it holds, and until when the root itself may be relied on. Its successor is signed by
the keys of both, so whoever pinned one root can follow to the next. Keys are retired, not removed: what a service key
certified before, and what a person's key commanded, verifies for ever. Removing a key takes back all that it signed,
from certificates to the commands in the logs; a thief's key is retired as of the theft."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from schemas.canonical import canonical, parse
from schemas.errors import ContractError, SignatureError
from stream_app.signing import dsse
from stream_app.signing.keys import PublicKey, SecretKey

PAYLOAD_TYPE: Final = "application/vnd.perennial.trust+json"
ROLES: Final = ("root", "service", "owner", "operator", "privacy_officer", "legal", "responder", "ci")
COMMANDING: Final = tuple(role for role in ROLES if role not in ("root", "service"))

_FIELDS = {"type", "audience", "version", "expires_at", "root_threshold", "keys", "roles", "retired"}


class Trust(NamedTuple):
    """A verified root. Times are milliseconds since 1970; a ``retired`` key verifies only what it signed until then."""

    audience: str
    version: int
    expires_at: int
    root_threshold: int
    keys: Mapping[str, PublicKey]
    roles: Mapping[str, tuple[str, ...]]
    retired: Mapping[str, int]

    def active(self, role: str) -> tuple[PublicKey, ...]:
        """The keys that may sign for the role now."""
        return tuple(self.keys[keyid] for keyid in self.roles.get(role, ()) if keyid not in self.retired)

    def ever(self, role: str) -> tuple[PublicKey, ...]:
        """The keys that may sign for the role, or might until they were retired."""
        return tuple(self.keys[keyid] for keyid in self.roles.get(role, ()))

    def role_of(self, keyid: str) -> str | None:
        """The one role that a key holds, or held until it was retired."""
        return next((role for role, keyids in self.roles.items() if keyid in keyids), None)

    def require_fresh(self, at_ms: int) -> None:
        """Raise ``SignatureError`` once the root has expired."""
        if at_ms >= self.expires_at:
            raise SignatureError(f"the trust root (version {self.version}) has expired: fetch its successor")

    def document(self) -> dict[str, Any]:
        return {
            "type": "perennial-trust",
            "audience": self.audience,
            "version": self.version,
            "expires_at": self.expires_at,
            "root_threshold": self.root_threshold,
            "keys": {keyid: key.raw.hex() for keyid, key in self.keys.items()},
            "roles": {role: list(keyids) for role, keyids in self.roles.items()},
            "retired": dict(self.retired),
        }


def new_trust(
    audience: str, holders: Mapping[str, Iterable[PublicKey]], expires_at: int, root_threshold: int = 1
) -> Trust:
    """A first root, version 1; ``holders`` are the public keys of each role. Raises ``ContractError``."""
    held = {role: tuple(keys) for role, keys in holders.items()}
    everyone = {key.keyid: key for keys in held.values() for key in keys}
    roles = {role: tuple(key.keyid for key in keys) for role, keys in held.items()}
    draft = Trust(audience, 1, expires_at, root_threshold, everyone, roles, {})
    return _read(canonical(draft.document()))


def successor(
    trust: Trust,
    *,
    expires_at: int,
    holders: Mapping[str, Iterable[PublicKey]] | None = None,
    retire: Mapping[str, int] | None = None,
    remove: Iterable[str] = (),
) -> Trust:
    """The next version: keys added to roles, keys retired at a time, keys removed. Raises ``ContractError``."""
    added = {role: tuple(keys) for role, keys in (holders or {}).items()}
    gone = frozenset(remove)
    keys = {**trust.keys, **{key.keyid: key for many in added.values() for key in many}}
    roles = {
        role: tuple(
            dict.fromkeys(
                keyid
                for keyid in (*trust.roles.get(role, ()), *(key.keyid for key in added.get(role, ())))
                if keyid not in gone
            )
        )
        for role in {**trust.roles, **added}
    }
    draft = trust._replace(
        version=trust.version + 1,
        expires_at=expires_at,
        roles=roles,
        keys={keyid: key for keyid, key in keys.items() if keyid not in gone},
        retired={keyid: at for keyid, at in {**trust.retired, **(retire or {})}.items() if keyid not in gone},
    )
    return _read(canonical(draft.document()))


def sign_root(trust: Trust, *keys: SecretKey) -> bytes:
    """The root's file: an envelope in its canonical form. A successor is signed by the old root's keys and the new
    ones.
    """
    return dsse.sign(PAYLOAD_TYPE, canonical(trust.document()), *keys).to_bytes()


def open_root(body: bytes) -> Trust:
    """A root that is pinned for the first time: it vouches for itself, the pinning vouches for it.

    1. The envelope is canonical.
    2. Its own root keys signed it, as many as its threshold asks.
    3. The document is whole.
    Raises ``ContractError`` and ``SignatureError``. Freshness is a question of its own: ``Trust.require_fresh``.
    """
    signed = dsse.read(body)
    # A self-signed document has to be read to learn whose signature to ask for; nothing in it is used before that held.
    trust = _read(_payload(signed))
    _require_threshold(signed, trust)
    return trust


def succeed(trust: Trust, body: bytes) -> Trust:
    """The root that follows ``trust``; the same root again is itself.

    1. The envelope is canonical.
    2. The old root's keys signed it, by the old threshold.
    3. So did the new root's own.
    4. The version is one higher.
    5. It is for the same audience.
    Raises ``ContractError`` and ``SignatureError``.
    """
    signed = dsse.read(body)
    _require_threshold(signed, trust)
    found = _read(_payload(signed))
    _require_threshold(signed, found)
    if found.document() == trust.document():
        return trust
    if found.version != trust.version + 1:
        raise SignatureError(f"a root of version {found.version} cannot follow version {trust.version}")
    if found.audience != trust.audience:
        raise SignatureError("the next root is for another deployment")
    return found


def _payload(signed: dsse.Signed) -> bytes:
    if signed.payload_type != PAYLOAD_TYPE:
        raise SignatureError("the envelope holds no trust root")
    return signed.payload


def _require_threshold(signed: dsse.Signed, trust: Trust) -> None:
    if len(dsse.signers(signed, trust.active("root"))) < trust.root_threshold:
        raise SignatureError(
            f"the root lacks the {trust.root_threshold} signature(s) of version {trust.version}'s root keys"
        )


def _read(payload: bytes) -> Trust:
    document = parse(payload)
    if not isinstance(document, dict) or set(document) != _FIELDS or document["type"] != "perennial-trust":
        raise ContractError("not a trust root")
    keys = {keyid: _key(keyid, text) for keyid, text in _mapping(document["keys"]).items()}
    roles = {role: _keyids(listed, keys) for role, listed in _mapping(document["roles"]).items()}
    retired = {keyid: _whole(at) for keyid, at in _mapping(document["retired"]).items()}
    if not isinstance(document["audience"], str) or not document["audience"]:
        raise ContractError("a trust root names its audience")
    trust = Trust(
        document["audience"],
        _whole(document["version"], 1),
        _whole(document["expires_at"]),
        _whole(document["root_threshold"], 1),
        keys,
        roles,
        retired,
    )
    _require_sound(trust)
    return trust


def _require_sound(trust: Trust) -> None:
    held = [keyid for keyids in trust.roles.values() for keyid in keyids]
    if not set(trust.roles) <= set(ROLES):
        raise ContractError(f"a trust root knows the roles {', '.join(ROLES)}")
    if len(set(held)) != len(held) or set(held) != set(trust.keys):
        raise ContractError("every key of a trust root holds exactly one role")
    if not set(trust.retired) <= set(held) - set(trust.roles.get("root", ())):
        raise ContractError("a trust root retires a key that it does not hold; root keys are removed instead")
    if len(trust.roles.get("root", ())) < trust.root_threshold:
        raise ContractError("a trust root has fewer root keys than its threshold")


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ContractError("not a trust root: a mapping is missing")
    return value


def _keyids(value: Any, keys: Mapping[str, PublicKey]) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(keyid, str) and keyid in keys for keyid in value):
        raise ContractError("a role of the trust root lists a key that the root does not hold")
    return tuple(value)


def _key(keyid: str, text: Any) -> PublicKey:
    if not isinstance(text, str) or len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise ContractError("a key of the trust root is not 32 bytes in hex")
    key = PublicKey(bytes.fromhex(text))
    if key.keyid != keyid:
        raise ContractError("a key of the trust root is listed under another keyid")
    return key


def _whole(value: Any, least: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ContractError("not a trust root: a number is missing or too small")
    return value
