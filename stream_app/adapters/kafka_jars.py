"""Resolve Apache Kafka's jars with Maven, once, into a cache that every checkout of the same recipe shares."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from schemas.errors import InputError

_PACKAGED = Path(__file__).parent / "kafka_recipe"
_CHECKOUT = Path(__file__).parents[2] / "deploy" / "kafka"


class LocalKafkaError(InputError):
    """A local Apache Kafka cannot be had here; the message says what is missing and what to do."""


def recipe() -> Path:
    """The folder with ``pom.xml``, ``server.properties`` and ``log4j2.yaml``.

    In a checkout it is ``deploy/kafka``; a wheel carries the same files beside this module.
    """
    for folder in (_PACKAGED, _CHECKOUT):
        if (folder / "pom.xml").is_file():
            return folder
    raise LocalKafkaError(
        f"the recipe for a local Apache Kafka (deploy/kafka/pom.xml) is neither at {_CHECKOUT} nor at {_PACKAGED}: "
        "use a complete checkout or the wheel, or point to a broker of your own"
    )


def missing_tools() -> tuple[str, ...]:
    """The programs that a local Apache Kafka needs and that are not on the PATH; Maven only while jars are uncached."""
    needed = ("java",) if is_cached() else ("java", "mvn")
    return tuple(tool for tool in needed if shutil.which(tool) is None)


def is_cached() -> bool:
    """Whether the jars of this recipe were resolved before."""
    return cache_folder().is_dir()


def cache_folder() -> Path:
    """Where the jars of this recipe belong; the name holds the recipe's digest, so a new version resolves anew."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256((recipe() / "pom.xml").read_bytes()).hexdigest()[:16]
    return home / "perennial" / "kafka" / digest


def resolve_jars() -> Path:
    """A folder of jars that can be put on Java's class path as it is (43 MB, a minute the first time).

    Raises ``LocalKafkaError`` where ``java`` or ``mvn`` is missing or Maven fails.
    """
    if missing := missing_tools():
        raise LocalKafkaError(
            f"a local Apache Kafka needs {' and '.join(missing)} on the PATH "
            "(on Debian: apt-get install openjdk-17-jre-headless maven), or use the embedded broker"
        )
    target = cache_folder()
    if not target.is_dir():
        _resolve_into(target)
    return target


def _resolve_into(target: Path) -> None:
    """Copy into a neighbour and rename, so that no reader ever sees half a class path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="resolving-") as scratch:
        jars = Path(scratch) / "jars"
        _run_maven(jars)
        try:
            jars.rename(target)
        except OSError:
            # Another process was quicker; its jars are the same.
            if not target.is_dir():
                raise


def _run_maven(jars: Path) -> None:
    command = [
        "mvn", "--batch-mode", "--quiet", "--file", str(recipe() / "pom.xml"),
        "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={jars}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not any(jars.glob("kafka_*.jar")):
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        raise LocalKafkaError(f"Maven could not resolve Apache Kafka's jars (exit {done.returncode}):\n{tail}")
