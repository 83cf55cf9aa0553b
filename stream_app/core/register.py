"""The register of one dataset's releases: where each stands, and which one consumers may open now."""

from dataclasses import dataclass, field, replace
from functools import lru_cache

from schemas.events.releases import ReleaseState, State, Status
from schemas.events.runs import Dossier
from stream_app.core.persistent import Decided, PersistentMap
from stream_app.core.transparency import Frontier

GOOD: tuple[State, ...] = ("certified", "superseded")
FRESH_FOR_MS = 900_000
"""How long a status may be relied on where a newer one could be asked for; heartbeats renew it."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A signature that counted: which role, with which key."""

    role: str
    keyid: str


@dataclass(frozen=True, slots=True)
class Release:
    """One release. Without a dossier it is only a mark: revoked or frozen before its candidate came.

    ``order`` numbers certified releases; ``held`` is the state to go back to after a freeze.
    """

    release_id: str
    state: State
    since: int
    reason: str | None = None
    dossier: Dossier | None = None
    approvals: tuple[Approval, ...] = ()
    order: int | None = None
    statement_sha256: str | None = None
    expires_at: int | None = None
    held: State | None = None

    def shown(self) -> ReleaseState:
        """What a status says of it."""
        return _shown(self.release_id, self.state, self.since, self.reason, self.statement_sha256, self.expires_at)

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The roles whose signature the release's tier still needs, in the contract's order."""
        needed = () if self.dossier is None else self.dossier.request.contract.policy.tier.approvals
        given = {approval.role for approval in self.approvals}
        return tuple(role for role in needed if role not in given)


@dataclass(frozen=True, slots=True)
class Register:
    """The fold of ``release.log`` for one dataset.

    ``head`` is the order of the release that was last certified or rolled back to; current is the newest good release
    not beyond it. ``frontier`` is that of the transparency log, whose leaves are the statements' digests; ``now`` is
    the latest broker time seen.
    """

    dataset: str
    releases: tuple[Release, ...] = ()
    head: int = -1
    frozen: bool = False
    access: bool = True
    certified: int = 0
    frontier: Frontier = ()
    incidents: tuple[tuple[str, str | None], ...] = ()
    ended: PersistentMap[str] = field(default_factory=PersistentMap)
    now: int = 0
    decided: Decided = field(default_factory=Decided)

    def release(self, release_id: str) -> Release | None:
        return next((release for release in self.releases if release.release_id == release_id), None)

    @property
    def current(self) -> Release | None:
        """What consumers may open now: the newest good release that is not beyond the head."""
        return max(
            (release for release in self.releases if release.state in GOOD and _order(release) <= self.head),
            key=_order,
            default=None,
        )

    def with_release(self, release: Release) -> "Register":
        """The register with this release, in the place that its id had, or else as the newest."""
        if self.release(release.release_id) is None:
            return replace(self, releases=(*self.releases, release))
        return replace(
            self,
            releases=tuple(release if known.release_id == release.release_id else known for known in self.releases),
        )

    def status(self, version: int) -> Status:
        current = self.current
        return Status(
            dataset=self.dataset,
            version=version,
            current=None if current is None else current.release_id,
            releases=tuple(release.shown() for release in self.releases),
            frozen=self.frozen,
            as_of=self.now,
            fresh_until=self.now + FRESH_FOR_MS,
        )


@lru_cache(maxsize=65_536)
def _shown(
    release_id: str, state: State, since: int, reason: str | None, sha256: str | None, expires_at: int | None
) -> ReleaseState:
    """Remembered, because every status of a dataset repeats all that did not change."""
    return ReleaseState(
        release_id=release_id, state=state, since=since, reason=reason, certificate_sha256=sha256, expires_at=expires_at
    )


def _order(release: Release) -> int:
    return -1 if release.order is None else release.order
