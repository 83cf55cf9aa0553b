"""The sealed format: round trip, determinism, and every way to tamper with it."""

import hashlib
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ArtefactError
from stream_app.adapters import sealing
from stream_app.adapters.sealing import CHUNK, MAGIC, seal, unseal

KEY = bytes(range(32))
HEADER = len(MAGIC) + 16
SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7)


def _sealed(body: bytes, key: bytes = KEY, artefact: str = "a") -> bytes:
    return b"".join(seal(key, artefact, io.BytesIO(body), hashlib.sha256(body).digest()))


def _opened(body: bytes, key: bytes = KEY, artefact: str = "a") -> bytes:
    return b"".join(unseal(key, artefact, io.BytesIO(body)))


@pytest.mark.parametrize("size", SIZES)
def test_round_trip_at_the_borders_of_chunks(size: int) -> None:
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    assert _opened(_sealed(body)) == body
    assert _sealed(body) == _sealed(body)


@given(st.binary(max_size=2000), st.binary(max_size=2000))
def test_equal_content_gives_equal_files_and_other_content_other_nonces(one: bytes, two: bytes) -> None:
    first, second = _sealed(one), _sealed(two)
    assert (first == second) == (one == two)
    assert (first[:HEADER] == second[:HEADER]) == (one == two)


@settings(max_examples=200)
@given(st.binary(max_size=60), st.data())
def test_every_changed_bit_is_refused(body: bytes, data: st.DataObject) -> None:
    sealed = bytearray(_sealed(body))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ArtefactError):
        _opened(bytes(sealed))


@pytest.fixture(scope="module")
def three_chunks() -> bytes:
    return _sealed(bytes(2 * CHUNK + 100))


def _parts(sealed: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    chunk = CHUNK + 16
    return (
        sealed[:HEADER],
        sealed[HEADER : HEADER + chunk],
        sealed[HEADER + chunk : HEADER + 2 * chunk],
        sealed[HEADER + 2 * chunk :],
    )


@pytest.mark.parametrize(
    "defect", ["cut_at_a_chunk", "cut_inside", "swapped", "dropped", "repeated", "appended", "header_only", "empty"]
)
def test_chunks_in_another_order_or_number_are_refused(three_chunks: bytes, defect: str) -> None:
    head, one, two, three = _parts(three_chunks)
    broken = {
        "cut_at_a_chunk": head + one + two,
        "cut_inside": three_chunks[:-1],
        "swapped": head + two + one + three,
        "dropped": head + one + three,
        "repeated": head + one + one + two + three,
        "appended": three_chunks + b"x",
        "header_only": head,
        "empty": b"",
    }[defect]
    with pytest.raises(ArtefactError):
        _opened(broken)


def test_another_key_or_another_artefact_is_refused() -> None:
    sealed = _sealed(b"content")
    with pytest.raises(ArtefactError):
        _opened(sealed, key=bytes(32))
    with pytest.raises(ArtefactError):
        _opened(sealed, artefact="b")


def test_the_content_is_not_in_the_file() -> None:
    assert b"secret row" not in _sealed(b"secret row" * 10)


def test_a_slow_stream_is_read_to_its_end() -> None:
    class Dripping(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 1, 1000))

    body = bytes(CHUNK + 5000)
    sealed = b"".join(seal(KEY, "a", Dripping(body), hashlib.sha256(body).digest()))
    assert b"".join(sealing.unseal(KEY, "a", Dripping(sealed))) == body
