"""What a consumer remembers: never less than before, whatever is given or who else writes."""

from dataclasses import replace
from pathlib import Path

import pytest

from schemas.errors import InputError, SignatureError
from stream_app.adapters.trust_state import load, recall, remember
from stream_app.signing.consumer import View, take_status
from stream_app.signing.keys import SecretKey
from stream_app.signing.trust import Trust, sign_root, successor
from tests.unit.stream_app.signing.deployments import DAY, NOW, Deployment, key_of, state

DEPLOYMENT = Deployment()
ROOT = DEPLOYMENT.keys["root"]
FIRST = DEPLOYMENT.trust
SECOND = successor(FIRST, expires_at=NOW + 200 * DAY)
THIRD = successor(SECOND, expires_at=NOW + 300 * DAY)
ONE = DEPLOYMENT.certificate()


def _file(folder: Path, trust: Trust, *keys: SecretKey, name: str | None = None) -> Path:
    path = folder / (name or f"{trust.version}.root.json")
    path.write_bytes(sign_root(trust, *(keys or (ROOT,))))
    return path


def _view(version: int, trust: Trust = FIRST, state_of_one: str = "certified") -> View:
    return take_status(
        View("flights", trust), DEPLOYMENT.status(version, state(ONE, state_of_one), current="flights-1")
    )[0]


def test_mark_revocations_and_status_come_back(tmp_path: Path) -> None:
    view = _view(7, state_of_one="revoked")
    remember(tmp_path, view, None)
    _, found = recall(tmp_path, "flights", FIRST)
    assert (found.mark, found.revoked, found.status) == (view.mark, view.revoked, view.status)
    with pytest.raises(SignatureError, match="rolled back"):
        take_status(found, DEPLOYMENT.status(6))


def test_another_process_that_is_behind_takes_nothing_back(tmp_path: Path) -> None:
    remember(tmp_path, _view(7), None)
    remember(tmp_path, _view(3, state_of_one="revoked"), None)
    found = load(tmp_path, "flights")
    assert found is not None
    assert found.mark is not None
    assert (found.mark.version, found.revoked) == (7, ("flights-1",))


def test_a_chain_of_roots_is_followed(tmp_path: Path) -> None:
    files = [_file(tmp_path, trust) for trust in (FIRST, SECOND, THIRD)]
    root_file, view = recall(tmp_path / "state", "flights", files[0])
    remember(tmp_path / "state", view, root_file)
    root_file, view = recall(tmp_path / "state", "flights", files)
    assert view.trust.version == 3
    remember(tmp_path / "state", view, root_file)
    assert recall(tmp_path / "state", "flights", files[2])[1].trust.version == 3


def _remembered(tmp_path: Path, trust: Trust) -> Path:
    root_file, view = recall(tmp_path / "state", "flights", _file(tmp_path, trust))
    remember(tmp_path / "state", view, root_file)
    return tmp_path / "state"


def test_rolled_back_root(tmp_path: Path) -> None:
    directory = _remembered(tmp_path, SECOND)
    with pytest.raises(SignatureError, match="trust root was rolled back"):
        recall(directory, "flights", _file(tmp_path, FIRST))


def test_two_roots_of_one_version(tmp_path: Path) -> None:
    directory = _remembered(tmp_path, FIRST)
    with pytest.raises(SignatureError, match="two different trust roots"):
        recall(directory, "flights", _file(tmp_path, FIRST._replace(expires_at=NOW + 1)))


def test_root_that_skips_its_predecessor(tmp_path: Path) -> None:
    directory = _remembered(tmp_path, FIRST)
    with pytest.raises(SignatureError, match="cannot follow"):
        recall(directory, "flights", _file(tmp_path, THIRD))


def test_successor_by_a_stranger(tmp_path: Path) -> None:
    directory = _remembered(tmp_path, FIRST)
    stranger = key_of("stranger")
    forged = successor(FIRST, expires_at=NOW + 200 * DAY, holders={"root": [stranger.public]}, remove=[ROOT.keyid])
    with pytest.raises(SignatureError, match="lacks"):
        recall(directory, "flights", _file(tmp_path, forged, stranger))


def test_a_mark_by_a_key_that_is_gone_is_forgotten_and_revocations_are_not(tmp_path: Path) -> None:
    root_file, view = recall(tmp_path / "state", "flights", _file(tmp_path, FIRST))
    remember(tmp_path / "state", replace(_view(2**40, state_of_one="revoked"), trust=view.trust), root_file)
    rotated = successor(
        FIRST,
        expires_at=NOW + 200 * DAY,
        holders={"service": [key_of("new").public]},
        remove=[DEPLOYMENT.keys["service"].keyid],
    )
    _, found = recall(tmp_path / "state", "flights", _file(tmp_path, rotated))
    assert (found.mark, found.status, found.revoked) == (None, None, {"flights-1"})


@pytest.mark.parametrize("body", [b"", b"{}", b"not json", b'{"dataset":"flights","dataset":"flights"}'])
def test_damaged_state_is_not_forgotten_silently(tmp_path: Path, body: bytes) -> None:
    remember(tmp_path, _view(1), None)
    next(tmp_path.glob("flights*")).write_bytes(body)
    with pytest.raises(InputError, match="damaged"):
        recall(tmp_path, "flights", FIRST)


def test_missing_root_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the trust root"):
        recall(tmp_path, "flights", tmp_path / "none.json")
