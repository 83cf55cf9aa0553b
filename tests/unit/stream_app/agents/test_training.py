"""The trainer shapes a release as the contract asks, says so in its report, and samples an unchanged model again."""

import io
from pathlib import Path

import pandas as pd
import pytest

from generators.live.counting import counted as counted_on
from generators.registry import installed
from schemas.contract import Contract, Privacy
from schemas.counts import public_layout
from schemas.errors import ContractError, InsufficientEvidence
from schemas.events.runs import Dossier, GenerationRequest, TrainingReport
from schemas.events.sources import SourceRef
from schemas.generation import Anonymity, Balance, FreeText, Generation, Parity, Share
from schemas.mechanism import Mechanism
from schemas.table import conform
from stream_app.adapters.sources import digest_of
from stream_app.adapters.workplace import Workplace
from stream_app.agents.choosing import FamilySelection
from stream_app.agents.training import train
from stream_app.core.certification import statement
from tests.events import dossier, request
from tests.unit.generators.sampling.invented import Invented, contract
from tests.workplaces import workplace

ROWS = 24_000
"""Enough that the noise, which is secret and differs from run to run, cannot hide the 1.3 % of frauds: some 150 of them
are fitted to, more than ten standard deviations of their count."""

SHAPED = Generation(
    balance=Balance(
        shares=(Share(column="fraud", value=1, share=0.2),),
        parity=(Parity(subgroup="sex", outcome="member", favourable=True, difference=0.02),),
    ),
    anonymity=Anonymity(k=5, l=2),
    free_text=(FreeText(column="note", handling="template", template="aged {age}"),),
)


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return workplace(tmp_path / "home", tmp_path / "store")


def asked(place: Workplace, pinned: Contract, **changes: object) -> GenerationRequest:
    path = place.home.parent / "rows.parquet"
    if not path.exists():
        Invented(contract()).sample(ROWS, 1).assign(note="a secret").to_parquet(path)
    source = SourceRef(uri=str(path), sha256=digest_of(str(path)), format="parquet", rows=ROWS)
    granted = FamilySelection().choose(pinned, ROWS // 2, None).mechanisms
    settings: dict[str, object] = {"family": "dp-marginals", "source": source, "mechanisms": granted, "rows": 1_000}
    return request(of=pinned, **(settings | changes))


def trained(place: Workplace, wanted: GenerationRequest) -> TrainingReport:
    done = train(place, Dossier(request=wanted), lambda *_, **__: None)
    assert isinstance(done, Dossier)
    assert done.training is not None
    return done.training


def rows(place: Workplace, training: TrainingReport) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(place.store.open(training.data)))


def test_a_release_is_shaped_and_the_report_says_how(place: Workplace) -> None:
    pinned = contract(SHAPED, text=True, quasi_identifiers=("sex", "age"))
    training = trained(place, asked(place, pinned))
    table, report = rows(place, training), training.sampling
    assert report is not None
    assert report.anonymity is not None
    missing = report.anonymity.suppressed - report.anonymity.replaced
    assert training.rows == report.rows == len(table) == 1_000 - missing
    assert table.groupby(["sex", "age"], dropna=False).size().min() >= 5
    assert 200 - missing <= int((table["fraud"] == 1).sum()) <= 200
    assert table["note"].str.startswith("aged ").all()
    assert report.parity[0].before > 0.1 > report.parity[0].after
    assert report.templated == ("note",)


def counted(place: Workplace, pinned: Contract) -> SourceRef:
    """A window that cannot be read, with the counts of its train rows."""
    table = conform(Invented(contract()).sample(4_000, 2), pinned).table
    counts = counted_on(table, public_layout(pinned))
    return SourceRef(
        uri="artefact:gone", sha256="a" * 64, format="sealed", rows=4_000, counts=place.seal_counts(counts, "w.counts")
    )


