"""RFC 6962 by the vectors of the reference implementation (certificate-transparency, merkle_tree_test)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InputError
from stream_app.core.transparency import (
    Frontier,
    consistency_proof,
    grown,
    inclusion_proof,
    leaf_hash,
    root,
    root_of,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
INCLUSIONS = {
    (0, 1): (),
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
    (1, 5): (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
CONSISTENCIES = {
    (1, 1): (),
    (1, 8): INCLUSIONS[(0, 8)],
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}


def hexed(proof: tuple[bytes, ...]) -> tuple[str, ...]:
    return tuple(node.hex() for node in proof)


def test_roots_are_those_of_the_reference_implementation() -> None:
    assert root([]).hex() == EMPTY
    assert leaf_hash(b"").hex() == ROOTS[0]
    assert [root(LEAVES[:size]).hex() for size in range(1, 9)] == ROOTS


@pytest.mark.parametrize(("place", "proof"), INCLUSIONS.items())
def test_inclusion_proofs_are_those_of_the_reference_implementation(
    place: tuple[int, int], proof: tuple[str, ...]
) -> None:
    index, size = place
    found = inclusion_proof(LEAVES[:size], index)
    assert hexed(found) == proof
    assert verify_inclusion(LEAVES[index], index, size, found, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("sizes", "proof"), CONSISTENCIES.items())
def test_consistency_proofs_are_those_of_the_reference_implementation(
    sizes: tuple[int, int], proof: tuple[str, ...]
) -> None:
    first, second = sizes
    found = consistency_proof(LEAVES[:second], first)
    assert hexed(found) == proof
    assert verify_consistency(first, second, bytes.fromhex(ROOTS[first - 1]), bytes.fromhex(ROOTS[second - 1]), found)


@given(st.lists(st.binary(max_size=3), max_size=40))
def test_a_log_grown_leaf_by_leaf_has_the_root_of_the_whole(leaves: list[bytes]) -> None:
    frontier: Frontier = ()
    for leaf in leaves:
        frontier = grown(frontier, leaf)
    assert root_of(frontier) == root(leaves)
    assert sum(size for size, _ in frontier) == len(leaves)


@settings(deadline=None)
@given(
    st.integers(1, 40).flatmap(lambda size: st.tuples(st.just(size), st.integers(1, size), st.integers(0, size - 1))),
    st.data(),
)
def test_proofs_hold_for_what_they_prove_and_nothing_else(place: tuple[int, int, int], data: st.DataObject) -> None:
    size, first, index = place
    leaves = [bytes([number]) for number in range(size)]
    included, extended = inclusion_proof(leaves, index), consistency_proof(leaves, first)
    assert verify_inclusion(leaves[index], index, size, included, root(leaves))
    assert verify_consistency(first, size, root(leaves[:first]), root(leaves), extended)
    assert not verify_inclusion(b"another", index, size, included, root(leaves))
    assert not verify_inclusion(leaves[index], index, size, (*included, bytes(32)), root(leaves))
    rewritten = [b"rewritten", *leaves[1:]]
    assert not verify_consistency(first, size, root(rewritten[:first]), root(leaves), extended)
    if included:
        cut = data.draw(st.integers(0, len(included) - 1))
        assert not verify_inclusion(leaves[index], index, size, (*included[:cut], *included[cut + 1 :]), root(leaves))


def test_proofs_outside_the_log_are_refused() -> None:
    for index in (-1, 8):
        with pytest.raises(InputError):
            inclusion_proof(LEAVES, index)
        assert not verify_inclusion(b"", index, 8, (), root(LEAVES))
    for first in (0, 9):
        with pytest.raises(InputError):
            consistency_proof(LEAVES, first)
        assert not verify_consistency(first, 8, root(LEAVES), root(LEAVES), ())
