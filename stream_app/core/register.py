"""The register of one dataset's releases: where each stands, and which one consumers may open now."""

from dataclasses import dataclass, field, replace

from schemas.events.releases import ReleaseState, State, Status
from schemas.events.runs import Dossier
from stream_app.core.persistent import Decided, PersistentMap

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
        return ReleaseState(
            release_id=self.release_id,
            state=self.state,
            since=self.since,
            reason=self.reason,
            certificate_sha256=self.statement_sha256,
            expires_at=self.expires_at,
        )

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
    not beyond it. ``leaves`` are the statement digests of the transparency log; ``now`` is the latest broker time
    seen.
    """

    dataset: str
    releases: tuple[Release, ...] = ()
    head: int = -1
    frozen: bool = False
    access: bool = True
    leaves: tuple[str, ...] = ()
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


def _order(release: Release) -> int:
    return -1 if release.order is None else release.order
