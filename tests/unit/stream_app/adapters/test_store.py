"""The artefact store: encrypted, idempotent, opened only when every digest is right; leases."""

import io
import pickle
from pathlib import Path

import pytest

from schemas.errors import ArtefactError, InputError
from schemas.events.runs import ArtefactRef
from stream_app.adapters.leases import LocalLeases, open_lease
from stream_app.adapters.store import ArtefactStore
from stream_app.adapters.vault import FileKeyVault
from stream_app.signing.keys import ConsumerKey

BODY = b"age,income\n31,48000\n" * 1000
ME, OTHER = ConsumerKey(bytes([7] * 32)), ConsumerKey(bytes([8] * 32))


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtefactStore:
    root = str(tmp_path / "store") if request.param == "folder" else f"memory://{tmp_path.name}"
    return ArtefactStore(root, FileKeyVault(tmp_path / "vault"))


def _put(store: ArtefactStore, body: bytes = BODY, artefact: str = "r1.data") -> ArtefactRef:
    return store.put(artefact, "data.csv", "text/csv", body)


def test_round_trip(store: ArtefactStore) -> None:
    ref = _put(store)
    assert store.open(ref) == BODY
    assert (ref.size, ref.name, ref.media_type) == (len(BODY), "data.csv", "text/csv")


def test_the_same_again_gives_the_same_reference_and_one_file(store: ArtefactStore) -> None:
    assert (
        _put(store)
        == _put(store)
        == ArtefactStore(store.root, store.vault).put("r1.data", "data.csv", "text/csv", io.BytesIO(BODY))
    )


def test_other_content_under_the_same_id_leaves_the_first_alone(store: ArtefactStore) -> None:
    first, second = _put(store), _put(store, b"other")
    assert first.uri != second.uri
    assert (store.open(first), store.open(second)) == (BODY, b"other")


def test_nothing_at_rest_is_plain_and_no_draft_is_left(tmp_path: Path) -> None:
    store = ArtefactStore(str(tmp_path / "store"), FileKeyVault(tmp_path / "vault"))
    ref = _put(store)
    files = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert [path.name for path in files] == [ref.ciphertext_sha256]
    assert b"income" not in files[0].read_bytes()


def test_a_crash_while_writing_leaves_nothing_under_the_digest(tmp_path: Path) -> None:
    class Failing(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.reads += 1
            if self.reads > 3:
                raise KeyboardInterrupt
            return super().read(min(size or 1, 100_000))

    store = ArtefactStore(str(tmp_path / "store"), FileKeyVault(tmp_path / "vault"))
    with pytest.raises(KeyboardInterrupt):
        store.put("r1.data", "x", "y", Failing(bytes(500_000)))
    assert [
        path for path in (tmp_path / "store").rglob("*") if path.is_file() and not path.name.endswith(".part")
    ] == []
    assert store.open(_put(store)) == BODY


@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_a_changed_byte_at_rest_is_refused(tmp_path: Path, where: str) -> None:
    store = ArtefactStore(str(tmp_path / "store"), FileKeyVault(tmp_path / "vault"))
    ref = _put(store)
    path = tmp_path / "store" / "r1.data" / ref.ciphertext_sha256
    body = bytearray(path.read_bytes())
    body[{"first": 0, "middle": len(body) // 2, "last": -1}[where]] ^= 1
    path.write_bytes(bytes(body))
    with pytest.raises(ArtefactError):
        store.open(ref)


@pytest.mark.parametrize("field", ["sha256", "size", "ciphertext_sha256", "artefact_id"])
def test_a_reference_that_is_not_the_contents_own_is_refused(store: ArtefactStore, field: str) -> None:
    ref = _put(store)
    wrong: dict[str, object] = {"sha256": "0" * 64, "size": 1, "ciphertext_sha256": "0" * 64, "artefact_id": "r2.data"}
    with pytest.raises(ArtefactError):
        store.open(ref.model_copy(update={field: wrong[field]}))


def test_another_files_reference_under_this_id_is_refused(store: ArtefactStore) -> None:
    first, second = _put(store), _put(store, b"other")
    with pytest.raises(ArtefactError, match="content"):
        store.open(second.model_copy(update={"sha256": first.sha256, "size": first.size}))


def test_the_uri_of_a_reference_leads_nowhere(store: ArtefactStore, tmp_path: Path) -> None:
    ref = _put(store)
    assert store.open(ref.model_copy(update={"uri": f"file://{tmp_path}/elsewhere"})) == BODY


def test_destroyed_ends_all(store: ArtefactStore) -> None:
    ref = _put(store)
    assert isinstance(store.vault, FileKeyVault)
    leases = LocalLeases(store.vault)
    leases.lease(ref.artefact_id, ME.public)
    store.vault.destroy(ref.artefact_id)
    for ended in (lambda: store.open(ref), lambda: _put(store), lambda: leases.lease(ref.artefact_id, ME.public)):
        with pytest.raises(ArtefactError, match="destroyed"):
            ended()


def test_a_lease_opens_one_artefact_for_one_consumer(store: ArtefactStore) -> None:
    ref, second = _put(store), _put(store, b"second", "r2.data")
    assert store.vault is not None
    lease = LocalLeases(store.vault).lease(ref.artefact_id, ME.public)
    consumers = ArtefactStore(store.root)
    assert consumers.open_with_lease(ref, lease, ME) == BODY
    with pytest.raises(ArtefactError, match="lease"):
        consumers.open_with_lease(ref, lease, OTHER)
    with pytest.raises(ArtefactError, match="lease"):
        consumers.open_with_lease(second, lease, ME)
    assert store.vault.existing_key(ref.artefact_id) not in lease


@pytest.mark.parametrize("lease", [b"", b"x" * 10, bytes(200)])
def test_a_damaged_lease_is_refused(lease: bytes) -> None:
    with pytest.raises(ArtefactError, match="lease"):
        open_lease(lease, "r1.data", ME)


def test_a_store_without_a_vault_neither_writes_nor_opens(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no vault"):
        _put(ArtefactStore(str(tmp_path)))


def test_the_store_travels_to_pool_processes(store: ArtefactStore) -> None:
    ref = _put(store)
    assert pickle.loads(pickle.dumps(store)).open(ref) == BODY


def test_empty_content(store: ArtefactStore) -> None:
    assert store.open(_put(store, b"")) == b""
