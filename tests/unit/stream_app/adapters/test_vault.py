"""Data keys and noise seeds: the same again, never after destruction, safe among processes."""

import multiprocessing
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ArtefactError, BudgetError, InputError
from stream_app.adapters.vault import FileKeyVault, create_once, derive_seed


def test_the_same_artefact_has_the_same_key_and_another_another(tmp_path: Path) -> None:
    vault = FileKeyVault(tmp_path)
    assert vault.data_key("a") == vault.data_key("a") == FileKeyVault(tmp_path).existing_key("a")
    assert vault.data_key("a") != vault.data_key("b")
    assert len(vault.data_key("a")) == 32


def test_no_file_holds_a_data_key_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    vault = FileKeyVault(tmp_path)
    key = vault.data_key("a")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"kek", "a.key"}
    for path in files:
        assert key not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_destroyed_is_for_ever(tmp_path: Path) -> None:
    vault = FileKeyVault(tmp_path)
    vault.data_key("a")
    saved = (tmp_path / "keys" / "a.key").read_bytes()
    vault.destroy("a")
    vault.destroy("a")
    assert vault.is_destroyed("a")
    assert not (tmp_path / "keys" / "a.key").exists()
    for ask in (vault.data_key, vault.existing_key, FileKeyVault(tmp_path).data_key):
        with pytest.raises(ArtefactError, match="destroyed"):
            ask("a")
    (tmp_path / "keys" / "a.key").write_bytes(saved)
    with pytest.raises(ArtefactError, match="destroyed"):
        vault.existing_key("a")


def test_an_artefact_can_be_destroyed_before_it_was_made(tmp_path: Path) -> None:
    vault = FileKeyVault(tmp_path)
    vault.destroy("a")
    with pytest.raises(ArtefactError, match="destroyed"):
        vault.data_key("a")


def test_unknown_key(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="no key"):
        FileKeyVault(tmp_path).existing_key("a")


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".hidden", "A", "a" * 142, "a\n", "a\x00"])
def test_ids_that_could_name_another_file_are_refused(tmp_path: Path, name: str) -> None:
    for ask in (FileKeyVault(tmp_path).data_key, FileKeyVault(tmp_path).destroy):
        with pytest.raises(ArtefactError, match="artefact id"):
            ask(name)


def test_key_wrapped_for_another_artefact_is_refused(tmp_path: Path) -> None:
    vault = FileKeyVault(tmp_path)
    vault.data_key("a")
    vault.data_key("b")
    (tmp_path / "keys" / "a.key").write_bytes((tmp_path / "keys" / "b.key").read_bytes())
    with pytest.raises(ArtefactError, match="damaged"):
        vault.existing_key("a")


@pytest.mark.parametrize("body", [b"", b"x", bytes(72), bytes(10_000)])
def test_damaged_wrapped_key(tmp_path: Path, body: bytes) -> None:
    vault = FileKeyVault(tmp_path)
    vault.data_key("a")
    (tmp_path / "keys" / "a.key").write_bytes(body)
    with pytest.raises(ArtefactError, match="damaged"):
        vault.existing_key("a")


def test_another_key_encryption_key_opens_nothing(tmp_path: Path) -> None:
    vault = FileKeyVault(tmp_path)
    vault.data_key("a")
    (tmp_path / "kek").write_bytes(bytes(32))
    with pytest.raises(ArtefactError, match="another key-encryption key"):
        vault.existing_key("a")
    (tmp_path / "kek").write_bytes(b"short")
    with pytest.raises(ArtefactError, match="key-encryption key is damaged"):
        vault.existing_key("a")


def test_key_encryption_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    vault = FileKeyVault(tmp_path)
    vault.data_key("a")
    (tmp_path / "kek").chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        vault.existing_key("a")


def _keys(directory: str) -> list[bytes]:
    return [FileKeyVault(Path(directory)).data_key(f"artefact-{number}") for number in range(20)]


def test_processes_that_start_together_agree_on_every_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        found = pool.map(_keys, [str(tmp_path)] * 4)
    assert all(keys == found[0] for keys in found)
    assert not list(tmp_path.rglob("*.part"))


def test_create_once_keeps_the_first(tmp_path: Path) -> None:
    assert create_once(tmp_path / "new" / "file", b"first") == b"first"
    assert create_once(tmp_path / "new" / "file", b"second") == b"first"


SECRET, ONE, TWO = bytes(32), "1" * 64, "2" * 64


def test_a_retry_draws_the_same_seed_and_anything_else_another(tmp_path: Path) -> None:
    seed = derive_seed(SECRET, "run-1", ONE, ONE, record=tmp_path)
    assert seed == derive_seed(SECRET, "run-1", ONE, ONE, record=tmp_path) == derive_seed(SECRET, "run-1", ONE, ONE)
    others = [
        derive_seed(bytes([1] * 32), "run-1", ONE, ONE),
        derive_seed(SECRET, "run-2", ONE, ONE),
        derive_seed(SECRET, "run-1", TWO, ONE),
        derive_seed(SECRET, "run-1", ONE, TWO),
    ]
    assert len({seed, *others}) == 5
    assert len(seed) == 32


@pytest.mark.parametrize(("data", "mechanism"), [(TWO, ONE), (ONE, TWO)])
def test_the_same_request_on_other_input_or_mechanism_is_a_second_spend(
    tmp_path: Path, data: str, mechanism: str
) -> None:
    derive_seed(SECRET, "run-1", ONE, ONE, record=tmp_path)
    with pytest.raises(BudgetError, match="new spend"):
        derive_seed(SECRET, "run-1", data, mechanism, record=tmp_path)


@given(st.lists(st.text(max_size=5), min_size=3, max_size=3), st.lists(st.text(max_size=5), min_size=3, max_size=3))
def test_parts_cannot_run_into_each_other(one: list[str], two: list[str]) -> None:
    assert (derive_seed(SECRET, *one) == derive_seed(SECRET, *two)) == (one == two)
