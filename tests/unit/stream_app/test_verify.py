"""``perennial verify``: exit 0, 1 and 2, each by the name of what is wrong; and that nothing slow is loaded."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import certificate as models
from schemas.envelope import Envelope
from stream_app import verify
from stream_app.signing import dsse
from stream_app.signing.trust import sign_root, successor
from tests.unit.stream_app.signing.deployments import DAY, NOW, Deployment, key_of, state
from tests.unit.stream_app.signing.deployments import statement as new_statement

DATA = b"a,b\n1,2\n" * 50
DEPLOYMENT = Deployment()
LATER = ["--at", "2026-06-01T00:00:00"]


@pytest.fixture(autouse=True)
def _nothing_pinned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PERENNIAL_PUBLIC_KEY", "PERENNIAL_TRUST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A release as it is handed over: certificate and data, and apart from them the keys."""
    (tmp_path / "release").mkdir()
    (tmp_path / "trusted").mkdir()
    (tmp_path / "release" / "data.csv").write_bytes(DATA)
    (tmp_path / "trusted" / "trust.json").write_bytes(sign_root(DEPLOYMENT.trust, DEPLOYMENT.keys["root"]))
    for name in ("service", "owner"):
        (tmp_path / "trusted" / f"{name}.pub").write_bytes(DEPLOYMENT.keys[name].public.pem)
    _write(tmp_path, DEPLOYMENT.certificate(data=DATA))
    return tmp_path


def _write(folder: Path, envelope: Envelope) -> None:
    (folder / "release" / "c.intoto.json").write_bytes(envelope.to_bytes())


def _run(folder: Path, *options: str, key: str | None = "service.pub", at: bool = True) -> int:
    pinned = (
        [] if key is None else ["--trust" if key.endswith(".json") else "--public-key", str(folder / "trusted" / key)]
    )
    return verify.main(
        [
            str(folder / "release" / "c.intoto.json"),
            str(folder / "release" / "data.csv"),
            *(LATER if at else []),
            *pinned,
            *options,
        ]
    )


def _json(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("key", ["service.pub", "trust.json"])
def test_verified(folder: Path, capsys: pytest.CaptureFixture[str], key: str) -> None:
    assert _run(folder, "--json", key=key) == 0
    found = _json(capsys)
    assert found["verified"] is True
    assert (found["dataset"], found["release_id"], found["tier"], found["privacy"]) == (
        "flights",
        "flights-1",
        "internal",
        "empirical",
    )
    assert found["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert any("revocation cannot be seen offline" in note for note in found["notes"])


def test_a_trust_root_under_any_name_is_a_trust_root(folder: Path) -> None:
    root = (folder / "trusted" / "trust.json").rename(folder / "trusted" / "root")
    assert _run(folder, "--trust", str(root), key=None) == 0
    assert _run(folder, "--public-key", str(root), key=None) == 2


def test_the_text_says_what_and_by_whom(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(folder) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("verified: ")
    assert DEPLOYMENT.keys["service"].keyid in shown


def test_a_formal_claim_shows_its_epsilon(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claim = new_statement().predicate.privacy.model_copy(update={"claim": "formal", "epsilon": "1.5", "delta": 1e-6})
    _write(folder, DEPLOYMENT.certificate(data=DATA, privacy=claim))
    assert _run(folder, "--json") == 0
    assert _json(capsys)["privacy"] == "epsilon 1.5 (delta 1e-06, per row)"


def test_changed_data(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "release" / "data.csv").write_bytes(DATA[:-1] + b"x")
    assert _run(folder) == 1
    assert "not what was certified" in capsys.readouterr().out


def test_empty_data(folder: Path) -> None:
    (folder / "release" / "data.csv").write_bytes(b"")
    assert _run(folder) == 1


def test_every_changed_byte_of_the_certificate_exits_1(folder: Path) -> None:
    path = folder / "release" / "c.intoto.json"
    body = path.read_bytes()
    assert _run(folder) == 0
    for place in range(0, len(body), 5):
        path.write_bytes(body[:place] + bytes([body[place] ^ (1 << place % 8)]) + body[place + 1 :])
        assert _run(folder) == 1, place


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda body: body[:-1], id="cut_off"),
        pytest.param(lambda body: body + b"\n", id="newline_at_the_end"),
        pytest.param(lambda body: b"", id="empty"),
        pytest.param(lambda body: b"\x00" * 100, id="zeros"),
        pytest.param(lambda body: b"[" * 50_000, id="deep"),
        pytest.param(lambda body: body.replace(b'"sig"', b'"sig":"","sig"'), id="key_twice"),
        pytest.param(lambda body: body[:-2] + b"," + body[body.index(b"[{") + 1 : -2] + b"]}", id="signature_twice"),
        pytest.param(lambda body: json.dumps(json.loads(body), indent=1).encode(), id="pretty_printed"),
    ],
)
def test_malformed_certificate(folder: Path, change: Callable[[bytes], bytes]) -> None:
    path = folder / "release" / "c.intoto.json"
    path.write_bytes(change(path.read_bytes()))
    assert _run(folder) == 1


@given(st.binary(max_size=300))
def test_any_bytes_as_a_certificate_are_refused_and_never_crash(
    tmp_path_factory: pytest.TempPathFactory, body: bytes
) -> None:
    base = tmp_path_factory.getbasetemp()
    (base / "any.json").write_bytes(body)
    (base / "any.pub").write_bytes(DEPLOYMENT.keys["service"].public.pem)
    assert verify.main([str(base / "any.json"), str(base / "any.json"), "--public-key", str(base / "any.pub")]) == 1


@pytest.mark.parametrize("signer", ["owner", "root", "stranger"])
def test_signed_by_a_key_that_is_not_the_service(folder: Path, signer: str) -> None:
    _write(folder, DEPLOYMENT.certificate(data=DATA, key=key_of(signer)))
    assert _run(folder) == 1
    assert _run(folder, key="trust.json") == 1


def test_verified_against_the_wrong_key(folder: Path) -> None:
    assert _run(folder, key="owner.pub") == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"in-toto.io/Statement/v1", b"in-toto.io/Statement/v2"),
        (b"perennial.dev", b"example.org.."),
        (hashlib.sha256(DATA).hexdigest().encode(), b"zz" * 32),
        (b'"sha256"', b'"sha512"'),
    ],
)
def test_signed_but_not_a_statement_of_ours(folder: Path, old: bytes, new: bytes) -> None:
    payload = new_statement(data=DATA).to_bytes()
    assert old in payload
    _write(folder, dsse.sign(models.PAYLOAD_TYPE, payload.replace(old, new), DEPLOYMENT.keys["service"]))
    assert _run(folder) == 1


