"""The demo's story, step by step: everything it says was read from the topics that any consumer can read."""

import asyncio
import secrets
import shutil
import time
from pathlib import Path
from typing import Any

from schemas.errors import PerennialError
from schemas.events import Event
from schemas.events.budget import SpendRefused, SpendReserved
from schemas.events.commands import read_command
from schemas.events.plans import ContractApplied, TriggerDismissed
from schemas.events.releases import IncidentOpened, ReleaseCertified
from schemas.events.runs import CandidateRejected, CandidateTrained, Dossier, GenerationRequested
from schemas.events.sources import DriftDetected, ProfileTaken
from schemas.odcs import read_contract
from stream_app.adapters.announcing import batches_of, snapshot_of
from stream_app.adapters.publisher import Publisher
from stream_app.adapters.workplace import Workplace
from stream_app.catalogue.report import report
from stream_app.client import Client, LocalLeases, Release
from stream_app.demo.observer import Observer
from stream_app.demo.proof import verify_by_hand
from stream_app.demo.stage import DemoFailed, Stage
from stream_app.demo.tale import Tale
from stream_app.settings import Settings
from stream_app.signing.commands import sign_command
from stream_app.signing.deployment import load_trust
from stream_app.signing.keys import load_secret

LIFETIME_MS = 3_600_000
BATCH = 500


