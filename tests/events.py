"""Documents and events as the tests of the decisions need them: a contract, dossiers that pass, accepted commands."""

import hashlib
from typing import Any

from schemas.accounting import gaussian_mu
from schemas.contract import Categories, Column, Contract, Policy, Privacy, Tier
from schemas.envelope import Envelope
from schemas.errors import InputError
from schemas.events import Event, derive_id
from schemas.events.commands import Command, CommandAccepted, read_command, target_of
from schemas.events.runs import (
    ArtefactRef,
    CandidateCleared,
    CandidateRejected,
    Dossier,
    GenerationRequest,
    TrainingReport,
)
from schemas.events.sources import DriftDetected, ProfileTaken, SourceRef
from schemas.finding import Finding, Gate, GateReport
from schemas.mechanism import Gaussian, Mechanism
from schemas.regeneration import Regeneration
from stream_app.core.entry import Entry
from stream_app.core.ladder import Choice

DAY = 86_400_000
HOUR = 3_600_000
NO_ENVELOPE = Envelope(payloadType="application/json", payload="", signatures=())


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def contract(
    dataset: str = "flights",
    *,
    version: str = "1.0.0",
    claim: str = "formal",
    scope: str = "pool",
    epsilon: str = "1",
    cap: str = "4",
    timing: str = "raw",
    confirmed: bool = True,
    approvals: tuple[str, ...] = (),
    tier: str = "internal",
    valid_days: int = 90,
    title: str | None = None,
    **regeneration: Any,
) -> Contract:
    privacy = Privacy.model_validate(
        {"claim": claim, "scope": scope, "epsilon": epsilon, "cap_epsilon": cap, "timing": timing}
    )
    columns = (Column(name="late", type="integer", domain=Categories(values=(0, 1), confirmed=confirmed)),)
    tiers = Tier.model_validate({"name": tier, "approvals": approvals, "valid_days": valid_days})
    policy = Policy(privacy=privacy, tier=tiers, regeneration=Regeneration(**({"debounce_rows": 100} | regeneration)))
    return Contract(dataset=dataset, version=version, title=title, columns=columns, policy=policy)


def source(name: str = "january", rows: int | None = 1000) -> SourceRef:
    return SourceRef(uri=f"file:///{name}.parquet", sha256=sha(name), format="parquet", rows=rows)


def noise(epsilon: float = 1.0) -> Gaussian:
    """One Gaussian mechanism that costs this epsilon at 1e-5."""
    return Gaussian(noise_multiplier=1 / gaussian_mu(epsilon, 1e-5))


def request(
    run_id: str = "flights.run", attempt: int = 1, *, of: Contract | None = None, **changes: Any
) -> GenerationRequest:
    pinned = of or contract()
    fields = {
        "run_id": run_id,
        "attempt": attempt,
        "release_id": f"{run_id}.{attempt}",
        "dataset": pinned.dataset,
        "contract": pinned,
        "contract_digest": pinned.digest(),
        "source": source(),
        "family": "private",
        "why": "a test",
        "trigger": "a test",
        "mechanisms": (noise(),),
    }
    return GenerationRequest.model_validate(fields | changes)


def artefact(name: str) -> ArtefactRef:
    return ArtefactRef(
        artefact_id=name,
        name=f"{name.rsplit('.', 1)[-1]}.bin",
        media_type="application/octet-stream",
        sha256=sha(name),
        size=10,
        ciphertext_sha256=sha(f"sealed {name}"),
        uri=f"file:///{name}",
    )


def report(gate: Gate, verdict: Any = "PASS") -> GateReport:
    finding = Finding(
        metric=f"{gate}_metric", gate=gate, value=0.5, interval=(0.4, 0.6), limit=0.7, verdict=verdict, support=100
    )
    return GateReport(gate=gate, findings=(finding,))


def dossier(asked: GenerationRequest | None = None, epsilon_after: str = "1", **changes: Any) -> Dossier:
    """A candidate that every gate passed."""
    asked = asked or request()
    mechanisms = asked.earned if asked.reuse else asked.mechanisms
    model = asked.reuse or artefact(f"{asked.release_id}.model")
    training = TrainingReport(
        data=artefact(f"{asked.release_id}.data"),
        model=model,
        mechanisms=mechanisms,
        family=asked.family,
        rows=asked.rows or 500,
        train_rows=500,
        seconds=1.0,
    )
    whole = Dossier(
        request=asked,
        epsilon_after=epsilon_after,
        training=training,
        schema_report=report("schema"),
        policy=report("policy"),
        privacy=report("privacy"),
        utility=report("utility"),
    )
    return whole.model_copy(update=changes)


