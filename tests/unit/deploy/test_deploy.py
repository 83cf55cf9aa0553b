"""The files under deploy/ say the same as the code, and the programs that read them accept them."""

import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

DEPLOY = Path(__file__).parents[3] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is missing")


def _promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_promtool_accepts_the_configuration_and_the_rules() -> None:
    _promtool("check", "config", "prometheus.yml")
    _promtool("check", "rules", "rules.yml")


@needs_promtool
def test_alerts_fire_when_they_should_and_only_then() -> None:
    _promtool("test", "rules", "rules_test.yml")


def _compose() -> dict[str, Any]:
    loaded = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def test_compose_runs_the_kafka_version_that_the_tests_run() -> None:
    pom = ElementTree.parse(DEPLOY / "kafka" / "pom.xml").getroot()
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    version = pom.findtext("m:dependencies/m:dependency[m:artifactId='kafka_2.13']/m:version", namespaces=space)
    assert _compose()["services"]["kafka"]["image"] == f"apache/kafka:{version}"


def test_prometheus_scrapes_every_worker_of_compose() -> None:
    scraped = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"][0]["static_configs"]
    targets = {target.partition(":")[0] for group in scraped for target in group["targets"]}
    workers = {name for name, service in _compose()["services"].items() if service.get("command") == ["worker"]}
    assert targets == workers != set()