class Story:
    """One telling. ``result`` becomes ``demo.json``."""

    def __init__(
        self, tale: Tale, out: Path, stage: Stage, settings: Settings, observer: Observer, result: dict[str, object]
    ) -> None:
        self._tale, self._out, self._stage, self._settings, self._observer, self._result = (
            tale,
            out,
            stage,
            settings,
            observer,
            result,
        )
        self._publisher = Publisher(settings.bootstrap, "/demo")
        self._contract = read_contract(tale.contract.read_text(encoding="utf-8"))

    async def tell(self) -> None:
        """All steps in order; raises ``DemoFailed`` with the reason where one does not come to its end."""
        try:
            await self._contract_and_snapshot()
            first = await self._first_release()
            await self._verified(first)
            await self._drift()
            await self._leak()
            await self._revocation()
            await self._ending()
        finally:
            self._publisher.close()

    async def _contract_and_snapshot(self) -> None:
        stage, tale = self._stage, self._tale
        with stage.step(
            "snapshot", "A contract is registered, a snapshot announced, a profile taken, a generator chosen"
        ) as found:
            stage.say(tale.about)
            self._order("owner", command="apply_contract", contract=self._contract.document())
            applied, _ = await self._until(
                lambda event: event if isinstance(event, ContractApplied) else None, "the contract", 30
            )
            privacy = applied.contract.policy.privacy
            stage.say(
                f"contract {applied.contract.version} in force: {len(applied.contract.modelled)} columns, unit {_unit(privacy.unit)}, "
                f"epsilon {privacy.epsilon} a release, cap {privacy.cap_epsilon} at delta {privacy.delta:g}"
            )
            announced = snapshot_of(tale.dataset, str(tale.snapshot), *(tale.span or (None, None)))
            self._publisher.send("source.snapshots", announced)
            self._publisher.flush()
            stage.say(
                f"snapshot announced: {tale.snapshot_rows} rows, SHA-256 {announced.source.sha256[:16]}..."
                + (f", {tale.span[0]} to {tale.span[1]}" if tale.span else "")
            )
            with stage.waiting("the drift station takes the reference profile"):
                profile, _ = await self._until(
                    lambda event: event if isinstance(event, ProfileTaken) else None, "the profile", 120
                )
            stage.say(
                f"profile taken over {profile.rows} rows; the train share has {profile.train_rows}, the rest no generator ever sees"
            )
            request = await self._request(0)
            stage.say(f"generator chosen: {request.family}: {request.why}")
            found |= {"contract": str(tale.contract), "family": request.family}

    async def _first_release(self) -> str:
        stage = self._stage
        with stage.step("training", "Budget is reserved, a generator trains, the gates judge") as found:
            reserved, _ = await self._until(self._reserved, "the grant", 30)
            stage.say(_ledger_line(reserved))
            release, dossier = await self._candidate(0, found)
            self._show(dossier)
        return release

    async def _verified(self, release: str) -> None:
        stage = self._stage
        with stage.step("certificate", "The release is certified, and verified twice") as found:
            folder = self._save(release, "first")
            stage.say(f"certified {release}; saved in {folder}")
            opened = self._client("auditor").release(release)
            opened.verify()
            stage.say(f"the client verified it and opened {len(opened.open())} rows")
            verified = [
                f"perennial verify {folder / 'certificate.intoto.json'} {folder / 'data.parquet'} --public-key {folder / 'service.pub'}"
            ]
            stage.command(verified[0])
            stage.say("and with plain tools:")
            found |= await asyncio.to_thread(verify_by_hand, folder, stage)
            self._result.update(
                certificate=str(folder / "certificate.intoto.json"),
                data=str(folder / "data.parquet"),
                public_key=str(folder / "service.pub"),
                trust=str(self._settings.trust_file),
            )

    async def _drift(self) -> None:
        stage, after = self._stage, self._observer.now()
        with stage.step("drift", "The following rows stream in; drift is found; a regeneration follows") as found:
            if self._tale.injected:
                stage.say(f"drift is injected: {self._tale.injected}")
            with stage.waiting("streaming"):
                sent = await self._stream(after)
            sign, _ = await self._until(self._drifted(window=False), "a sign of drift", 30, after)
            stage.say(
                f"{sent} rows streamed. Drift found after {sign.row} rows: {sign.kind} of {', '.join(sign.columns)}, effect {sign.effect:.3f} "
                f"({sign.effect_unit}), since row {sign.since_row}{f' ({sign.since_time})' if sign.since_time else ''}"
            )
            window, _ = await self._until(self._drifted(window=True), "a window of the new rows", 60, after)
            assert window.window is not None
            stage.say(
                f"the {window.window.rows} rows since then are sealed as a window, and the planner regenerates from it"
            )
            found |= {
                "row": sign.row,
                "since_row": sign.since_row,
                "kind": sign.kind,
                "columns": list(sign.columns),
                "effect": sign.effect,
            }
            release, dossier = await self._candidate(after, found)
            self._show(dossier)
            stage.say(f"certified {release} from the live window")
            self._save(release, "after-drift")

    async def _leak(self) -> None:
        stage, after = self._stage, self._observer.now()
        with stage.step(
            "leak",
            "A deliberately leaking generator is tried; the privacy gate refuses it; the planner climbs its ladder",
        ) as found:
            self._order("operator", command="start_run", family="leaking_control")
            with stage.waiting("the leaking control trains"):
                refused, _ = await self._until(
                    lambda event: event if isinstance(event, CandidateRejected) else None, "a refusal", 120, after
                )
            if refused.dossier.request.family != "leaking_control":
                raise DemoFailed("another candidate was refused than the leaking one")
            stage.say(f"refused by the {refused.station} gate: {'; '.join(refused.reasons)}")
            found["refused"] = list(refused.reasons)
            release, dossier = await self._candidate(after, found, attempt=2)
            stage.say(f"attempt 2: {dossier.request.family}: {dossier.request.why}")
            self._show(dossier)
            stage.say(
                f"certified {release}; the refused attempt is spent all the same: epsilon {dossier.epsilon_after} of the scope's cap"
            )

    async def _revocation(self) -> None:
        stage = self._stage
        with stage.step(
            "revocation", "A responder revokes the release; a consumer is told; the last good one is restored"
        ) as found:
            client = self._client("team")
            release = client.current()
            stage.say(f"a consumer holds {release.release_id} and opened {len(release.open())} rows of it")
            after, began = self._observer.now(), time.monotonic()
            listening = asyncio.create_task(asyncio.to_thread(_hear, client, release.release_id))
            await asyncio.sleep(0.5)
            began = time.monotonic()
            self._order("responder", command="revoke", release_id=release.release_id, reason="privacy", comment="demo")
            heard = await asyncio.wait_for(listening, 30)
            seconds = heard - began
            stage.say(f"revoked; the consumer was told {seconds * 1000:.0f} ms after the command")
            incident, _ = await self._until(
                lambda event: event if isinstance(event, IncidentOpened) else None, "the incident", 30, after
            )
            stage.say(f"incident {incident.incident_id}: {incident.summary}")
            self._refuses(release)
            restored = client.current()
            stage.say(f"restored: {restored.release_id} is current again, {len(restored.open())} rows open")
            found |= {
                "revoked": release.release_id,
                "restored": restored.release_id,
                "notice_seconds": round(seconds, 4),
            }

    def _refuses(self, release: Release) -> None:
        try:
            release.open()
        except PerennialError as error:
            self._stage.say(f"{release.release_id} refuses to open: {error}")
            return
        raise DemoFailed("a revoked release opened")

    async def _ending(self) -> None:
        from stream_app.adapters.ledger_file import audit_file, export_ledger

        stage, out = self._stage, self._out
        with stage.step("ending", "Where to look") as found:
            ledger = out / "ledger.jsonl"
            await asyncio.to_thread(export_ledger, self._settings.bootstrap, ledger)
            audit = await asyncio.to_thread(audit_file, ledger)
            if not audit.ok:
                raise DemoFailed("the ledger does not agree with its log")
            stage.say(
                "the ledger was re-added from its log and agrees: "
                + "; ".join(
                    f"{scope.scope} stands at epsilon {scope.epsilon} of {scope.cap_epsilon} after {scope.grants} grants"
                    for scope in audit.scopes
                )
            )
            self._write_report()
            self._result["ledger"] = str(ledger)
            found["ledger_ok"] = True
            stage.say(
                f"everything stays in {out}: releases/ (data, certificates, verify.sh), report.md, ledger.jsonl, demo.json, home/keys"
            )
            for command in (
                f"perennial ledger verify {ledger}",
                f"{out}/releases/first/verify.sh",
                f"perennial verify {self._result['certificate']} {self._result['data']} --public-key {self._result['public_key']}",
                f"perennial evaluate --real {self._tale.snapshot} --holdout {self._tale.stream} --synthetic {self._result['data']} "
                f"--contract {self._tale.contract}",
                "perennial up          # Apache Kafka instead of the embedded broker",
            ):
                stage.command(command)

    def _write_report(self) -> None:
        view = self._observer.catalogue
        parts = [
            report(dossier, view.statement(name) if name in view.certificates else None)
            for name, (_, dossier) in view.dossiers.items()
        ]
        (self._out / "report.md").write_text("\n\n".join(parts), encoding="utf-8")

    async def _stream(self, after: int) -> int:
        """Send the stream in small batches until a window of new rows was sealed, or it ends; returns the rows sent."""
        sent = 0
        for event in batches_of(self._tale.dataset, str(self._tale.stream), BATCH):
            self._publisher.send("source.records", event)
            sent += event.rows
            if sent % (10 * BATCH) == 0:
                await asyncio.to_thread(self._publisher.flush)
                self._stage.progress(f"{sent} of {self._tale.stream_rows} rows streamed{self._found_so_far(after)}")
                await asyncio.sleep(0.05)
                if self._seen(self._drifted(window=True), after):
                    break
        await asyncio.to_thread(self._publisher.flush)
        return sent

    def _found_so_far(self, after: int) -> str:
        return "; drift found, gathering new rows" if self._seen(self._drifted(window=False), after) else ""

    def _seen(self, wanted: Any, after: int) -> bool:
        return any(wanted(seen.event) is not None for seen in self._observer.seen[after:])

    def _drifted(self, *, window: bool) -> Any:
        def wanted(event: Event) -> DriftDetected | None:
            return event if isinstance(event, DriftDetected) and (event.window is not None) == window else None

        return wanted

    async def _request(self, after: int) -> Any:
        def wanted(event: Event) -> Any:
            _no_grant(event)
            return event.dossier.request if isinstance(event, GenerationRequested) else None

        return (await self._until(wanted, "the planner's request", 60, after))[0]

    async def _candidate(self, after: int, found: dict[str, Any], attempt: int = 1) -> tuple[str, Dossier]:
        """Wait for a certificate; a rejection of every attempt ends the demo with its reasons."""
        with self._stage.waiting("training and judging"):
            trained, _ = await self._until(
                lambda event: (
                    event if isinstance(event, CandidateTrained) and event.dossier.request.attempt >= attempt else None
                ),
                "a trained candidate",
                300,
                after,
            )
            certified, seen = await self._until(_certified_or_over, "a certificate", 300, after)
        dossier = self._observer.catalogue.dossiers[certified.release_id][1]
        training = dossier.training or trained.dossier.training
        assert training is not None
        self._stage.say(
            f"{training.family} fitted on {training.train_rows} rows in {training.seconds:.1f} s: {len(training.mechanisms)} noisy "
            f"measurements; {training.rows} synthetic rows"
        )
        found |= {"release": certified.release_id, "epsilon_after": dossier.epsilon_after}
        del seen
        return certified.release_id, dossier

    def _show(self, dossier: Dossier) -> None:
        self._stage.findings(dossier.findings)

    def _reserved(self, event: Event) -> SpendReserved | None:
        _no_grant(event)
        return event if isinstance(event, SpendReserved) else None

    def _save(self, release: str, name: str) -> Path:
        folder = self._out / "releases" / name
        folder.mkdir(parents=True, exist_ok=True)
        opened = self._client("auditor").release(release)
        opened.save(folder / "data.parquet")
        (folder / "certificate.intoto.json").write_bytes(opened.certificate.file)
        shutil.copy(self._settings.home / "keys" / "service.pub", folder / "service.pub")
        return folder

    def _client(self, name: str) -> Client:
        workplace = Workplace(self._settings.home, self._settings.store_uri)
        return Client(
            self._settings.bootstrap,
            self._tale.dataset,
            trust=load_trust(self._settings.trust_file),
            state_dir=self._out / "home" / name,
            leases=LocalLeases(workplace.vault),
            store=self._settings.store_uri,
        )

    def _order(self, role: str, **document: Any) -> None:
        """Sign a command with the role's key and send it."""
        now = int(time.time() * 1000)
        filled = {
            "dataset": self._tale.dataset,
            "audience": self._settings.deployment,
            "nonce": secrets.token_hex(16),
            "issued_at": now,
            "expires_at": now + LIFETIME_MS,
            **document,
        }
        key = load_secret(self._settings.home / "keys" / f"{role}.key")
        self._publisher.send("commands", sign_command(read_command(filled), key))
        self._publisher.flush()

    async def _until(self, wanted: Any, what: str, seconds: float, after: int = 0) -> Any:
        return await self._observer.until(wanted, what, seconds, after)


