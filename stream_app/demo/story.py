"""The demo's story, step by step: everything it says was read from the topics that any consumer can read."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from schemas.errors import PerennialError
from schemas.events import Event
from schemas.events.budget import SpendReserved
from schemas.events.runs import Dossier
from schemas.odcs import read_contract
from stream_app.adapters.announcing import batches_of, snapshot_of
from stream_app.adapters.ledger_file import audit_file, export_ledger
from stream_app.catalogue.report import report
from stream_app.client import Release
from stream_app.demo import listening
from stream_app.demo.cast import Cast, hear
from stream_app.demo.observer import Observer
from stream_app.demo.proof import verify_by_hand
from stream_app.demo.stage import DemoFailed, Stage
from stream_app.demo.tale import Tale
from stream_app.settings import Settings

T = TypeVar("T")
BATCH = 500
PAUSE_S = 0.1
"""After two batches: about as fast as one worker watches, so that little is sent after the window is sealed."""


class Story:
    """One telling. ``result`` becomes ``demo.json``."""

    def __init__(
        self, tale: Tale, out: Path, stage: Stage, settings: Settings, observer: Observer, result: dict[str, object]
    ) -> None:
        self._tale, self._out, self._stage, self._settings = tale, out, stage, settings
        self._observer, self._result = observer, result
        self._cast = Cast(tale.dataset, settings, out)

    async def tell(self) -> None:
        """All steps in order; raises ``DemoFailed`` with the reason where one does not come to its end."""
        try:
            await self._snapshot()
            await self._certificate(await self._training())
            await self._drift()
            await self._leak()
            await self._revocation()
            await self._ending()
        finally:
            self._cast.close()

    async def _snapshot(self) -> None:
        stage, tale = self._stage, self._tale
        title = "A contract is registered, a snapshot announced, a profile taken, a generator chosen"
        with stage.step("snapshot", title) as found:
            stage.say(tale.about)
            contract = read_contract(tale.contract.read_text(encoding="utf-8"))
            self._cast.order("owner", command="apply_contract", contract=contract.document())
            applied = (await self._until(listening.contract_applied, "the contract", 30)).contract
            privacy = applied.policy.privacy
            stage.say(
                f"contract {applied.version} in force: {len(applied.modelled)} columns, unit {_unit(privacy.unit)},"
            )
            stage.say(f"epsilon {privacy.epsilon} a release, cap {privacy.cap_epsilon} at delta {privacy.delta:g}")
            announced = snapshot_of(tale.dataset, str(tale.snapshot), *(tale.span or (None, None)))
            self._cast.send("source.snapshots", announced)
            self._cast.flush()
            span = f", {tale.span[0]} to {tale.span[1]}" if tale.span else ""
            stage.say(f"snapshot announced: {tale.snapshot_rows} rows, SHA-256 {announced.source.sha256[:16]}...{span}")
            with stage.waiting("the drift station takes the reference profile"):
                profile = await self._until(listening.profile_taken, "the profile", 120)
            stage.say(f"profile taken over {profile.rows} rows; {profile.train_rows} are the train share,")
            stage.say("the others are held out from every generator, by one keyed hash of the privacy unit")
            request = await self._until(listening.run_granted, "the planner's request", 60)
            stage.say(f"generator chosen: {request.why}")
            found |= {"contract": str(tale.contract), "family": request.family}

    async def _training(self) -> str:
        with self._stage.step("training", "Budget is reserved, a generator trains, the gates judge") as found:
            self._stage.say(_ledger_line(await self._until(listening.spend_reserved, "the grant", 30)))
            release, dossier = await self._certified(0, found)
            self._stage.findings(dossier.findings)
        return release

    async def _certificate(self, release: str) -> None:
        stage = self._stage
        with stage.step("certificate", "The release is certified, and verified twice") as found:
            folder = self._cast.save(release, "first")
            stage.say(f"certified {release}; saved in {folder}")
            opened = self._cast.client("auditor").release(release)
            opened.verify()
            stage.say(f"the client verified it and opened {len(opened.open())} rows; offline the same is")
            certificate, data, key = (
                folder / name for name in ("certificate.intoto.json", "data.parquet", "service.pub")
            )
            stage.command(f"perennial verify {certificate} {data} --public-key {key}")
            stage.say("and with plain tools:")
            found |= await asyncio.to_thread(verify_by_hand, folder, stage)
            self._result.update(certificate=str(certificate), data=str(data), public_key=str(key))
            self._result["trust"] = str(self._settings.trust_file)

    async def _drift(self) -> None:
        stage, after = self._stage, self._observer.now()
        title = "The following rows stream in; drift is found; a regeneration follows"
        with stage.step("drift", title) as found:
            if self._tale.injected:
                stage.say(f"drift is injected: {self._tale.injected}")
            with stage.waiting("streaming"):
                sent = await self._stream(after)
            sign = await self._until(listening.drifted(sealed=False), "a sign of drift", 30, after)
            since = f" ({sign.since_time})" if sign.since_time else ""
            stage.say(
                f"{sent} rows streamed; drift found after {sign.row} rows: {sign.kind} of {', '.join(sign.columns)},"
            )
            stage.say(f"effect {sign.effect:.3f} ({sign.effect_unit}), since row {sign.since_row}{since}")
            sealed = await self._until(listening.drifted(sealed=True), "a window of the new rows", 60, after)
            rows = sealed.window.rows if sealed.window else 0
            stage.say(f"the {rows} rows since then are sealed as a window, and the planner regenerates from it")
            found |= {"row": sign.row, "since_row": sign.since_row, "kind": sign.kind, "columns": list(sign.columns)}
            found |= {"effect": sign.effect, "effect_unit": sign.effect_unit, "injected": self._tale.injected}
            release, dossier = await self._certified(after, found)
            stage.verdicts(dossier.findings)
            stage.say(f"certified {release} from the live window: {self._cast.save(release, 'after-drift')}")

    async def _leak(self) -> None:
        stage, after = self._stage, self._observer.now()
        title = "A deliberately leaking generator is tried; the privacy gate refuses it; the planner climbs its ladder"
        with stage.step("leak", title) as found:
            self._cast.order("operator", command="start_run", family="leaking-control")
            with stage.waiting("the leaking control trains"):
                refused = await self._until(listening.rejected, "a refusal", 120, after)
            if refused.dossier.request.family != "leaking-control":
                raise DemoFailed("another candidate was refused than the leaking one")
            stage.say(f"refused by the {refused.station} gate: {'; '.join(refused.reasons)}")
            found["refused"] = list(refused.reasons)
            release, dossier = await self._certified(after, found, refused.dossier.request.run_id)
            stage.say(f"attempt {dossier.request.attempt}: {dossier.request.why}")
            stage.verdicts(dossier.findings)
            stage.say(f"certified {release}; the refused attempt stays spent: epsilon {dossier.epsilon_after} by now")

    async def _revocation(self) -> None:
        stage, after = self._stage, self._observer.now()
        title = "A responder revokes the release; a consumer is told; the last good one is restored"
        with stage.step("revocation", title) as found:
            client = self._cast.client("team")
            release = client.current()
            stage.say(f"a consumer holds {release.release_id} and opened {len(release.open())} rows of it")
            listening_task = asyncio.create_task(asyncio.to_thread(hear, client, release.release_id))
            await asyncio.sleep(0.5)
            began = time.monotonic()
            self._cast.order("responder", command="revoke", release_id=release.release_id, reason="privacy")
            seconds = await asyncio.wait_for(listening_task, 30) - began
            stage.say(f"revoked; the consumer was told {seconds * 1000:.0f} ms after the command")
            opened = await self._until(listening.incident, "the incident", 30, after)
            stage.say(f"incident {opened.incident_id}: {opened.summary}")
            self._refuses(release)
            restored = client.current()
            stage.say(f"restored: {restored.release_id} is current again, {len(restored.open())} rows open")
            found |= {"revoked": release.release_id, "restored": restored.release_id}
            found["notice_seconds"] = round(seconds, 4)

    def _refuses(self, release: Release) -> None:
        try:
            release.open()
        except PerennialError as error:
            self._stage.say(f"{release.release_id} refuses to open: {error}")
            return
        raise DemoFailed("a revoked release opened")

    async def _ending(self) -> None:
        stage, out, result = self._stage, self._out, self._result
        with stage.step("ending", "Where to look") as found:
            ledger = out / "ledger.jsonl"
            await asyncio.to_thread(export_ledger, self._settings.bootstrap, ledger)
            audit = await asyncio.to_thread(audit_file, ledger)
            if not audit.ok:
                raise DemoFailed("the ledger does not agree with its log")
            for scope in audit.scopes:
                stage.say(
                    f"ledger re-added from its log: {scope.scope} stands at epsilon {scope.epsilon} of "
                    f"{scope.cap_epsilon} after {scope.grants} grants"
                )
            self._write_report()
            result["ledger"] = str(ledger)
            found["ledger_ok"] = True
            stage.say(f"everything stays in {out}: releases/ (data, certificates, verify.sh), report.md, ledger.jsonl,")
            stage.say("demo.json, home/ (keys, vault, store), input/ (contract, snapshot, stream). Try:")
            stage.command(f"perennial ledger verify {ledger}")
            stage.command(f"sh {out}/releases/first/verify.sh")
            stage.command(
                f"perennial drift backtest --reference {self._tale.snapshot} --stream {self._tale.stream} "
                f"--contract {self._tale.contract}"
            )
            stage.command("perennial up    # the same on an Apache Kafka of your own")

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
            self._cast.send("source.records", event)
            sent += event.rows
            if sent % (2 * BATCH) == 0:
                await asyncio.to_thread(self._cast.flush)
                found = (
                    "; drift found, gathering new rows" if self._seen(listening.drifted(sealed=False), after) else ""
                )
                self._stage.progress(f"{sent} of {self._tale.stream_rows} rows streamed{found}")
                await asyncio.sleep(PAUSE_S)
                if self._seen(listening.drifted(sealed=True), after):
                    break
        await asyncio.to_thread(self._cast.flush)
        return sent

    def _seen(self, wanted: Callable[[Event], object | None], after: int) -> bool:
        return any(wanted(seen.event) is not None for seen in self._observer.seen[after:])

    async def _certified(self, after: int, found: dict[str, Any], run_id: str = "") -> tuple[str, Dossier]:
        """Wait for a certificate (of that run); a rejection of every attempt ends the demo with its reasons."""
        with self._stage.waiting("training and judging"):
            release = (await self._until(listening.certified(run_id), "a certificate", 300, after)).release_id
        dossier = self._observer.catalogue.dossiers[release][1]
        training = dossier.training
        if training is not None:
            self._stage.say(
                f"{training.family} fitted on {training.train_rows} rows in {training.seconds:.1f} s, "
                f"{len(training.mechanisms)} noisy measurements, {training.rows} synthetic rows"
            )
        found |= {"release": release, "epsilon_after": dossier.epsilon_after, "attempt": dossier.request.attempt}
        return release, dossier

    async def _until(self, wanted: Callable[[Event], T | None], what: str, seconds: float, after: int = 0) -> T:
        return await self._observer.until(wanted, what, seconds, after)


def _unit(unit: Any) -> str:
    return f"one {unit.column} with at most {unit.max_rows} rows" if unit.kind == "entity" else "one row"


def _ledger_line(line: SpendReserved) -> str:
    return (
        f"ledger {line.scope}#{line.sequence}: epsilon {line.epsilon_before} -> {line.epsilon_after} of "
        f"{line.cap_epsilon} at delta {line.delta:g}, after line {(line.previous or 'none')[:16]}"
    )
