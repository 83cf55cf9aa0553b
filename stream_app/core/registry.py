"""The registry's decisions: the fold of ``release.log``, one state per dataset.

A revocation wins over everything, in any order, and for ever: it marks even a release that is not known yet. There is
at most one certificate per release and one certified release per run. Versions of the status grow with the log's
offset.
"""

from dataclasses import replace

from schemas.events.base import Event
from schemas.events.budget import RunEnded
from schemas.events.commands import (
    Approve,
    CloseReview,
    CommandAccepted,
    Freeze,
    GrantAccess,
    Reject,
    Retire,
    Revoke,
    RollBack,
    Unfreeze,
    WithdrawAccess,
    target_of,
)
from schemas.events.plans import Ticked
from schemas.events.releases import CheckFailed, IncidentClosed, IncidentOpened
from schemas.events.runs import CandidateCleared, CandidateRejected, Dossier
from stream_app.core.certification import faults
from stream_app.core.docket import Docket, certified_sibling
from stream_app.core.entry import Entry, Facts
from stream_app.core.register import GOOD, Approval, Register, Release


def initial(dataset: str) -> Register:
    return Register(dataset)


def step(register: Register, entry: Entry, /) -> tuple[Register, Facts]:
    """Decide one entry of ``release.log``; other events change nothing."""
    recorded = register.decided.recall(entry)
    if recorded is not None:
        return register, recorded
    docket = Docket(replace(register, now=max(register.now, entry.at)), entry)
    _decide(docket, entry.event)
    after, facts = docket.close()
    return replace(after, decided=register.decided.record(entry, facts)), facts


def _decide(docket: Docket, event: Event) -> None:
    match event:
        case CandidateCleared(dossier=dossier):
            _cleared(docket, dossier)
        case CommandAccepted():
            _command(docket, event)
        case RunEnded(run_id=run_id, outcome=outcome) if outcome != "certified":
            _run_ended(docket, run_id, outcome)
        case CheckFailed():
            _check(docket, event)
        case IncidentOpened(incident_id=incident_id):
            _incident(docket, incident_id)
        case Ticked():
            _tick(docket)
        case _:
            pass


def _cleared(docket: Docket, dossier: Dossier) -> None:
    register, request = docket.register, dossier.request
    mark = register.release(request.release_id)
    if mark is not None and mark.dossier is not None:
        return
    release = Release(request.release_id, "awaiting_approval", register.now, dossier=dossier)
    if mark is not None and mark.state == "revoked":
        docket.condemn(release)
        docket.move(release, "revoked", mark.reason)
        return
    found = faults(register.dataset, dossier)
    if found:
        _turn_away(docket, release, found)
        return
    late = _too_late(register, release)
    if late is not None:
        docket.move(release, "rejected", late)
        return
    if mark is not None and mark.state == "frozen":
        docket.move(release, "frozen", mark.reason, held="awaiting_approval")
        return
    docket.put(release)
    docket.certify_ready()
    _report_if_waiting(docket, request.release_id)


def _turn_away(docket: Docket, release: Release, found: tuple[str, ...]) -> None:
    """The gates' verdicts do not hold up at the last door: something between them and here is wrong."""
    dossier = release.dossier
    assert dossier is not None
    docket.incident("high", f"candidate refused at certification: {'; '.join(found)}", release.release_id)
    docket.move(release, "rejected", "; ".join(found))
    if dossier.training is None:
        docket.tell(CandidateRejected, dossier=dossier, station="registry", verdict="INVALID", reasons=found)


def _too_late(register: Register, release: Release) -> str | None:
    assert release.dossier is not None
    if not register.access:
        return "access to the source was withdrawn"
    outcome = register.ended.get(release.dossier.request.run_id)
    if outcome is not None:
        return f"its run had ended: {outcome}"
    sibling = certified_sibling(register, release)
    return None if sibling is None else f"its run has a certified release already: {sibling.release_id}"


def _report_if_waiting(docket: Docket, release_id: str) -> None:
    release = docket.register.release(release_id)
    if release is not None and release.state == "awaiting_approval":
        docket.report(release)