def test_a_fit_to_counts_reads_no_row_goes_on_from_its_prior_and_says_so(place: Workplace) -> None:
    pinned = contract(Generation(counts="public_bins"))
    first = trained(place, asked(place, pinned))
    assert first.basis == "rows"
    wanted = asked(place, pinned, source=counted(place, pinned), prior=first.model, release_id="flights.counted.1")
    second = trained(place, wanted)
    assert (second.basis, second.train_rows, second.rows) == ("counts", 4_000, 1_000)
    assert trained(place, wanted).data == second.data
    alone = trained(place, wanted.model_copy(update={"prior": None}))
    assert alone.model.sha256 != second.model.sha256
    stated = statement(dossier(wanted).model_copy(update={"training": second}), (), 0).document()
    assert wanted.source.counts is not None
    assert stated["predicate"]["counts_sha256"] == wanted.source.counts.sha256  # type: ignore[index]
    assert stated["predicate"]["prior_sha256"] == first.model.sha256  # type: ignore[index]
    assert TrainingReport.from_bytes(second.to_bytes()) == second


def test_a_family_that_needs_rows_reads_them_although_there_are_counts(place: Workplace) -> None:
    pinned = contract(Generation(counts="public_bins"))
    wanted = asked(place, pinned)
    source = wanted.source.model_copy(update={"counts": counted(place, pinned).counts})
    assert trained(place, wanted.model_copy(update={"source": source, "family": "aim"})).basis == "rows"


def test_counts_of_another_layout_are_refused(place: Workplace) -> None:
    pinned = contract(Generation(counts="public_bins"))
    layout = public_layout(contract(Generation(counts="public_bins"), unique=True))
    table = conform(Invented(contract(unique=True)).sample(500, 2), contract(unique=True)).table
    strange = place.seal_counts(counted_on(table, layout), "strange.counts")
    source = SourceRef(uri="artefact:gone", sha256="a" * 64, format="sealed", counts=strange)
    with pytest.raises(ContractError, match="not modelled: number"):
        trained(place, asked(place, pinned, source=source))


def test_the_certificate_carries_the_report(place: Workplace) -> None:
    pinned = contract(SHAPED, text=True, quasi_identifiers=("sex", "age"))
    wanted = asked(place, pinned)
    training = trained(place, wanted)
    stated = statement(dossier(wanted).model_copy(update={"training": training}), (), 0).document()
    assert stated["predicate"]["sampling"]["parity"][0]["subgroup"] == "sex"  # type: ignore[index]
    assert TrainingReport.from_bytes(training.to_bytes()) == training


def test_nothing_is_told_where_nothing_was_asked(place: Workplace) -> None:
    training = trained(place, asked(place, contract()))
    assert training.sampling is None
    assert "sampling" not in training.document()


def test_a_reused_model_is_shaped_too_and_spends_nothing(place: Workplace) -> None:
    pinned = contract(SHAPED, text=True, quasi_identifiers=("sex", "age"))
    first = trained(place, asked(place, pinned))
    nothing: tuple[Mechanism, ...] = ()
    reused = {"reuse": first.model, "earned": first.mechanisms, "mechanisms": nothing, "run_id": "flights.again"}
    again = trained(place, asked(place, pinned, **reused, release_id="flights.again.1"))
    assert (again.model, again.mechanisms, again.train_rows) == (first.model, first.mechanisms, 0)
    assert again.sampling is not None
    assert again.sampling.anonymity is not None
    assert list(rows(place, again)) == list(rows(place, first))
    assert not rows(place, again).equals(rows(place, first))


def test_a_run_s_shares_and_the_contract_s_count_as_conditioned(place: Workplace) -> None:
    pinned = contract(SHAPED, text=True, quasi_identifiers=("sex", "age"))
    wanted = asked(place, pinned, where=({"column": "race", "value": "a", "share": 0.5},))
    assert wanted.conditioned == ("race", "fraud", "sex", "member")


def test_a_family_that_learns_nothing_from_rows_needs_none(place: Workplace, tmp_path: Path) -> None:
    pinned, empirical = contract(), Privacy(scope="test", claim="empirical")
    pinned = pinned.model_copy(update={"policy": pinned.policy.model_copy(update={"privacy": empirical})})
    path = tmp_path / "none.parquet"
    Invented(contract()).sample(10, 1)[:0].to_parquet(path)
    source = SourceRef(uri=str(path), sha256=digest_of(str(path)), format="parquet", rows=0)
    with pytest.raises(InsufficientEvidence, match="has no rows"):
        trained(place, asked(place, pinned, source=source, mechanisms=(), family="trees"))
    if installed("simulation"):
        done = trained(place, asked(place, pinned, source=source, mechanisms=(), family="rules"))
        assert (done.rows, done.train_rows) == (1_000, 0)