def cleared(candidate: Dossier | None = None, event_id: str | None = None) -> CandidateCleared:
    candidate = candidate or dossier()
    return CandidateCleared(
        event_id=event_id or derive_id("cleared", candidate.request.release_id),
        dataset=candidate.request.dataset,
        dossier=candidate,
    )


def rejected(
    candidate: Dossier, station: Any = "privacy", reason: str = "copied rows", verdict: Any = "FAIL"
) -> CandidateRejected:
    return CandidateRejected(
        event_id=derive_id("rejected", candidate.request.release_id),
        dataset=candidate.request.dataset,
        dossier=candidate,
        station=station,
        verdict=verdict,
        reasons=(reason,),
    )


def profile(name: str = "january", dataset: str = "flights", digest: str | None = None) -> ProfileTaken:
    return ProfileTaken(
        event_id=derive_id("profile", name, digest or ""),
        dataset=dataset,
        source=source(name),
        contract_digest=digest or contract().digest(),
        rows=1000,
        train_rows=500,
    )


def drift(row: int = 5000, window: str | None = "window", dataset: str = "flights", **changes: Any) -> DriftDetected:
    fields = {
        "event_id": derive_id("drift", row, window or ""),
        "dataset": dataset,
        "kind": "marginal",
        "columns": ("late",),
        "effect": 0.2,
        "effect_unit": "total variation",
        "statistic": 9.0,
        "threshold": 5.0,
        "row": row,
        "since_row": row - 100,
        "detector": "blocks",
        "window": None if window is None else source(f"{window} {row}", 400),
    }
    return DriftDetected.model_validate(fields | changes)


def command(
    kind: str, *, role: str = "operator", keyid: str | None = None, nonce: str = "", **fields: Any
) -> CommandAccepted:
    """An accepted command; equal arguments make the same event, a nonce tells two alike apart."""
    if kind != "set_cap":
        fields.setdefault("dataset", "flights")
    document = {
        "command": kind,
        "audience": "test",
        "nonce": sha(nonce)[:32],
        "issued_at": 0,
        "expires_at": HOUR,
        **fields,
    }
    read: Command = read_command(document)
    name = derive_id(kind, role, keyid or role, nonce, read.digest())
    return CommandAccepted(
        event_id=name, target=target_of(read), command=read, keyid=keyid or role, role=role, envelope=NO_ENVELOPE
    )


class Log:
    """Entries of one partition as a test appends them."""

    def __init__(self, key: str = "flights", at: int = 1_000_000) -> None:
        self.key, self.at, self.entries = key, at, list[Entry]()

    def append(self, event: Event, after_ms: int = 1000, key: str | None = None) -> Entry:
        self.at += after_ms
        self.entries.append(Entry(event, key or self.key, self.at, len(self.entries)))
        return self.entries[-1]


class Selection:
    """Chooses a private family, then two others; a control family only where it is asked for."""

    def __init__(self, epsilon: float = 1.0, follows: bool = False) -> None:
        self.follows = follows
        self.costs: dict[str, tuple[Mechanism, ...]] = {
            "private": (noise(epsilon),),
            "second": (noise(epsilon / 2),),
            "third": (noise(epsilon / 2),),
            "leaking": (noise(epsilon),),
        }

    def choose(self, contract: Contract, rows: int, asked: str | None) -> Choice:
        if asked is not None and asked not in self.costs:
            raise InputError("no such family")
        return self._choice(contract, asked or "private", "asked for" if asked else "the default")

    def climb(
        self, contract: Contract, rows: int, tried: tuple[Choice, ...], reasons: tuple[str, ...]
    ) -> Choice | None:
        left = [name for name in ("private", "second", "third") if name not in {choice.family for choice in tried}]
        return self._choice(contract, left[0], "the ladder") if left else None

    def _choice(self, contract: Contract, name: str, why: str) -> Choice:
        formal = contract.policy.privacy.claim == "formal"
        return Choice(name, why, mechanisms=self.costs[name] if formal else (), follows=self.follows)
