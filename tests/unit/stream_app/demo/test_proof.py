"""The shell script that verifies a release without us: agrees with a good one, refuses any changed one."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from stream_app.demo.proof import NEEDED, SCRIPT
from stream_app.signing import dsse
from stream_app.signing.keys import SecretKey

pytestmark = pytest.mark.skipif(
    any(shutil.which(name) is None for name in NEEDED), reason="needs openssl and coreutils"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    key, data = SecretKey(b"k" * 32), b"PAR1 some bytes PAR1"
    digest = hashlib.sha256(data).hexdigest()
    payload = b'{"subject":[{"digest":{"sha256":"%b"},"name":"data.parquet"}]}' % digest.encode()
    (tmp_path / "data.parquet").write_bytes(data)
    (tmp_path / "certificate.intoto.json").write_bytes(
        dsse.sign("application/vnd.in-toto+json", payload, key).to_bytes()
    )
    (tmp_path / "service.pub").write_bytes(key.public.pem)
    (tmp_path / "verify.sh").write_text(SCRIPT)
    return tmp_path


def run(folder: Path) -> int:
    return subprocess.run(["sh", str(folder / "verify.sh")], capture_output=True, timeout=30).returncode


def test_a_good_release_agrees(folder: Path) -> None:
    assert run(folder) == 0


def test_changed_data_is_refused(folder: Path) -> None:
    path = folder / "data.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    assert run(folder) != 0


def test_another_key_is_refused(folder: Path) -> None:
    (folder / "service.pub").write_bytes(SecretKey(b"x" * 32).public.pem)
    assert run(folder) != 0


def test_a_changed_certificate_is_refused(folder: Path) -> None:
    path = folder / "certificate.intoto.json"
    body = bytearray(path.read_bytes())
    place = body.index(b'"payload":"') + 30
    body[place] = ord("A") if body[place] != ord("A") else ord("B")
    path.write_bytes(bytes(body))
    assert run(folder) != 0
