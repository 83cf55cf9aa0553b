"""One run, from request to candidate: the dossier that travels along and grows by each station's finding."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from schemas.contract import Contract
from schemas.events.base import DatasetEvent
from schemas.events.commands import Where
from schemas.events.sources import SourceRef
from schemas.finding import Finding, GateReport
from schemas.mechanism import Mechanism
from schemas.model import Digest, Epsilon, Model, Name, ReleaseId, RunId
from schemas.regeneration import Origin
from schemas.sampling import SamplingReport

Station = Literal["drift", "planner", "ledger", "trainer", "privacy", "utility", "registry", "monitor"]


class ArtefactRef(Model):
    """An encrypted artefact: ``sha256`` and ``size`` are the plaintext's, ``ciphertext_sha256`` the stored bytes'."""

    artefact_id: ReleaseId
    name: str
    media_type: str
    sha256: Digest
    size: Annotated[int, Field(ge=0)]
    ciphertext_sha256: Digest
    uri: str


class GenerationRequest(Model):
    """What one attempt of a run may do; contract and thresholds are pinned here, before a row is read.

    ``reuse`` names the fitted model to sample again, which spends nothing; then ``mechanisms`` (the grant) is empty
    and ``earned`` are the mechanisms that the model was fitted with. ``trigger`` says in words what started the run,
    ``origin`` of which kind that was. ``prior`` is the model of an earlier certified release under the same contract,
    which this one goes on from: it is paid for already, and only what drifted is measured again.
    """

    run_id: RunId
    attempt: Annotated[int, Field(ge=1)]
    release_id: ReleaseId
    dataset: Name
    contract: Contract
    contract_digest: Digest
    source: SourceRef
    family: Name
    why: str
    trigger: str
    origin: Origin | None = None
    parameters: dict[str, float] = Field(default_factory=dict)
    mechanisms: tuple[Mechanism, ...] = ()
    reuse: ArtefactRef | None = None
    earned: tuple[Mechanism, ...] = ()
    rows: int | None = None
    where: tuple[Where, ...] = ()
    prior: Annotated[ArtefactRef | None, Field(exclude_if=lambda given: given is None)] = None

    @property
    def conditioned(self) -> tuple[str, ...]:
        """The columns whose shares the run or the contract fixes: no real rows need to match these."""
        asked = [where.column for where in self.where]
        return tuple(dict.fromkeys([*asked, *self.contract.policy.generation.balanced]))


class TrainingReport(Model):
    """What the trainer did: the mechanisms that really ran, the rows used, and where the artefacts lie.

    ``sampling`` tells what was done to what the generator draws, where the contract or the run asks for anything.
    ``basis``: whether the fit read rows, or the drift station's counts of them and no row.
    """

    data: ArtefactRef
    model: ArtefactRef
    mechanisms: tuple[Mechanism, ...]
    family: Name
    rows: int
    train_rows: int
    seconds: float
    sampling: SamplingReport | None = None
    basis: Annotated[Literal["rows", "counts"], Field(exclude_if=lambda given: given == "rows")] = "rows"


class Dossier(Model):
    """A candidate so far."""

    request: GenerationRequest
    epsilon_after: Epsilon | None = None
    training: TrainingReport | None = None
    schema_report: GateReport | None = None
    policy: GateReport | None = None
    privacy: GateReport | None = None
    utility: GateReport | None = None

    @property
    def reports(self) -> tuple[GateReport, ...]:
        """What the gates have said so far, in their order."""
        reports = (self.schema_report, self.policy, self.privacy, self.utility)
        return tuple(report for report in reports if report is not None)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for report in self.reports for finding in report.findings)

    def without_reports(self) -> Self:
        """The same candidate, as if no gate had spoken."""
        return self.model_copy(update={"schema_report": None, "policy": None, "privacy": None, "utility": None})


class GenerationRequested(DatasetEvent):
    """A run with a valid grant: the trainer may read the source now."""

    type: ClassVar[str] = "io.perennial.generation.requested.v1"
    dataset: Name
    dossier: Dossier


class CandidateTrained(DatasetEvent):
    """A generator was fitted and sampled; nobody has judged the table yet."""

    type: ClassVar[str] = "io.perennial.candidate.trained.v1"
    dataset: Name
    dossier: Dossier


class CandidatePrivate(DatasetEvent):
    """The candidate passed the schema and privacy gates."""

    type: ClassVar[str] = "io.perennial.candidate.private.v1"
    dataset: Name
    dossier: Dossier


class CandidateCleared(DatasetEvent):
    """The candidate passed every gate."""

    type: ClassVar[str] = "io.perennial.candidate.cleared.v1"
    dataset: Name
    dossier: Dossier


class CandidateRejected(DatasetEvent):
    """A station refused the candidate, or could not make one; ``reasons`` are for people and hold no cell value."""

    type: ClassVar[str] = "io.perennial.candidate.rejected.v1"
    dataset: Name
    dossier: Dossier
    station: Station
    verdict: Literal["FAIL", "INSUFFICIENT", "INVALID"]
    reasons: tuple[str, ...]


class RunProgressed(DatasetEvent):
    """For people who watch a run. ``step`` ``of`` so many of the phase that ``message`` names; the epsilon that the fit
    has spent so far; seconds left and the processor seconds of the whole job, both estimated from what is done;
    ``estimated_cost`` of these at the deployment's price, where it has one.
    """

    type: ClassVar[str] = "io.perennial.run.progressed.v1"
    dataset: Name
    run_id: str
    station: Station
    fraction: Annotated[float, Field(ge=0, le=1)]
    message: str
    step: Annotated[int, Field(ge=0)] | None = None
    of: Annotated[int, Field(ge=1)] | None = None
    epsilon_so_far: Epsilon | None = None
    seconds_left: Annotated[float, Field(ge=0)] | None = None
    cpu_seconds: Annotated[float, Field(ge=0)] | None = None
    estimated_cost: str | None = None
