"""An environment for each peer under ``.peers``, made by uv from pinned requirements when first asked for."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
ENVIRONMENTS = ROOT / ".peers"
_INSTALL_SECONDS = 900


class PeerUnavailable(Exception):
    """The peer's environment cannot be made here; the message says why."""


def python_of(name: str) -> Path:
    """The interpreter that has the peer and nothing of the project; made anew when the requirements changed.

    Raises ``PeerUnavailable``. Needs uv (beside this interpreter or on the path) and a package index.
    """
    requirements = HERE / f"requirements-{name}.txt"
    if not requirements.is_file():
        raise PeerUnavailable(f"no requirements are listed for {name}")
    home = ENVIRONMENTS / name
    python, stamp = home / "bin" / "python", home / ".made-from"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    ENVIRONMENTS.mkdir(exist_ok=True)
    with _alone(ENVIRONMENTS / f"{name}.lock"):
        if not (python.exists() and stamp.is_file() and stamp.read_text() == wanted):
            print(f"making {home.relative_to(ROOT)}", file=sys.stderr)
            _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(home))
            # Every package is listed; without dependencies, so that what a list leaves out stays out.
            _uv("pip", "install", "--quiet", "--no-deps", "--python", str(python), "-r", str(requirements))
            stamp.write_text(wanted)
    return python


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _uv(*arguments: str) -> None:
    command = [sys.executable, "-m", "uv"]
    if subprocess.run([*command, "--version"], capture_output=True).returncode:
        found = shutil.which("uv")
        if found is None:
            raise PeerUnavailable("uv is not installed")
        command = [found]
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    try:
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, timeout=_INSTALL_SECONDS, env=environment
        )
    except subprocess.TimeoutExpired as error:
        raise PeerUnavailable(f"uv {arguments[0]} took longer than {_INSTALL_SECONDS} s") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PeerUnavailable(f"uv {arguments[0]} failed: {last.strip()[:200]}")
