"""Commands that change something: signed into a file, read back, believed by whoever holds the trust root."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from schemas.events.commands import CommandSubmitted
from stream_app.core.authority import PERMITTED, admit
from stream_app.signing.commands import open_command
from stream_app.signing.deployment import load_trust
from tests.unit.stream_app.cli.conftest import Perennial

ORDERS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "approve": (("approve", "flights", "r1"), {"release_id": "r1"}),
    "reject": (("reject", "flights", "r1"), {"release_id": "r1"}),
    "freeze": (("freeze", "flights"), {"release_id": None}),
    "unfreeze": (("unfreeze", "flights", "--release", "r1"), {"release_id": "r1"}),
    "revoke": (("revoke", "flights", "r1", "--reason", "utility"), {"release_id": "r1", "reason": "utility"}),
    "roll_back": (("rollback", "flights", "r1"), {"release_id": "r1"}),
    "retire": (("release", "retire", "flights", "r1"), {"release_id": "r1"}),
    "close_review": (("review", "close", "flights", "i1"), {"incident_id": "i1"}),
    "grant_access": (("access", "grant", "flights"), {}),
    "withdraw_access": (("access", "withdraw", "flights"), {}),
    "cancel_run": (("run", "cancel", "flights", "run1"), {"run_id": "run1"}),
    "start_run": (
        ("run", "start", "flights", "--rows", "500", "--where", "late=1:20%", "--family", "dp-marginals"),
        {"rows": 500, "family": "dp-marginals"},
    ),
    "set_cap": (("ledger", "set-cap", "flights", "8", "--delta", "1e-6"), {"epsilon": "8", "delta": 1e-6}),
}


@pytest.fixture
def home(perennial: Perennial, tmp_path: Path) -> Path:
    assert perennial("keys", "new", "--deployment").code == 0
    return tmp_path / "home"


@pytest.mark.parametrize("kind", ORDERS)
def test_a_signed_command_reads_back_and_its_default_role_may_sign_it(
    perennial: Perennial, home: Path, tmp_path: Path, kind: str
) -> None:
    arguments, fields = ORDERS[kind]
    said = perennial(*arguments, "--comment", "as agreed", "--out", tmp_path / "signed.json", "--json")
    assert said.code == 0, said.err
    submitted = CommandSubmitted.from_bytes((tmp_path / "signed.json").read_bytes())
    assert said.document["command_id"] == submitted.event_id
    now = int(time.time() * 1000)
    accepted = open_command(submitted, load_trust(home / "trust.json"), now)
    admit(accepted.command, accepted.role, "perennial", now)
    assert accepted.command.command == kind
    assert {name: getattr(accepted.command, name) for name in fields} == fields
    assert accepted.command.comment == "as agreed"


def test_every_command_that_a_role_may_sign_can_be_given() -> None:
    assert set(ORDERS) | {"apply_contract"} == set().union(*PERMITTED.values())


def test_a_contract_is_signed_whole(perennial: Perennial, home: Path, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a,b\n" + "1,x\n2,y\n" * 50, encoding="utf-8")
    perennial("contract", "draft", tmp_path / "data.csv", "--dataset", "small", "--out", tmp_path / "c.yaml")
    assert perennial("contract", "apply", tmp_path / "c.yaml", "--out", tmp_path / "signed.json").code == 0
    submitted = CommandSubmitted.from_bytes((tmp_path / "signed.json").read_bytes())
    accepted = open_command(submitted, load_trust(home / "trust.json"), int(time.time() * 1000))
    assert (accepted.role, accepted.target) == ("owner", "small")


def test_the_key_can_come_from_the_environment(
    perennial: Perennial, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERENNIAL_KEY", str(home / "keys" / "privacy_officer.key"))
    assert perennial("freeze", "flights", "--out", tmp_path / "signed.json").code == 0
    submitted = CommandSubmitted.from_bytes((tmp_path / "signed.json").read_bytes())
    assert open_command(submitted, load_trust(home / "trust.json"), int(time.time() * 1000)).role == "privacy_officer"


def test_a_file_that_is_no_signed_command_is_not_sent(perennial: Perennial, home: Path, tmp_path: Path) -> None:
    (tmp_path / "signed.json").write_text(json.dumps({"event_id": "e", "target": "flights"}), encoding="utf-8")
    said = perennial("send", tmp_path / "signed.json", "--bootstrap", "localhost:1")
    assert said.code == 2
    assert "envelope" in said.err


def test_a_signed_command_waits_for_a_broker(perennial: Perennial, home: Path, tmp_path: Path) -> None:
    perennial("freeze", "flights", "--out", tmp_path / "signed.json")
    said = perennial("send", tmp_path / "signed.json", "--bootstrap", "localhost:1")
    assert said.code == 2
    assert "no broker answers at localhost:1" in said.err
