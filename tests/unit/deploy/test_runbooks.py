"""Alerts, metrics and runbooks agree: every alert is on a series that exists, with a page whose commands exist."""

import ast
import re
import time
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from stream_app.adapters.metrics import Metrics
from stream_app.cli.commands import app
from stream_app.signing.deployment import load_trust, new_deployment
from stream_app.signing.keys import new_key
from stream_app.verify import HELP

ROOT = Path(__file__).parents[3]
RUNBOOKS = ROOT / "deploy" / "runbooks"
RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text(encoding="utf-8"))[
    "groups"
][0]["rules"]
PAGES = sorted(RUNBOOKS.glob("*.md"))


def _metrics() -> set[str]:
    """The names of every series that a worker can write."""
    registry = Metrics().registry
    kinds = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
    return {f"{family.name}{suffix}" for family in registry.collect() for suffix in kinds[family.type]}


def _outcomes(metric: str, place: int) -> set[str]:
    """The literals that the stations hand to ``metrics.METRIC.labels`` at one position."""
    found = set()
    for path in sorted((ROOT / "stream_app" / "agents").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(f"metrics.{metric}.labels"):
                argument = node.args[place]
                found |= {str(argument.value)} if isinstance(argument, ast.Constant) else set()
    return found


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_asks_for_series_and_outcomes_that_exist(rule: dict[str, Any]) -> None:
    assert set(re.findall(r"perennial_\w+", rule["expr"])) <= _metrics()
    asked = set(re.findall(r'perennial_events_total\{outcome="(\w+)"', rule["expr"]))
    assert asked <= _outcomes("events", 1)
    assert set(re.findall(r'perennial_commands_total\{outcome="(\w+)"', rule["expr"])) <= _outcomes("commands", 0)


def test_every_outcome_that_is_bad_news_has_an_alert() -> None:
    asked = {name for rule in RULES for name in re.findall(r'perennial_events_total\{outcome="(\w+)"', rule["expr"])}
    assert asked == _outcomes("events", 1) - {"handled"} != set()


def test_every_alert_has_its_page_and_every_page_of_that_name_its_alert() -> None:
    named = {rule["alert"]: rule["annotations"]["runbook"] for rule in RULES}
    assert named == {alert: f"deploy/runbooks/{alert}.md" for alert in named}
    assert {path.stem for path in PAGES if path.stem.startswith("Perennial")} == set(named)


def test_there_is_a_page_for_what_people_do() -> None:
    assert {"revocation", "key-rotation", "dead-letters", "budget-exhausted"} <= {path.stem for path in PAGES}


def _commands(group: Any, path: tuple[str, ...] = ()) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found |= _commands(command, (*path, name))
        else:
            own = set(re.findall(r"--[a-z-]+", HELP)) if name == "verify" and not path else set()
            found[" ".join((*path, name))] = own | {option for each in command.params for option in each.opts}
    return found


@pytest.mark.parametrize("page", PAGES, ids=[path.stem for path in PAGES])
def test_a_page_names_only_commands_and_pages_that_exist(page: Path) -> None:
    text, known = page.read_text(encoding="utf-8"), _commands(typer.main.get_command(app))
    for line in re.findall(r"perennial ([a-z][^`\n]*)", text):
        words = line.split()
        name = next((" ".join(words[:count]) for count in (2, 1) if " ".join(words[:count]) in known), None)
        assert name is not None, line
        assert {word.strip("`.,)") for word in words if word.startswith("--")} <= known[name], line
    for other in re.findall(r"([a-z-]+\.md)", text):
        assert (RUNBOOKS / other).exists(), other
    for alert in re.findall(r"Perennial[A-Z]\w+", text):
        assert (RUNBOOKS / f"{alert}.md").exists(), alert


def test_the_rotation_of_a_key_works_as_written(tmp_path: Path) -> None:
    new_deployment(tmp_path, "test", int(time.time() * 1000))
    new_key("service", tmp_path / "next")
    before = load_trust(tmp_path / "trust.json")
    page = (RUNBOOKS / "key-rotation.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    program = "\n".join(line.removeprefix("   ") for line in program.splitlines())
    program = program.replace("/srv/perennial", str(tmp_path)).replace(
        "/media/offline/root.key", str(tmp_path / "keys/root.key")
    )
    exec(compile(program, "key-rotation.md", "exec"), {})
    after = load_trust(tmp_path / "trust.json", tmp_path / "trust.2.json")
    assert after.version == 2
    assert after.active("service") != before.active("service")
    assert set(before.active("service")) < set(after.ever("service"))