def test_expired_unless_allowed_or_judged_earlier(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    late = ["--at", "2030-01-01"]
    assert _run(folder, *late, at=False) == 1
    assert "expired" in capsys.readouterr().out
    assert _run(folder, "--allow-expired", *late, at=False) == 0
    assert _run(folder, "--at=2026-06-02T00:00:00+02:00", at=False) == 0


def test_expired_root_is_no_key_to_verify_with(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(folder, "--at", "2030-01-01", at=False, key="trust.json") == 2
    assert "trust root" in capsys.readouterr().err


def test_retired_key_verifies_old_certificates_only(folder: Path) -> None:
    old = DEPLOYMENT.keys["service"]
    following = successor(
        DEPLOYMENT.trust,
        expires_at=NOW + 200 * DAY,
        holders={"service": [key_of("new").public]},
        retire={old.keyid: NOW},
    )
    (folder / "trusted" / "trust.json").write_bytes(sign_root(following, DEPLOYMENT.keys["root"]))
    assert _run(folder, key="trust.json") == 0
    _write(folder, DEPLOYMENT.certificate(data=DATA, certified_at=NOW + 1))
    assert _run(folder, key="trust.json") == 1


@pytest.mark.parametrize(
    ("listed", "code"),
    [
        ("certified", 0),
        ("superseded", 0),
        ("revoked", 1),
        ("frozen", 1),
        ("retired", 1),
        ("expired", 1),
        ("awaiting_approval", 1),
    ],
)
def test_status(folder: Path, capsys: pytest.CaptureFixture[str], listed: str, code: int) -> None:
    path = folder / "status.json"
    path.write_bytes(DEPLOYMENT.status(1, state(DEPLOYMENT.certificate(data=DATA), listed)).to_bytes())
    assert _run(folder, "--json", "--status", str(path)) == code
    found = _json(capsys)
    assert found["verified"] is (code == 0)
    assert code == 0 or listed in found["reason"]


@pytest.mark.parametrize(
    "signed",
    [
        pytest.param(lambda: DEPLOYMENT.status(1), id="release_missing"),
        pytest.param(
            lambda: DEPLOYMENT.status(1, state(DEPLOYMENT.certificate(data=b"other"))), id="other_certificate"
        ),
        pytest.param(
            lambda: DEPLOYMENT.status(1, state(DEPLOYMENT.certificate(data=DATA)), dataset="trains"), id="other_dataset"
        ),
        pytest.param(
            lambda: DEPLOYMENT.status(1, state(DEPLOYMENT.certificate(data=DATA)), frozen=True), id="frozen_dataset"
        ),
        pytest.param(
            lambda: DEPLOYMENT.status(1, state(DEPLOYMENT.certificate(data=DATA)), key=key_of("owner")), id="other_key"
        ),
        pytest.param(lambda: DEPLOYMENT.certificate(data=DATA), id="a_certificate_for_a_status"),
    ],
)
def test_status_that_does_not_vouch(folder: Path, signed: Callable[[], Envelope]) -> None:
    path = folder / "status.json"
    path.write_bytes(signed().to_bytes())
    assert _run(folder, "--status", str(path)) == 1


def test_missing_files_and_no_key_are_errors(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, data = str(folder / "release" / "c.intoto.json"), str(folder / "release" / "data.csv")
    key = ["--public-key", str(folder / "trusted" / "service.pub")]
    for arguments in (
        [good, data],
        [str(folder / "none"), data, *key],
        [good, str(folder / "none"), *key],
        [good, str(folder), *key],
        [good, data, "--public-key", str(folder / "none")],
        [good, data, "--trust", good],
        [good, data, *key, "--status", "none"],
        [good, data, "--public-key", data],
        [good],
        [],
        [good, data, data, *key],
        [good, data, "--wrong"],
        [good, data, "--at"],
        [good, data, *key, "--at", "soon"],
        [good, data, *key, *key],
        [good, data, *key, "--trust", "x"],
    ):
        assert verify.main([*arguments, *([] if "--at" in arguments else LATER)]) == 2, arguments
        assert capsys.readouterr().err.startswith("error: ")


def test_errors_are_json_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main(["none", "none", "--json"]) == 2
    assert _json(capsys)["verified"] is False


def test_a_key_beside_the_certificate_shows_integrity_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "keys").mkdir()
    (folder / "keys" / "service.pub").write_bytes(DEPLOYMENT.keys["service"].public.pem)
    assert _run(folder, key=None) == 0
    assert "integrity, not authorship" in capsys.readouterr().out


def test_a_pinned_root_comes_before_a_key_beside_the_certificate(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "release" / "service.pub").write_bytes(DEPLOYMENT.keys["owner"].public.pem)
    assert _run(folder, key=None) == 1
    pinned = folder / "home" / ".config" / "perennial" / "trust.json"
    pinned.parent.mkdir(parents=True)
    pinned.write_bytes((folder / "trusted" / "trust.json").read_bytes())
    assert _run(folder, key=None) == 0
    assert "integrity" not in capsys.readouterr().out.split("verified: ")[-1]
    monkeypatch.setenv("PERENNIAL_PUBLIC_KEY", str(folder / "trusted" / "owner.pub"))
    assert _run(folder, key=None) == 1


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main(["--help"]) == 0
    shown = capsys.readouterr().out
    for option in (*verify._VALUED, *verify._FLAGS):
        assert option in shown


SLOW = (
    "pydantic",
    "typer",
    "pandas",
    "pyarrow",
    "numpy",
    "fsspec",
    "confluent_kafka",
    "rfc8785",
    "dataclasses",
    "nacl.bindings",
)


def test_nothing_slow_is_loaded(folder: Path) -> None:
    script = (
        "import sys; from stream_app.cli import main; from stream_app import verify; code = verify.main(sys.argv[1:]); "
        f"print([name for name in {SLOW!r} if name in sys.modules]); sys.exit(code)"
    )
    arguments = [
        str(folder / "release" / "c.intoto.json"),
        str(folder / "release" / "data.csv"),
        *LATER,
        "--trust",
        str(folder / "trusted" / "trust.json"),
    ]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_console_entry_answers_quickly_with_the_right_code(folder: Path) -> None:
    script = "import sys; from stream_app.cli.main import run; run()"
    arguments = [
        "verify",
        str(folder / "release" / "c.intoto.json"),
        str(folder / "release" / "data.csv"),
        *LATER,
        "--public-key",
        str(folder / "trusted" / "service.pub"),
    ]
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as said:
        assert said.read().startswith("verified: ")
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    # Of its own: how long that takes on a clock is up to what else the machine does.
    assert used.ru_utime + used.ru_stime < 1.0
    (folder / "release" / "data.csv").write_bytes(b"changed")
    assert subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, check=False).returncode == 1


def test_openssl_and_sha256sum_agree(folder: Path) -> None:
    """What the README tells a stranger to do without our code."""
    document = json.loads((folder / "release" / "c.intoto.json").read_bytes())
    payload, kind = base64.b64decode(document["payload"]), document["payloadType"]
    (folder / "pae.bin").write_bytes(f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload)
    (folder / "sig.bin").write_bytes(base64.b64decode(document["signatures"][0]["sig"]))
    command = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        "trusted/service.pub",
        "-rawin",
        "-in",
        "pae.bin",
        "-sigfile",
        "sig.bin",
    ]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    summed = subprocess.run(
        ["sha256sum", "release/data.csv"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout
    assert summed.split()[0] == json.loads(payload)["subject"][0]["digest"]["sha256"]
