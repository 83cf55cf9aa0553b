"""The container reads what it wrote, and nothing that was damaged."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from generators.artefact import DIGEST, MAGIC, PREFIX, pack, unpack
from schemas.canonical import canonical
from schemas.errors import ArtefactError

ARRAY = arrays.arrays(
    dtype=st.sampled_from(["<f8", "<f4", "<i8", "<i4", "|i1", "|u1"]), shape=arrays.array_shapes(max_dims=3, min_side=0)
)
HEADER = {"family": "test", "numbers": [1, 2, 3]}
BODY = pack(HEADER, {"one": np.arange(12.0).reshape(3, 4), "two": np.arange(5)})


def sealed(document: object, rest: bytes = b"") -> bytes:
    """A container with a right digest around any header: what a forger could write."""
    text = canonical(document)
    body = MAGIC + len(text).to_bytes(8, "little") + text + rest
    return body + hashlib.sha256(body).digest()


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), ARRAY, max_size=3))
def test_round_trip(found: dict[str, np.ndarray]) -> None:
    body = pack(HEADER, found)
    back = unpack(body)
    assert back.header == HEADER
    assert set(back.arrays) == set(found)
    assert all(
        np.array_equal(back.arrays[name], found[name], equal_nan=found[name].dtype.kind == "f") for name in found
    )
    assert all(back.arrays[name].dtype == found[name].dtype for name in found)
    assert pack(back.header, back.arrays) == body


@settings(deadline=None)
@given(place=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_any_flipped_bit_is_refused(place: int, bit: int) -> None:
    damaged = bytearray(BODY)
    damaged[place] ^= 1 << bit
    with pytest.raises(ArtefactError):
        unpack(bytes(damaged))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(body: bytes) -> None:
    for candidate in (body, MAGIC + body, MAGIC + body + hashlib.sha256(MAGIC + body).digest()):
        with pytest.raises(ArtefactError):
            unpack(candidate)


@settings(deadline=None)
@given(st.integers(0, len(BODY) - 1))
def test_any_cut_is_refused(length: int) -> None:
    with pytest.raises(ArtefactError):
        unpack(BODY[:length])


ENTRY = {"name": "a", "dtype": "<f8", "shape": [2]}


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"header": {}},
        {"header": [], "arrays": []},
        {"header": {}, "arrays": {}},
        {"header": {}, "arrays": [1]},
        {"header": {}, "arrays": [ENTRY | {"dtype": "|O"}]},
        {"header": {}, "arrays": [ENTRY | {"dtype": "<U9"}]},
        {"header": {}, "arrays": [ENTRY | {"shape": [-1]}]},
        {"header": {}, "arrays": [ENTRY | {"shape": [2**45]}]},
        {"header": {}, "arrays": [ENTRY | {"shape": [True]}]},
        {"header": {}, "arrays": [ENTRY | {"shape": "2"}]},
        {"header": {}, "arrays": [ENTRY | {"shape": [3]}]},
        {"header": {}, "arrays": [ENTRY | {"shape": [1]}]},
        {"header": {}, "arrays": [ENTRY | {"shape": [1]}, ENTRY | {"shape": [1]}]},
        {"header": {}, "arrays": []},
    ],
)
def test_a_forged_listing_is_refused(document: object) -> None:
    with pytest.raises(ArtefactError):
        unpack(sealed(document, bytes(16)))


def test_a_pickled_array_cannot_be_packed() -> None:
    with pytest.raises(ArtefactError):
        pack({}, {"objects": np.array([object()])})
    assert len(BODY) > PREFIX + DIGEST
