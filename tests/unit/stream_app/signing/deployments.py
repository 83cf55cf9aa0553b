"""A deployment in memory for the tests: a key of every role from a fixed seed, its root, certificates and statuses."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from schemas.certificate import Digests, PrivacyClaim, ReleasePredicate, Statement, Subject
from schemas.envelope import Envelope
from schemas.events.releases import ReleaseState, Status
from stream_app.signing.keys import SecretKey
from stream_app.signing.statement import sign_statement, sign_status
from stream_app.signing.trust import ROLES, Trust, new_trust

NOW = 1_780_000_000_000
DAY = 86_400_000
ZERO = "0" * 64


def key_of(name: str) -> SecretKey:
    """The same key for the same name."""
    return SecretKey(hashlib.sha256(name.encode()).digest())


@dataclass(frozen=True)
class Deployment:
    """Keys by role, and the root that names them."""

    audience: str = "demo"
    keys: dict[str, SecretKey] = field(default_factory=lambda: {role: key_of(role) for role in ROLES})

    @property
    def trust(self) -> Trust:
        return new_trust(self.audience, {role: [key.public] for role, key in self.keys.items()}, NOW + 100 * DAY)

    def certificate(
        self, release: str = "flights-1", data: bytes = b"data", key: SecretKey | None = None, **changes: Any
    ) -> Envelope:
        return sign_statement(statement(release, data, **changes), key or self.keys["service"])

    def status(
        self,
        version: int,
        *releases: ReleaseState,
        current: str | None = None,
        key: SecretKey | None = None,
        **changes: Any,
    ) -> Envelope:
        named: dict[str, Any] = {
            "dataset": "flights",
            "version": version,
            "current": current,
            "releases": releases,
            "as_of": NOW + version,
            "fresh_until": NOW + DAY,
            **changes,
        }
        return sign_status(Status(**named), key or self.keys["service"])


def statement(release: str = "flights-1", data: bytes = b"data", **changes: Any) -> Statement:
    """A certificate's statement about one file, empirical, valid for thirty days."""
    claim = PrivacyClaim(
        claim="empirical",
        unit="row",
        max_rows_per_unit=1,
        neighbouring="add_remove",
        mechanisms=(),
        accountant="rdp",
        scope="flights",
        timing="schedule",
    )
    named: dict[str, Any] = {
        "dataset": "flights",
        "release_id": release,
        "run_id": "run",
        "attempt": 1,
        "tier": "internal",
        "family": "copula",
        "contract_version": "1.0.0",
        "contract_digest": ZERO,
        "source_sha256": ZERO,
        "rows": 3,
        "certified_at": NOW,
        "expires_at": NOW + 30 * DAY,
        "privacy": claim,
        "gates": (),
        **changes,
    }
    subject = Subject(name="data.parquet", digest=Digests(sha256=hashlib.sha256(data).hexdigest()))
    return Statement(subject=(subject,), predicate=ReleasePredicate(**named))


def state(envelope: Envelope, state: Any = "certified", **changes: Any) -> ReleaseState:
    """How a status lists the release of a certificate."""
    predicate = Statement.from_bytes(envelope.content).predicate
    named: dict[str, Any] = {
        "certificate_sha256": hashlib.sha256(envelope.content).hexdigest(),
        "expires_at": predicate.expires_at,
        **changes,
    }
    return ReleaseState(release_id=predicate.release_id, state=state, since=NOW, **named)
