"""Certificates: in-toto statements (v1) about the files of one release.

A statement's subjects are the SHA-256 of every plaintext file; its predicate says what was promised, measured and
spent.
"""

from typing import Final, Literal

from pydantic import Field

from schemas.events.runs import ArtefactRef
from schemas.finding import Verdict
from schemas.mechanism import Mechanism
from schemas.model import Digest, Epsilon, Model, Name, ReleaseId
from schemas.sampling import SamplingReport

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://perennial.dev/release/v1"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"


class Digests(Model):
    """The digests of a subject, as in-toto wants them."""

    sha256: Digest


class Subject(Model):
    """A file of the release, by the SHA-256 of its plaintext."""

    name: str
    digests: Digests = Field(alias="digest")


class PrivacyClaim(Model):
    """What is guaranteed. Formal: ``epsilon`` of this release is composed from the recorded mechanisms; empirical: it
    is absent.

    ``scope_epsilon`` is what the whole budget scope has spent, this release and all rejected attempts included.
    """

    claim: Literal["formal", "empirical"]
    epsilon: Epsilon | None = None
    delta: float | None = None
    unit: str
    max_rows_per_unit: int
    neighbouring: str
    mechanisms: tuple[Mechanism, ...]
    accountant: str
    scope: Name
    scope_epsilon: Epsilon | None = None
    timing: str


class Measured(Model):
    """A gate's verdict on one metric; ``value`` and ``limit`` are left out for tiers that see verdicts only."""

    metric: str
    verdict: Verdict
    value: float | None = None
    interval: tuple[float, float] | None = None
    limit: float | None = None


class ReleasePredicate(Model):
    """Everything a certificate says about a release.

    ``smallest_leak_seen`` is the smallest share of copied rows that the gates would have refused in a table of this
    size, rounded up to one digit, so that it says nothing else about the source. ``sampling`` is the manifest of what
    was done to the drawn rows (balance, parity before and after, rows touched for k and l), which looks at no real row.
    ``counts_sha256`` is there where the fit read those counts and no row; ``prior_sha256`` where it went on from the
    model of an earlier release, whose mechanisms were charged to the scope then.
    """

    dataset: Name
    release_id: ReleaseId
    run_id: str
    attempt: int
    tier: Name
    family: Name
    contract_version: str
    contract_digest: Digest
    source_sha256: Digest
    counts_sha256: Digest | None = None
    prior_sha256: Digest | None = None
    rows: int
    certified_at: int
    expires_at: int
    privacy: PrivacyClaim
    gates: tuple[Measured, ...]
    smallest_leak_seen: float | None = None
    sampling: SamplingReport | None = None
    approvals: tuple[str, ...] = ()
    artefacts: tuple[ArtefactRef, ...] = ()
    limitations: tuple[str, ...] = ()


class Statement(Model):
    """An in-toto statement about a release."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT_TYPE, alias="_type")
    subject: tuple[Subject, ...] = Field(min_length=1)
    predicateType: Literal["https://perennial.dev/release/v1"] = PREDICATE_TYPE
    predicate: ReleasePredicate

    def document(self) -> dict[str, object]:
        return self.model_dump(mode="json", exclude_none=True, by_alias=True)