def _command(docket: Docket, event: CommandAccepted) -> None:
    if target_of(event.command) != docket.register.dataset:
        return
    match event.command:
        case Approve(release_id=release_id):
            _approve(docket, release_id, Approval(event.role, event.keyid))
        case Reject(release_id=release_id):
            _reject(docket, release_id)
        case Freeze(release_id=None):
            docket.change(frozen=True)
        case Unfreeze(release_id=None):
            docket.change(frozen=False)
            docket.certify_ready()
        case Freeze(release_id=str(release_id), comment=comment):
            _freeze(docket, release_id, comment)
        case Unfreeze(release_id=str(release_id)):
            _unfreeze(docket, release_id)
        case Revoke(release_id=release_id, reason=reason):
            _revoke(docket, release_id, reason)
        case RollBack(release_id=release_id):
            _roll_back(docket, release_id)
        case Retire(release_id=release_id):
            _retire(docket, release_id)
        case CloseReview(incident_id=incident_id, comment=comment):
            _close(docket, incident_id, event.keyid, comment)
        case GrantAccess():
            docket.change(access=True)
        case WithdrawAccess():
            _withdraw(docket)
        case _:
            pass


def _approve(docket: Docket, release_id: str, approval: Approval) -> None:
    """Each role that the tier names signs once, each with a key of its own."""
    release = docket.register.release(release_id)
    if release is None or "awaiting_approval" not in (release.state, release.held):
        docket.refuse(f"{release_id} does not wait for an approval")
    elif approval.role not in release.waits_for:
        docket.refuse(f"{release_id} does not wait for an approval by the role {approval.role}")
    elif any(given.keyid == approval.keyid for given in release.approvals):
        docket.refuse("one key cannot approve for two roles")
    else:
        docket.put(replace(release, approvals=(*release.approvals, approval)))
        docket.certify_ready()


def _reject(docket: Docket, release_id: str) -> None:
    release = docket.register.release(release_id)
    if release is None or "awaiting_approval" not in (release.state, release.held):
        docket.refuse(f"{release_id} does not wait for an approval")
        return
    docket.move(release, "rejected", "a person rejected it", held=None)


def _freeze(docket: Docket, release_id: str, comment: str | None) -> None:
    release = docket.register.release(release_id) or Release(release_id, "awaiting_approval", docket.register.now)
    if release.state not in ("awaiting_approval", *GOOD):
        docket.refuse(f"{release_id} is {release.state}")
        return
    docket.move(release, "frozen", comment, held=release.state)
    docket.settle()


def _unfreeze(docket: Docket, release_id: str) -> None:
    release = docket.register.release(release_id)
    if release is None or release.state != "frozen":
        docket.refuse(f"{release_id} is not frozen")
        return
    if release.dossier is None:
        # the mark of a candidate that has not come: nothing is left to hold
        docket.change(releases=tuple(known for known in docket.register.releases if known.release_id != release_id))
        return
    if release.held == "awaiting_approval":
        docket.move(release, "awaiting_approval", held=None)
        docket.certify_ready()
        return
    docket.move(release, "superseded", held=None)
    _demote_below(docket)


def _demote_below(docket: Docket) -> None:
    """What is current is certified; older releases that stood in for it are superseded again."""
    current = docket.settle()
    for other in docket.register.releases:
        if (
            current is not None
            and other.state == "certified"
            and other.release_id != current.release_id
            and (other.order or 0) < (current.order or 0)
        ):
            docket.move(other, "superseded", f"by {current.release_id}")


def _revoke(docket: Docket, release_id: str, reason: str) -> None:
    register = docket.register
    release = register.release(release_id) or Release(release_id, "awaiting_approval", register.now)
    if release.state == "revoked":
        docket.refuse(f"{release_id} is revoked already")
        return
    was_current = register.current is not None and register.current.release_id == release_id
    docket.condemn(release)
    docket.move(release, "revoked", reason, held=None)
    restored = docket.settle() if was_current else None
    docket.incident(
        "high",
        f"release {release_id} was revoked: {reason}{_relatives(register, release)}",
        release_id,
        None if restored is None else restored.release_id,
    )


def _relatives(register: Register, release: Release) -> str:
    """Other usable releases from the same fitted model, for the responder to think about."""
    if release.dossier is None or release.dossier.training is None:
        return ""
    model = release.dossier.training.model.sha256
    names = [
        other.release_id
        for other in register.releases
        if other.state in GOOD
        and other.release_id != release.release_id
        and other.dossier is not None
        and other.dossier.training is not None
        and other.dossier.training.model.sha256 == model
    ]
    return f"; sampled from the same model and still in use: {', '.join(names)}" if names else ""


