"""``perennial verify``: is this file what a certificate says it is? Offline, in little more than the time to hash the
file.

Hashing starts in a thread before anything else is imported, and everything else happens meanwhile; so nothing here may
import at the top what hashing does not need.
"""

import hashlib
import os
import sys
import threading
import time
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stream_app.signing.keys import PublicKey
    from stream_app.signing.offline import Certificate

HELP: Final = """\
Usage: perennial verify CERTIFICATE DATA [OPTIONS]

  Verify, offline, that DATA is a file of the release that CERTIFICATE is about.

  Exit 0: verified. Exit 1: not verified (changed bytes, wrong key, expired, revoked). Exit 2: an error (nothing was
  verified).

Options:
  --public-key FILE  The service's public key (PEM) that you trust.
  --trust FILE       The trust root (trust.json) that you trust.
  --status FILE      A signed status of the dataset; a release that it does not list as usable is not verified.
  --at TIME          Judge expiry as of this time (ISO 8601, UTC) instead of now.
  --allow-expired    Do not refuse what has expired.
  --json             Print the result as one JSON object.
  --help             Show this text.

  Without a key, the key comes from $PERENNIAL_PUBLIC_KEY or $PERENNIAL_TRUST, then ~/.config/perennial/trust.json,
  then a trust.json, service.pub or keys/service.pub beside the certificate or up to two folders above. A key found
  beside the certificate shows integrity, not authorship. Every file may be checked with sha256sum, and the signature
  with openssl.
"""

_BLOCK = 1_048_576
_VALUED = ("--public-key", "--trust", "--status", "--at")
_FLAGS = ("--allow-expired", "--json")
_BESIDE = ("trust.json", "service.pub", os.path.join("keys", "service.pub"))


class _Usage(Exception):
    """The arguments or a file make verifying impossible: exit code 2."""


