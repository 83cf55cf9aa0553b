"""A consumer's memory on disk: the pinned root, the high-water mark, what was revoked. One file for each dataset."""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from schemas.canonical import digest
from schemas.envelope import Envelope
from schemas.errors import ContractError, InputError, SignatureError
from schemas.model import Digest, Model, Name, ReleaseId
from stream_app.signing import consumer
from stream_app.signing.consumer import Mark, View
from stream_app.signing.trust import Trust, open_root, succeed


class RememberedMark(Model):
    """The highest status version seen, its digest and the key that signed it."""

    version: int
    sha256: Digest
    keyid: str


class TrustState(Model):
    """What a client must not forget: ``root_file`` is the root's signed file, where the client was given one."""

    dataset: Name
    root_version: int
    root_sha256: Digest
    root_file: str | None = None
    mark: RememberedMark | None = None
    revoked: tuple[ReleaseId, ...] = ()
    status: Envelope | None = None


def recall(directory: Path, dataset: str, trust: Trust | Path | Sequence[Path]) -> tuple[str | None, View]:
    """The root's file and the view that the state on disk leaves under the given trust.

    Raises ``SignatureError`` where the given root is older than the remembered one, or does not follow from it.
    """
    state = load(directory, dataset)
    paths = [] if isinstance(trust, Trust) else [trust] if isinstance(trust, Path) else trust
    bodies = [_read(path) for path in paths]
    if state is None:
        first = trust if isinstance(trust, Trust) else _chain(bodies)
        return (bodies[-1].decode() if bodies else None), View(dataset, first)
    root = _follow(state, trust, bodies)
    view = View(dataset, root, revoked=frozenset(state.revoked))
    if state.mark is not None and state.mark.keyid in {key.keyid for key in root.active("service")}:
        view = replace(view, mark=Mark(state.mark.version, state.mark.sha256, state.mark.keyid))
        view = consumer.take_status(view, state.status)[0] if state.status is not None else view
    newer = bool(bodies) and (root.version > state.root_version or state.root_file is None)
    return (bodies[-1].decode() if newer else state.root_file), view


def remember(directory: Path, view: View, root_file: str | None) -> None:
    """Put on disk what the view must not forget."""
    mark = None
    if view.mark is not None:
        mark = RememberedMark(version=view.mark.version, sha256=view.mark.sha256, keyid=view.mark.keyid)
    state = TrustState(
        dataset=view.dataset,
        root_version=view.trust.version,
        root_sha256=_digest(view.trust),
        root_file=root_file,
        mark=mark,
        revoked=tuple(sorted(view.revoked)),
        status=view.envelope,
    )
    save(directory, state)


def load(directory: Path, dataset: str) -> TrustState | None:
    """The state, or none on first use. Raises ``InputError`` where it is damaged: to forget it would be a rollback."""
    path = _path(directory, dataset)
    try:
        return TrustState.from_bytes(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ContractError, OSError) as error:
        raise InputError(
            f"the trust state {path} is damaged ({type(error).__name__}): restore it, or remove it on purpose"
        ) from None


def save(directory: Path, state: TrustState) -> TrustState:
    """Write the state whole or not at all, never below what another process wrote since; return what now stands."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = _path(directory, state.dataset)
    with _locked(directory):
        state = _newest(load(directory, state.dataset), state)
        draft = path.with_name(f".{path.name}.{os.getpid()}.part")
        with draft.open("wb") as file:
            file.write(state.to_bytes())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    return state


def _newest(stored: TrustState | None, state: TrustState) -> TrustState:
    if stored is None:
        return state
    merged = state.model_copy(update={"revoked": tuple(sorted({*stored.revoked, *state.revoked}))})
    if stored.root_version > state.root_version:
        return stored.model_copy(update={"revoked": merged.revoked})
    behind = state.mark is None or (stored.mark is not None and stored.mark.version > state.mark.version)
    if stored.root_version == state.root_version and behind:
        return merged.model_copy(update={"mark": stored.mark, "status": stored.status})
    return merged


def _path(directory: Path, dataset: str) -> Path:
    return directory / f"{dataset}.trust.json"


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _follow(state: TrustState, trust: Trust | Path | Sequence[Path], bodies: list[bytes]) -> Trust:
    """From the remembered root to the given one."""
    given = trust if isinstance(trust, Trust) else open_root(bodies[-1])
    if given.version < state.root_version:
        raise SignatureError(
            f"the trust root was rolled back: version {given.version} after version {state.root_version}"
        )
    if given.version == state.root_version:
        if _digest(given) != state.root_sha256:
            raise SignatureError(f"two different trust roots of version {given.version} were signed")
        return given
    if isinstance(trust, Trust) or state.root_file is None:
        return given
    known = open_root(state.root_file.encode())
    for body in bodies:
        if open_root(body).version > known.version:
            known = succeed(known, body)
    return known


def _chain(bodies: list[bytes]) -> Trust:
    trust = open_root(bodies[0])
    for body in bodies[1:]:
        trust = succeed(trust, body)
    return trust


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the trust root {path}: {error.strerror}") from None


def _digest(trust: Trust) -> str:
    return digest(trust.document())
