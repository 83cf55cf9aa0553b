"""Workplaces whose secrets are the same in every session: splits and noise, and so what tests see, never change."""

from pathlib import Path

from stream_app.adapters.workplace import Workplace

SECRET = bytes(range(32))


def keep_secret(home: Path) -> None:
    """Put the root of all secrets into ``home``, where a worker would otherwise make a random one."""
    keys = home / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    (keys / "worker.secret").touch(mode=0o600)
    (keys / "worker.secret").write_bytes(SECRET)


def workplace(home: Path, store: Path) -> Workplace:
    """A workplace in ``home``, with the secret that all tests share."""
    keep_secret(home)
    return Workplace(home, str(store))