class _Hashing(threading.Thread):
    """The SHA-256 of an open file, computed in a thread; hashing and reading leave the interpreter to others."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._file = file
        self._digest = hashlib.sha256()
        self._done = 0
        self._error: OSError | None = None
        self.start()

    def run(self) -> None:
        block = memoryview(bytearray(_BLOCK))
        try:
            while size := self._file.readinto(block):  # type: ignore[attr-defined]
                self._digest.update(block[:size])
                self._done += size
        except OSError as error:
            self._error = error

    def result(self) -> str:
        """The digest in hex; says on a terminal how far it is, once that takes over a second."""
        size = os.fstat(self._file.fileno()).st_size
        self.join(1.0)
        while self.is_alive():
            if sys.stderr.isatty():
                print(f"\rhashing {100 * self._done // max(size, 1)} %", end="", file=sys.stderr, flush=True)
            self.join(0.5)
        if self._error is not None:
            raise _Usage(f"cannot read the data: {self._error.strerror}")
        return self._digest.hexdigest()


def main(arguments: list[str]) -> int:
    """Verify as the arguments ask, print the result and return the exit code."""
    if "--help" in arguments or "-h" in arguments:
        print(HELP, end="")
        return 0
    interval = sys.getswitchinterval()
    try:
        (certificate, data), options = _parsed(arguments)
        hashing = _Hashing(_opened(data, "data"))
        # The thread wants the interpreter after each block; by default it would wait 5 ms while this one imports.
        sys.setswitchinterval(0.0002)
        return _verify(certificate, data, hashing, options)
    except _Usage as error:
        print(f"error: {error}", file=sys.stderr)
        if "--json" in arguments:
            _print_json({"verified": False, "error": str(error)})
        return 2
    finally:
        sys.setswitchinterval(interval)


def _verify(certificate: str, data: str, hashing: _Hashing, options: dict[str, str]) -> int:
    from schemas.errors import SignatureError
    from stream_app.signing import offline

    with _opened(certificate, "certificate") as file:
        body = file.read()
    keys, retired, notes = _trusted(certificate, options)
    report: dict[str, object] = {"verified": False, "certificate": certificate, "data": data}
    try:
        found = offline.verify_certificate(body, keys, retired)
        report |= _summary(found)
        if "--allow-expired" not in options:
            offline.require_unexpired(found, _at(options))
        notes.append(_check_status(found, body, keys, retired, options))
        report["sha256"] = hashing.result()
        report["subject"] = offline.require_subject(found, str(report["sha256"]))
        report["verified"] = True
    except SignatureError as error:
        report["reason"] = str(error)
    _print(report, notes, options)
    return 0 if report["verified"] else 1


def _parsed(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    positions: list[str] = []
    options: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        name, given, value = argument.partition("=")
        if argument in _FLAGS:
            options[argument] = ""
        elif name in _VALUED:
            found = value if given else next(rest, None)
            if found is None or name in options:
                raise _Usage(f"{name} takes one value")
            options[name] = found
        elif argument.startswith("-"):
            raise _Usage(f"no such option: {name} (see perennial verify --help)")
        else:
            positions.append(argument)
    if len(positions) != 2:
        raise _Usage("a certificate and a data file are needed: perennial verify CERTIFICATE DATA")
    return positions, options


def _opened(path: str, what: str) -> IO[bytes]:
    try:
        return open(path, "rb", buffering=0)
    except OSError as error:
        raise _Usage(f"cannot read the {what} {path}: {error.strerror}") from None


def _trusted(certificate: str, options: dict[str, str]) -> "tuple[tuple[PublicKey, ...], dict[str, int], list[str]]":
    """The keys that may have signed, those that are retired since when, and what to tell of where they come from."""
    from schemas.errors import PerennialError, SignatureError
    from stream_app.signing.keys import load_public
    from stream_app.signing.trust import open_root

    path, notes = _key_file(certificate, options)
    try:
        if not path.endswith(".json") and path not in (options.get("--trust"), os.environ.get("PERENNIAL_TRUST")):
            return (load_public(path),), {}, notes
        with _opened(path, "trust root") as file:
            trust = open_root(file.read())
        if "--allow-expired" not in options:
            trust.require_fresh(_at(options))
    except SignatureError as error:
        raise _Usage(f"{path} cannot be relied on: {error}") from None
    except PerennialError as error:
        raise _Usage(str(error)) from None
    return trust.ever("service"), dict(trust.retired), notes


def _key_file(certificate: str, options: dict[str, str]) -> tuple[str, list[str]]:
    if "--public-key" in options and "--trust" in options:
        raise _Usage("give --public-key or --trust, not both")
    given = (
        options.get("--public-key")
        or options.get("--trust")
        or os.environ.get("PERENNIAL_PUBLIC_KEY")
        or os.environ.get("PERENNIAL_TRUST")
    )
    if given:
        return given, []
    pinned = os.path.expanduser(os.path.join("~", ".config", "perennial", "trust.json"))
    if os.path.exists(pinned):
        return pinned, [f"key: from {pinned}"]
    folder = os.path.dirname(os.path.abspath(certificate))
    for _ in range(3):
        for name in _BESIDE:
            if os.path.exists(path := os.path.join(folder, name)):
                return path, [
                    f"key: {path} was found beside the certificate, so this shows integrity, not authorship; "
                    "pin the key with --public-key or --trust once you know whose it is"
                ]
        folder = os.path.dirname(folder)
    raise _Usage("no key to verify with: give --public-key FILE or --trust FILE (see perennial verify --help)")


def _at(options: dict[str, str]) -> int:
    """Milliseconds since 1970 at which to judge."""
    if "--at" not in options:
        return int(time.time() * 1000)
    import datetime as dt

    try:
        at = dt.datetime.fromisoformat(options["--at"])
    except ValueError:
        raise _Usage("--at takes a time such as 2026-01-31T12:00:00") from None
    return int((at if at.tzinfo else at.replace(tzinfo=dt.UTC)).timestamp() * 1000)


def _check_status(
    found: "Certificate", body: bytes, keys: "tuple[PublicKey, ...]", retired: dict[str, int], options: dict[str, str]
) -> str:
    from stream_app.signing import offline

    if "--status" not in options:
        return "a revocation cannot be seen offline: give --status FILE, or use the client"
    with _opened(options["--status"], "status") as file:
        status = file.read()
    digests = (hashlib.sha256(body).hexdigest(), hashlib.sha256(offline.payload_of(body)).hexdigest())
    as_of = offline.require_standing(found, digests, status, (key for key in keys if key.keyid not in retired))
    return f"status: usable as of {_day(as_of)}; what came later cannot be seen in this file"


def _summary(found: "Certificate") -> dict[str, object]:
    return {
        "dataset": found.text("dataset"),
        "release_id": found.text("release_id"),
        "tier": found.text("tier"),
        "privacy": found.claim,
        "certified_at": _day(found.predicate["certified_at"]),
        "expires_at": _day(found.predicate["expires_at"]),
        "keyid": found.keyid,
    }


def _day(at_ms: int) -> str:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_ms // 1000))
    except (OverflowError, ValueError, OSError):
        return f"{at_ms} ms"


def _print(report: dict[str, object], notes: list[str], options: dict[str, str]) -> None:
    if "--json" in options:
        _print_json(report | {"notes": notes})
        return
    if report["verified"]:
        print(f"verified: {report['data']} is {report['subject']} of release {report['release_id']}")
    else:
        print(f"NOT VERIFIED: {report['reason']}")
    for name in ("dataset", "tier", "privacy", "certified_at", "expires_at", "keyid"):
        if name in report:
            print(f"  {name.replace('_', ' ')}: {report[name]}")
    for note in notes:
        print(f"  {note}")


def _print_json(document: dict[str, object]) -> None:
    import json

    print(json.dumps(document, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
