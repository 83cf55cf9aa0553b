"""Checkpoints: the newest text of a dataset, under this deployment's key only; anything else is no checkpoint."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import TransientError
from stream_app.adapters.checkpoints import Checkpoints
from stream_app.adapters.workplace import Workplace

TEXT = '{"rows": 1}' * 100


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(Workplace(tmp_path / "home", str(tmp_path / "store")))


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "store" / "checkpoints").iterdir())


def test_the_text_that_was_written_last_is_read(checkpoints: Checkpoints, tmp_path: Path) -> None:
    assert checkpoints.read("lives") is None
    for text in ("first", TEXT, "", "last ü"):
        checkpoints.write("lives", text)
        assert checkpoints.read("lives") == text
    assert len(files(tmp_path)) == 1


def test_datasets_do_not_share_a_checkpoint(checkpoints: Checkpoints, tmp_path: Path) -> None:
    checkpoints.write("lives", "of lives")
    checkpoints.write("deaths", "of deaths")
    assert (checkpoints.read("lives"), checkpoints.read("deaths")) == ("of lives", "of deaths")
    one, other = files(tmp_path)
    one.write_bytes(other.read_bytes())
    assert [checkpoints.read(name) is None for name in ("lives", "deaths")].count(True) == 1


def test_a_name_never_says_where_a_file_lies(checkpoints: Checkpoints, tmp_path: Path) -> None:
    for name in ("../../outside", "/etc/passwd", "a/b", "a\nb", "lives"):
        checkpoints.write(name, name)
    assert [checkpoints.read(name) for name in ("../../outside", "a\nb")] == ["../../outside", "a\nb"]
    assert len(files(tmp_path)) == 5
    assert {path.name for path in tmp_path.iterdir()} == {"home", "store"}


def test_another_deployment_cannot_read_it(checkpoints: Checkpoints, tmp_path: Path) -> None:
    checkpoints.write("lives", TEXT)
    other = Checkpoints(Workplace(tmp_path / "elsewhere", checkpoints.workplace.store_uri))
    assert other.read("lives") is None
    assert checkpoints.read("lives") == TEXT


def test_counts_are_not_readable_in_the_store(checkpoints: Checkpoints, tmp_path: Path) -> None:
    checkpoints.write("lives", TEXT)
    assert b"lives" not in files(tmp_path)[0].read_bytes()
    assert b"rows" not in files(tmp_path)[0].read_bytes()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_checkpoint_is_none(checkpoints: Checkpoints, tmp_path: Path, data: st.DataObject) -> None:
    checkpoints.write("lives", TEXT)
    (path,) = files(tmp_path)
    body = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(body) - 1))
    if data.draw(st.booleans()):
        body[place] ^= data.draw(st.integers(1, 255))
    else:
        del body[place:]
    path.write_bytes(bytes(body))
    assert checkpoints.read("lives") is None


def test_a_store_that_takes_nothing_is_a_transient_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file, no folder")
    checkpoints = Checkpoints(Workplace(tmp_path / "home", str(tmp_path / "store")))
    with pytest.raises(TransientError):
        checkpoints.write("lives", TEXT)
    assert checkpoints.read("lives") is None
