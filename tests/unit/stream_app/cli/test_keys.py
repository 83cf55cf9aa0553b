"""`perennial keys new`: files that openssl reads, never overwritten, and a whole deployment at once."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from stream_app.signing.deployment import load_trust
from stream_app.signing.trust import ROLES
from tests.unit.stream_app.cli.conftest import Perennial


def test_one_key_of_a_role(perennial: Perennial, tmp_path: Path) -> None:
    told = perennial("keys", "new", "--role", "owner", "--out", tmp_path / "mine", "--json").document
    assert stat.S_IMODE(Path(told["secret"]).stat().st_mode) == 0o600
    assert len(told["keyid"]) == 64
    again = perennial("keys", "new", "--role", "owner", "--out", tmp_path / "mine")
    assert again.code == 2
    assert "exists" in again.err


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is missing")
def test_openssl_reads_the_key(perennial: Perennial, tmp_path: Path) -> None:
    told = perennial("keys", "new", "--role", "owner", "--out", tmp_path, "--json").document
    done = subprocess.run(
        ["openssl", "pkey", "-in", told["secret"], "-pubout"], capture_output=True, text=True, check=True
    )
    assert done.stdout == Path(told["public"]).read_text(encoding="utf-8")


def test_a_deployment_has_a_key_of_every_role_and_a_root_that_names_them(perennial: Perennial, tmp_path: Path) -> None:
    home = tmp_path / "new"
    told = perennial("keys", "new", "--deployment", "--home", home, "--json").document
    assert set(told["roles"]) == set(ROLES)
    assert set(load_trust(home / "trust.json").roles) == set(ROLES)
    assert perennial("keys", "new", "--deployment", "--home", home).code == 2
