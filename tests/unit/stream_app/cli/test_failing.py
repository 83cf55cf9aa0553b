"""Expected errors are one line with what to do, an object where a program reads, exit code 2, and never a traceback."""

from pathlib import Path

import pytest

from stream_app.cli.failing import USAGE
from tests.unit.stream_app.cli.conftest import Perennial

NOWHERE = "localhost:1"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "broken.yaml").write_text("kind: [", encoding="utf-8")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "other.yaml").write_text("kind: DataContract\napiVersion: v2.0.0\n", encoding="utf-8")
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    (tmp_path / "words.key").write_text("no key\n", encoding="utf-8")
    (tmp_path / "words.key").chmod(0o600)
    (tmp_path / "data.csv").write_text("a,b\n" + "1,x\n2,y\n" * 50, encoding="utf-8")
    return tmp_path


CASES = {
    "a missing file": (("contract", "apply", "{d}/none.yaml"), "cannot read"),
    "a broken contract": (("contract", "apply", "{d}/broken.yaml"), "YAML"),
    "a contract in no text": (("contract", "apply", "{d}/binary.yaml"), "UTF-8"),
    "another version of the standard": (("contract", "apply", "{d}/other.yaml"), "apiVersion"),
    "a folder for a file": (("contract", "apply", "{d}"), "cannot read"),
    "missing data": (("contract", "draft", "{d}/none.csv", "--dataset", "a", "--out", "{d}/c.yaml"), "does not exist"),
    "empty data": (("contract", "draft", "{d}/empty.csv", "--dataset", "a", "--out", "{d}/c.yaml"), "header line"),
    "a column that is not there": (
        ("contract", "draft", "{d}/data.csv", "--dataset", "a", "--target", "z", "--out", "{d}/c.yaml"),
        "z",
    ),
    "a folder that is not there": (
        ("contract", "draft", "{d}/data.csv", "--dataset", "a", "--out", "{d}/no/c.yaml"),
        "{d}/no",
    ),
    "no key": (("freeze", "flights"), "keys new --role responder"),
    "a file that is no key": (("freeze", "flights", "--key", "{d}/words.key"), "PEM"),
    "a command's field": (("freeze", "No Name", "--out", "{d}/f.json"), "freeze.dataset"),
    "a where without a share": (
        ("run", "start", "flights", "--where", "late=1", "--out", "{d}/r.json"),
        "COLUMN=VALUE:SHARE",
    ),
    "a where beyond 100 %": (("run", "start", "flights", "--where", "late=1:120%", "--out", "{d}/r.json"), "100 %"),
    "no broker": (("release", "list", "--bootstrap", NOWHERE), "perennial up"),
    "no broker to send to": (("send", "{d}/signed.json", "--bootstrap", NOWHERE), "cannot read"),
    "an address that is none": (("release", "list", "--bootstrap", "kafka"), "HOST:PORT"),
    "an unknown station": (("worker", "--stations", "drift,cooking"), "stations.1"),
    "an unknown role": (("keys", "new", "--role", "king"), "privacy_officer"),
    "neither role nor deployment": (("keys", "new"), "--deployment"),
    "a ledger file that is not there": (("ledger", "verify", "{d}/none.jsonl"), "none.jsonl"),
    "an unknown family": (
        (
            "generate",
            "--data",
            "{d}/data.csv",
            "--contract",
            "{d}/good.yaml",
            "--out",
            "{d}/s.parquet",
            "--family",
            "magic",
        ),
        "dp-marginals",
    ),
    "schemas into a file": (("schemas", "export", "--out", "{d}/data.csv"), "data.csv"),
}


@pytest.mark.parametrize("case", CASES)
def test_an_expected_error_is_one_line_with_what_to_do(perennial: Perennial, files: Path, case: str) -> None:
    arguments, hint = CASES[case]
    drafted = perennial(
        "contract", "draft", files / "data.csv", "--dataset", "a", "--out", files / "good.yaml", "--public-domains"
    )
    assert drafted.code == 0
    said = perennial(*(word.format(d=files) for word in arguments))
    assert said.code == 2
    assert hint.format(d=files) in said.err
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert said.out == ""


@pytest.mark.parametrize("case", sorted(set(CASES) - {"an unknown station"}))
def test_with_json_the_error_is_an_object_on_stdout_too(perennial: Perennial, files: Path, case: str) -> None:
    arguments, _ = CASES[case]
    perennial(
        "contract", "draft", files / "data.csv", "--dataset", "a", "--out", files / "good.yaml", "--public-domains"
    )
    said = perennial(*(word.format(d=files) for word in arguments), "--json")
    assert said.code == 2
    assert said.err == f"error: {said.document['error']}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("release",),
        ("revoke", "flights"),
        ("nonsense",),
        ("revoke", "flights", "r", "--reason", "mood"),
        ("run", "start", "flights", "--rows", "0"),
    ],
)
def test_a_command_line_that_is_not_understood_ends_with_2(perennial: Perennial, arguments: tuple[str, ...]) -> None:
    assert perennial(*arguments).code == 2
    assert perennial(*arguments, "--json").document == {"error": USAGE} or arguments == ("release",)


def test_a_setting_in_the_environment_is_named(perennial: Perennial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_PROCESSES", "many")
    said = perennial("doctor")
    assert said.code == 2
    assert "processes" in said.err
    assert "many" not in said.err


def test_a_key_that_others_can_read_is_refused_with_the_command_that_helps(perennial: Perennial, files: Path) -> None:
    (files / "words.key").chmod(0o644)
    said = perennial("freeze", "flights", "--key", files / "words.key")
    assert said.code == 2
    assert "chmod 600" in said.err


def test_what_nobody_foresaw_crashes_loudly(perennial: Perennial, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("stream_app.cli.diagnosis.diagnose", broken)
    with pytest.raises(ZeroDivisionError):
        perennial("doctor")