def _roll_back(docket: Docket, release_id: str) -> None:
    release, current = docket.register.release(release_id), docket.register.current
    if release is None or release.state not in GOOD or release.order is None:
        docket.refuse(f"{release_id} is {'unknown' if release is None else release.state}, not a good release")
        return
    if current is not None and current.release_id == release_id:
        docket.refuse(f"{release_id} is the current release already")
        return
    docket.change(head=release.order)
    docket.settle()


def _retire(docket: Docket, release_id: str) -> None:
    release = docket.register.release(release_id)
    if release is None or (release.state not in (*GOOD, "expired") and release.held not in GOOD):
        docket.refuse(f"{release_id} is not a release that could be retired")
        return
    docket.move(release, "retired", held=None)
    docket.settle()


def _close(docket: Docket, incident_id: str, keyid: str, note: str | None) -> None:
    incidents = docket.register.incidents
    if all(known != incident_id for known, _ in incidents):
        docket.refuse("no incident of that id is open")
        return
    docket.change(incidents=tuple(item for item in incidents if item[0] != incident_id))
    docket.tell(IncidentClosed, incident_id=incident_id, keyid=keyid, note=note)


def _withdraw(docket: Docket) -> None:
    """Candidates that wait may no longer be certified; what is certified stays until someone revokes it."""
    docket.change(access=False)
    for release in docket.register.releases:
        if "awaiting_approval" in (release.state, release.held) and release.dossier is not None:
            docket.move(release, "rejected", "access to the source was withdrawn", held=None)


def _run_ended(docket: Docket, run_id: str, outcome: str) -> None:
    """Whatever still comes of this run comes too late; what waits for an approval is rejected with it."""
    docket.change(ended=docket.register.ended.put(run_id, outcome))
    for release in docket.register.releases:
        if (
            "awaiting_approval" in (release.state, release.held)
            and release.dossier is not None
            and release.dossier.request.run_id == run_id
        ):
            docket.move(release, "rejected", f"its run ended: {outcome}", held=None)


def _check(docket: Docket, event: CheckFailed) -> None:
    """One incident a release, whatever else fails before its review: a change of the source breaks many metrics at
    once.
    """
    if event.gate == "privacy":
        _attacked(docket, event)
        return
    release, topic = docket.register.release(event.release_id), f"{event.release_id}/checks"
    if release is None or release.state not in GOOD or _is_open(docket, topic):
        return
    said = event.said or f"{event.metric} no longer holds on fresh rows: {event.value:.4g}, limit {event.limit:.4g}"
    docket.incident("low", said, event.release_id, topic=topic)


def _attacked(docket: Docket, event: CheckFailed) -> None:
    """An attack on a good release succeeded: it is frozen until a person decides, and an older one stands in for it.

    What a status says of it names no figure: every tier reads that.
    """
    release, topic = docket.register.release(event.release_id), f"{event.release_id}/attacks"
    if release is None or (release.state not in GOOD and release.held not in GOOD):
        return
    restored, was = None, docket.register.current
    if release.state in GOOD:
        docket.move(release, "frozen", f"an attack succeeded: {event.metric}", held=release.state)
        restored = docket.settle() if was is not None and was.release_id == release.release_id else None
    if not _is_open(docket, topic):
        said = event.said or f"an attack succeeded: {event.metric} is {event.value:.4g}, limit {event.limit:.4g}"
        docket.incident(
            "high",
            f"{event.release_id} is frozen: {said}{_relatives(docket.register, release)}",
            event.release_id,
            None if restored is None else restored.release_id,
            topic=topic,
        )


def _is_open(docket: Docket, topic: str) -> bool:
    return any(known == topic for _, known in docket.register.incidents)


def _incident(docket: Docket, incident_id: str) -> None:
    """Planner or monitor opened and published it; from here on a review can close it."""
    if all(known != incident_id for known, _ in docket.register.incidents):
        docket.change(incidents=(*docket.register.incidents, (incident_id, None)))


def _tick(docket: Docket) -> None:
    """Releases expire; and whatever happened, consumers get a fresh status."""
    docket.heartbeat = True
    for release in docket.register.releases:
        if (
            (release.state in GOOD or release.held in GOOD)
            and release.expires_at is not None
            and release.expires_at <= docket.register.now
        ):
            docket.move(release, "expired", held=None)
    docket.settle()