def _hear(client: Client, release_id: str) -> float:
    """When a subscribed consumer was told that the release is revoked (``time.monotonic``)."""
    for notice in client.subscribe():
        if notice.kind == "revoked" and notice.release_id == release_id:
            return time.monotonic()
    raise DemoFailed("the subscription ended without a notice")


def _certified_or_over(event: Event) -> ReleaseCertified | None:
    if isinstance(event, TriggerDismissed) and "attempt" in event.reason:
        raise DemoFailed(f"no release: {event.reason}")
    _no_grant(event)
    return event if isinstance(event, ReleaseCertified) else None


def _no_grant(event: Event) -> None:
    if isinstance(event, SpendRefused):
        raise DemoFailed(f"the ledger refused the budget: {event.reason}")
    if isinstance(event, TriggerDismissed) and ("formal claim" in event.reason or "no family" in event.reason):
        raise DemoFailed(f"no run: {event.reason}")


def _unit(unit: Any) -> str:
    return f"one {unit.column} with at most {unit.max_rows} rows" if unit.kind == "entity" else "one row"


def _ledger_line(line: SpendReserved) -> str:
    return (
        f"ledger {line.scope}#{line.sequence}: reserved {len(line.mechanisms)} mechanism(s), epsilon {line.epsilon_before} -> {line.epsilon_after} "
        f"of {line.cap_epsilon} at delta {line.delta:g}; line before: {(line.previous or 'none')[:16]}"
    )
