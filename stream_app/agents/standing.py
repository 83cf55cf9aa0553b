"""What the monitor knows of releases in use, rebuilt from topics after every start: nothing here is kept elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from schemas.contract import Contract
from schemas.errors import ContractError, PerennialError
from schemas.events.commands import CommandAccepted, GrantAccess, WithdrawAccess
from schemas.events.runs import CandidateCleared, Dossier
from schemas.events.sources import SourceRef
from stream_app.adapters.belief import believe
from stream_app.adapters.reader import StoredMessage
from stream_app.agents.checking import Check
from stream_app.catalogue.checks import Check as Checked
from stream_app.catalogue.checks import Checks
from stream_app.catalogue.view import Catalogue
from stream_app.core.attacks import Cause, LastAttack, due
from stream_app.signing.trust import Trust

LOG = "release.log"
CHECKS = "release.checks"
VIEWED = ("contracts", "release.certified", "release.status", LOG, CHECKS)
OVER = ("revoked", "rejected", "retired", "expired")


@dataclass(frozen=True, slots=True)
class Attack:
    """A release that meets the attacks again now. Without a dossier nobody knows any more what it was made from."""

    dataset: str
    release_id: str
    cause: Cause
    suite: str
    look: int
    source_sha256: str
    dossier: Dossier | None
    withdrawn: bool
    told_already: bool


@dataclass(slots=True)
class Standing:
    """Contracts, statuses and certificates, what releases were made from, and how they were measured since.

    ``release.log`` is read for the dossiers of cleared candidates, which no other topic keeps for as long as a release
    may be used, and for who withdrew access to a source; nothing of it is decided again.
    """

    trust: Trust
    view: Catalogue = field(default_factory=Catalogue)
    checks: Checks = field(default_factory=Checks)
    dossiers: dict[str, Dossier] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    homes: dict[str, int] = field(default_factory=dict)

    def take(self, message: StoredMessage) -> None:
        """Add one message; what cannot be read or believed is passed over."""
        if message.topic == CHECKS:
            self.checks.take((message,))
        elif message.topic == LOG:
            self._take_log(message)
        else:
            self.view.take(message)
            self.homes |= {name: message.partition for name in self.view.contracts if name not in self.homes}

    def _take_log(self, message: StoredMessage) -> None:
        try:
            event = message.event()
        except ContractError:
            return
        if isinstance(event, CandidateCleared):
            dossier, privacy = event.dossier, event.dossier.privacy
            bare = None if privacy is None else privacy.model_copy(update={"findings": ()})
            kept = dossier.without_reports().model_copy(update={"privacy": bare})
            self.dossiers.setdefault(dossier.request.release_id, kept)
        elif isinstance(event, CommandAccepted) and isinstance(event.command, GrantAccess | WithdrawAccess):
            try:
                believe(event, self.trust, message.at)
            except PerennialError:
                return
            change = self.withdrawn.add if isinstance(event.command, WithdrawAccess) else self.withdrawn.discard
            change(event.target)

    def forget_ended(self) -> None:
        """Drop the dossiers of releases that nobody may use again."""
        for status in self.view.statuses.values():
            for release in status.releases:
                if release.state in OVER:
                    self.dossiers.pop(release.release_id, None)

    def current(self, dataset: str) -> str | None:
        """The dataset's current release, where it has a certificate and the dataset a contract."""
        status = self.view.statuses.get(dataset)
        release_id = None if status is None else status.current
        known = dataset in self.view.contracts and release_id in self.view.certificates
        return release_id if known else None

    def contract(self, dataset: str) -> Contract:
        """The contract in force; raises ``KeyError``."""
        return self.view.contracts[dataset].contract

    def attacks(self, dataset: str, suite: str, now: int) -> Iterator[Attack]:
        """The certified releases of a dataset that must meet the attacks again now."""
        days = self.contract(dataset).policy.monitoring.attack_days
        for release_id in self.certified(dataset):
            last = self._last(release_id)
            cause = due(last, suite, now, days)
            if cause is None:
                continue
            predicate = self.view.statement(release_id).predicate
            former = self.checks.of(release_id, "privacy")
            yield Attack(
                dataset,
                release_id,
                cause,
                suite,
                last.look + 1,
                predicate.source_sha256,
                self.dossiers.get(release_id),
                dataset in self.withdrawn,
                bool(former) and former[-1].event.verdict == "UNREADABLE",
            )

    def certified(self, dataset: str) -> list[str]:
        """The releases of a dataset that are certified now and not yet expired."""
        status = self.view.statuses.get(dataset)
        if status is None or dataset not in self.view.contracts:
            return []
        return [
            release.release_id
            for release in status.releases
            if release.state == "certified" and release.release_id in self.view.certificates
        ]

    def attacked_at(self, dataset: str) -> int | None:
        """When that certified release of a dataset was last decided on whose turn is longest ago; none where none is
        in use. Its certification counts.
        """
        times = [self._decided_at(release_id) for release_id in self.certified(dataset)]
        return min(times, default=None)

    def _decided_at(self, release_id: str) -> int:
        decided = [check.at for check in self.checks.of(release_id, "privacy") if check.decided]
        return max(decided, default=self.view.statement(release_id).predicate.certified_at)

    def _last(self, release_id: str) -> LastAttack:
        former: list[Checked] = self.checks.of(release_id, "privacy")
        if former:
            last = max(former, key=lambda check: (check.event.look or 0, check.at))
            return LastAttack(last.at, last.event.suite, last.event.look or 1)
        predicate, dossier = self.view.statement(release_id).predicate, self.dossiers.get(release_id)
        suite = None if dossier is None or dossier.privacy is None else dossier.privacy.suite
        return LastAttack(predicate.certified_at, suite, predicate.attempt)

    def utility_check(self, dataset: str, release_id: str, window: SourceRef) -> Check | None:
        """What to compare with a window of live rows; nothing where the release holds no table."""
        artefacts = self.view.statement(release_id).predicate.artefacts
        data = next((ref for ref in artefacts if ref.name == "data.parquet"), None)
        dossier = self.dossiers.get(release_id)
        asked = () if dossier is None else dossier.request.conditioned
        return None if data is None else Check(self.contract(dataset), data, window, asked)
