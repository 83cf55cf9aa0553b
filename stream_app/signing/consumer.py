"""What a consumer believes about one dataset: a trust machine over envelopes. Opens no file, no socket, and reads no
clock.

Certificates and status may arrive in any order and any number of times; each step returns the new view and what
changed. What is wrong raises ``SignatureError`` and leaves the view as it was. After The Update Framework's client:
the high-water mark is on the signed status version, so that an ordered rollback (a newer status that names an older
release) is followed and a replayed status is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal

from schemas.envelope import Envelope
from schemas.errors import SignatureError
from schemas.events.releases import ReleaseState, Status
from stream_app.signing.statement import Certified, verify_statement, verify_status
from stream_app.signing.trust import Trust, succeed

Kind = Literal["released", "restored", "revoked", "frozen", "unfrozen", "heartbeat"]

OPENABLE: Final = ("certified", "superseded")


@dataclass(frozen=True, slots=True)
class Change:
    """What a consumer is told. ``release_id`` is absent where the whole dataset is meant; ``at`` is the status's
    ``as_of``.
    """

    kind: Kind
    release_id: str | None
    at: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """The highest status version seen, the digest of that status, and the key that signed it."""

    version: int
    sha256: str
    keyid: str


@dataclass(frozen=True, slots=True)
class View:
    """Everything believed about a dataset. ``trust``, ``mark`` and ``revoked`` outlive the process.

    ``certificates`` are by the digest of their statement; ``told`` is the release last told of as the current one.
    """

    dataset: str
    trust: Trust
    mark: Mark | None = None
    revoked: frozenset[str] = frozenset()
    status: Status | None = None
    envelope: Envelope | None = None
    certificates: Mapping[str, Certified] = field(default_factory=lambda: MappingProxyType({}))
    told: str | None = None
    ever_told: frozenset[str] = frozenset()

    def state_of(self, release_id: str) -> ReleaseState | None:
        releases = self.status.releases if self.status is not None else ()
        return next((release for release in releases if release.release_id == release_id), None)

    def certificate_of(self, state: ReleaseState) -> Certified | None:
        """The certificate that the status names, of those that arrived."""
        return next((found for found in self.certificates.values() if _is_named(found, state)), None)


def take_root(view: View, body: bytes) -> View:
    """Follow to the next trust root, or raise ``SignatureError``.

    A status key that the new root no longer has may have been stolen and used to set the mark beyond reach: the mark
    is then forgotten, and only statuses by the new keys count. What was revoked stays so.
    """
    trust = succeed(view.trust, body)
    if view.mark is None or view.mark.keyid in {key.keyid for key in trust.active("service")}:
        return replace(view, trust=trust)
    return replace(view, trust=trust, mark=None, status=None, envelope=None)


def take_status(view: View, envelope: Envelope) -> tuple[View, tuple[Change, ...]]:
    """Believe a newer status, or raise ``SignatureError``.

    1. An active service key signed it.
    2. It is of this dataset.
    3. Its version is not below the mark (rollback).
    4. At the mark's version it is the very same status (no two truths).
    5. It gives back no release that was ever revoked.
    """
    status, keyid = verify_status(envelope, view.trust)
    if status.dataset != view.dataset:
        raise SignatureError("the status is of another dataset")
    mark = Mark(status.version, status.digest(), keyid)
    if view.mark is not None and mark.version < view.mark.version:
        raise SignatureError(f"the status was rolled back: version {mark.version} after version {view.mark.version}")
    if view.mark is not None and mark.version == view.mark.version and mark.sha256 != view.mark.sha256:
        raise SignatureError(f"two different statuses of version {mark.version} were signed")
    returned = [
        release.release_id
        for release in status.releases
        if release.release_id in view.revoked and release.state != "revoked"
    ]
    if returned:
        raise SignatureError(f"the status gives back a revoked release: {returned[0]}")
    if view.status is not None and view.mark is not None and mark.version == view.mark.version:
        return view, ()
    newer = replace(view, mark=mark, status=status, envelope=envelope, revoked=view.revoked | _revoked(status))
    newer, told = _tell_current(newer)
    changes = (*_losses(view, status), *told)
    return newer, changes or (Change("heartbeat", status.current, status.as_of),)


def take_certificate(view: View, release_id: str, envelope: Envelope) -> tuple[View, tuple[Change, ...]]:
    """Keep a certificate for when the status names it, or raise ``SignatureError``.

    1. It verifies (``verify_statement``).
    2. It is of this dataset.
    3. It is of the release that it was sent as.
    4. It is the one that the status names, where the status names one (mix and match).
    """
    certified = verify_statement(envelope, view.trust)
    predicate = certified.statement.predicate
    if predicate.dataset != view.dataset:
        raise SignatureError("the certificate is of another dataset")
    if predicate.release_id != release_id:
        raise SignatureError("the certificate is of another release")
    state = view.state_of(release_id)
    if state is not None and state.certificate_sha256 is not None and not _is_named(certified, state):
        raise SignatureError(f"the certificate is not the one that the status names for {release_id}")
    kept = MappingProxyType({**view.certificates, certified.payload_sha256: certified})
    return _tell_current(replace(view, certificates=kept))


def changes_since(before: View, after: View) -> tuple[Change, ...]:
    """What a consumer who knew ``before`` has to be told of ``after``, without the history between."""
    if after.status is None:
        return ()
    told = (Change("released", after.told, after.status.as_of),) if after.told and after.told != before.told else ()
    return (*_losses(before, after.status), *told)


def openable(view: View, release_id: str, at_ms: int, grace_ms: int = 0) -> Certified:
    """The certificate of a release that may be opened at ``at_ms``, or ``SignatureError`` with the reason.

    1. The trust root is fresh.
    2. A status is known and fresh (a frozen view hides revocations), up to ``grace_ms`` late.
    3. The dataset is not frozen.
    4. The release was never revoked, and the status lists it as certified or superseded.
    5. Its certificate is known, verifies under the root in force now, and is the one the status names.
    6. It has not expired.
    """
    view.trust.require_fresh(at_ms)
    status = _fresh_status(view, at_ms, grace_ms)
    if status.frozen:
        raise SignatureError("the dataset is frozen: nothing may be opened until a responder lifts that")
    state = view.state_of(release_id)
    if release_id in view.revoked:
        raise SignatureError(f"{release_id} was revoked{_because(state)}: it must not be used again, by anyone")
    if state is None:
        raise SignatureError(f"{release_id} is not in the newest status of the dataset")
    if state.state not in OPENABLE:
        raise SignatureError(f"{release_id} is {state.state}{_because(state)}")
    certified = view.certificate_of(state)
    if certified is None:
        raise SignatureError(f"the certificate that the status names for {release_id} has not arrived")
    certified = verify_statement(certified.envelope, view.trust)
    if at_ms >= min(
        certified.statement.predicate.expires_at, state.expires_at or certified.statement.predicate.expires_at
    ):
        raise SignatureError(f"{release_id} has expired")
    return certified


def current(view: View, at_ms: int, grace_ms: int = 0) -> Certified:
    """The certificate of the release that the newest status names; raises ``SignatureError`` as ``openable`` does."""
    status = _fresh_status(view, at_ms, grace_ms)
    if status.current is None:
        raise SignatureError("no release of the dataset may be used now")
    return openable(view, status.current, at_ms, grace_ms)


def _fresh_status(view: View, at_ms: int, grace_ms: int) -> Status:
    if view.status is None:
        raise SignatureError("no status of the dataset is known: the registry was not heard")
    if at_ms > view.status.fresh_until + grace_ms:
        raise SignatureError("the newest status is out of date: the registry is silent, or someone withholds its word")
    return view.status


def _is_named(certified: Certified, state: ReleaseState) -> bool:
    named = state.certificate_sha256 in (certified.payload_sha256, certified.file_sha256)
    return named and certified.statement.predicate.release_id == state.release_id


def _because(state: ReleaseState | None) -> str:
    return f" ({state.reason})" if state is not None and state.reason else ""


def _revoked(status: Status) -> frozenset[str]:
    return frozenset(release.release_id for release in status.releases if release.state == "revoked")


def _losses(view: View, status: Status) -> tuple[Change, ...]:
    """Releases revoked, frozen and unfrozen since the view's status."""
    changes = []
    for release in status.releases:
        before = view.state_of(release.release_id)
        if release.state == "revoked" and release.release_id not in view.revoked:
            changes.append(Change("revoked", release.release_id, status.as_of, release.reason))
        elif release.state == "frozen" and (before is None or before.state != "frozen"):
            changes.append(Change("frozen", release.release_id, status.as_of, release.reason))
        elif before is not None and before.state == "frozen" and release.state in OPENABLE:
            changes.append(Change("unfrozen", release.release_id, status.as_of, release.reason))
    if status.frozen != (view.status is not None and view.status.frozen):
        changes.append(Change("frozen" if status.frozen else "unfrozen", None, status.as_of))
    return tuple(changes)


def _tell_current(view: View) -> tuple[View, tuple[Change, ...]]:
    """Tell of the current release once status and certificate are both here; again only after another was current."""
    status = view.status
    if status is None:
        return view, ()
    state = view.state_of(status.current) if status.current is not None else None
    if state is None:
        return replace(view, told=None), ()
    certified = view.certificate_of(state)
    if certified is None or view.told == state.release_id:
        return view, ()
    kind: Kind = "restored" if _was_before(view, certified) else "released"
    newer = replace(view, told=state.release_id, ever_told=view.ever_told | {state.release_id})
    return newer, (Change(kind, state.release_id, status.as_of),)


def _was_before(view: View, certified: Certified) -> bool:
    """Whether the release was current before, or is older than one that was."""
    others = [found.statement.predicate for found in view.certificates.values()]
    newest = max((other.certified_at for other in others if other.release_id in view.ever_told), default=0)
    predicate = certified.statement.predicate
    return predicate.release_id in view.ever_told or predicate.certified_at < newest
