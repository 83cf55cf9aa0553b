"""The first look at a snapshot: a reference of all its rows, how many may be learnt from, what tells of the target."""

from pathlib import Path

import pandas as pd
import pytest

from generators.entities.units import split, units
from schemas.contract import Contract
from schemas.errors import InputError, InsufficientEvidence
from schemas.events.sources import SourceRef
from schemas.table import conform, encode_parquet
from stream_app.adapters.sources import digest_of
from stream_app.adapters.workplace import Workplace
from stream_app.agents.profiling import WATCHED, profile, target_model
from stream_app.core.drift.reference import build_reference
from tests.unit.stream_app.agents.lives import CONTRACT, rows
from tests.workplaces import workplace


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return workplace(tmp_path, tmp_path / "store")


def announced(folder: Path, frame: pd.DataFrame) -> SourceRef:
    path = folder / "snapshot.parquet"
    path.write_bytes(encode_parquet(frame))
    return SourceRef(uri=path.as_uri(), sha256=digest_of(path.as_uri()), format="parquet")


def said(_: float, __: str) -> None:
    """Progress that nobody follows."""


def test_the_profile_is_that_of_all_rows(place: Workplace, tmp_path: Path) -> None:
    frame, steps = rows(3_000, 1), list[float]()
    found = profile(place, CONTRACT, announced(tmp_path, frame), lambda share, _: steps.append(share))
    table = conform(frame, CONTRACT, roles=WATCHED).table
    assert found.reference.to_json() == build_reference(table, CONTRACT).to_json()
    train = split(units(table, CONTRACT), place.secret("split"), CONTRACT.policy.split) == 0
    assert (found.rows, found.train_rows) == (3_000, int(train.sum()))
    assert steps == sorted(steps)
    assert found.concept is not None
    told = dict(found.told)
    assert max(told, key=lambda name: told[name] if name != "late" else -1) == "size"


def test_the_same_snapshot_gives_the_same_profile(place: Workplace, tmp_path: Path) -> None:
    source = announced(tmp_path, rows(2_000, 2))
    one, other = (profile(place, CONTRACT, source, said) for _ in range(2))
    assert one.reference.digest == other.reference.digest
    assert one.concept is not None
    assert other.concept is not None
    assert one.concept.to_document() == other.concept.to_document()
    assert (one.rows, one.train_rows, one.told) == (other.rows, other.train_rows, other.told)


def test_bytes_that_were_not_announced_are_refused(place: Workplace, tmp_path: Path) -> None:
    source = announced(tmp_path, rows(2_000, 3))
    announced(tmp_path, rows(2_000, 4))
    with pytest.raises(InputError, match="announce"):
        profile(place, CONTRACT, source, said)


def test_too_short_a_snapshot_is_refused(place: Workplace, tmp_path: Path) -> None:
    with pytest.raises(InsufficientEvidence):
        profile(place, CONTRACT, announced(tmp_path, rows(100, 5)), said)


def without_target() -> Contract:
    return CONTRACT.model_copy(update={"policy": CONTRACT.policy.model_copy(update={"target": None})})


def test_without_a_target_there_is_no_model_of_one() -> None:
    contract = without_target()
    table = conform(rows(2_000, 6), contract, roles=WATCHED).table
    assert target_model(build_reference(table, contract), table, contract) == (None, ())


def test_a_target_that_nothing_can_be_learnt_of_has_no_model() -> None:
    table = conform(rows(2_000, 7).assign(late=True), CONTRACT, roles=WATCHED).table
    concept, told = target_model(build_reference(table, CONTRACT), table, CONTRACT)
    assert concept is None
    assert [name for name, _ in told] == ["size", "weight", "kind", "late"]
