"""The command line as a whole: help everywhere, a quick start, and a README that says what there is."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from schemas.events import commands as events
from stream_app.cli import orders
from stream_app.cli.commands import app

ROOT = Path(__file__).parents[4]
WITHOUT_JSON = {"up", "worker", "verify"}
"""The first two print nothing but logs; ``verify`` reads its own options, --json among them (tests of its own)."""
HEAVY = {
    "pandas",
    "numpy",
    "scipy",
    "sklearn",
    "pyarrow",
    "torch",
    "sdv",
    "faust",
    "river",
    "dp_accounting",
    "pydantic",
    "aiokafka",
    "confluent_kafka",
}


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_option_has_help(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert [option.name for option in command.params if not getattr(option, "help", None)] == []


def test_every_command_that_tells_something_speaks_json() -> None:
    lacking = {name for name, command in COMMANDS.items() if not any("--json" in each.opts for each in command.params)}
    assert lacking == WITHOUT_JSON


def test_the_commands_that_were_promised_are_there() -> None:
    named = """demo up worker doctor stream generate sample evaluate approve reject freeze unfreeze revoke rollback
    verify/keys new/contract draft/contract apply/contract show/snapshot announce/drift status/drift backtest/run start/
    run cancel/run list/run watch/release list/release show/release get/release verify/release report/
    release diff/release retire/incident list/review close/access grant/access withdraw/ledger show/ledger verify/
    dlq list/dlq replay/topics plan/
    topics apply/schemas export"""
    singles, _, groups = named.partition("/")
    expected = {*singles.split(), *(" ".join(each.split()) for each in groups.split("/"))}
    assert expected <= set(COMMANDS)


def test_reasons_of_a_revocation_are_those_of_the_command() -> None:
    assert get_args(orders.Reason) == get_args(events.Reason)


def _cpu_seconds(*arguments: str) -> float:
    """User and system time of one run, the better of three: other processes take none of it, but caches do."""
    spent = []
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", "from stream_app.cli.main import run; run()", *arguments],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        spent.append(used.ru_utime + used.ru_stime)
    return min(spent)


@pytest.mark.parametrize("arguments", [("--help",), ("run", "start", "--help"), ("verify", "--help")])
def test_help_takes_less_than_a_second_of_cpu(arguments: tuple[str, ...]) -> None:
    assert _cpu_seconds(*arguments) < 1.0


@pytest.mark.parametrize("arguments", [["--help"], ["verify", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import json, sys\nfrom stream_app.cli import main\n"
        "import os; os._exit = sys.exit\n"
        "try:\n    main.run()\nexcept SystemExit:\n    pass\n"
        "sys.stdout.write(chr(10) + json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert loaded & HEAVY == set()


README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_lists_every_command_and_no_other() -> None:
    table = re.findall(r"^\| `perennial ([^`]*)`", README, flags=re.MULTILINE)
    assert sorted(table) == sorted(COMMANDS)


def _lines_of_the_readme() -> list[list[str]]:
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", README, flags=re.DOTALL)
    text = "\n".join(blocks).replace("\\\n", " ")
    lines = [shlex.split(line, comments=True) for line in text.splitlines()]
    return [words[words.index("perennial") + 1 :] for words in lines if "perennial" in words]


def test_the_readme_shows_commands() -> None:
    assert len(_lines_of_the_readme()) >= 10


@pytest.mark.parametrize("words", _lines_of_the_readme(), ids=" ".join)
def test_every_command_that_the_readme_shows_exists_with_its_options(words: list[str]) -> None:
    name = next(" ".join(words[:count]) for count in (1, 2) if " ".join(words[:count]) in COMMANDS)
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    known = {option for each in COMMANDS[name].params for option in each.opts}
    if name == "verify":
        from stream_app.verify import HELP

        known = set(re.findall(r"--[a-z-]+", HELP))
    assert given <= known


@pytest.mark.parametrize(
    "target", sorted(set(re.findall(r"`?make ([a-z0-9-]+)`?", README))), ids=lambda name: f"make {name}"
)
def test_every_make_target_that_the_readme_names_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
