"""The transparency log: RFC 6962 Merkle trees, their roots, inclusion and consistency proofs, and how to check them.

Leaves are bytes (for Perennial the 32 bytes of a certificate statement's SHA-256); hashes are 32 bytes.
"""

import hashlib
from collections.abc import Sequence

from schemas.errors import InputError


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 6962, 2.1: the hash of a leaf, apart from that of any node."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of the leaves in order; of none, SHA-256 of nothing."""
    return _root([leaf_hash(leaf) for leaf in leaves]) if leaves else hashlib.sha256().digest()


Frontier = tuple[tuple[int, bytes], ...]
"""The perfect subtrees that a log is made of, with their sizes, largest first: all that is needed to add a leaf."""


def grown(frontier: Frontier, leaf: bytes) -> Frontier:
    """The frontier with one more leaf; costs the logarithm of the log's size."""
    size, newest, older = 1, leaf_hash(leaf), list(frontier)
    while older and older[-1][0] == size:
        newest = _node(older.pop()[1], newest)
        size *= 2
    return (*older, (size, newest))


def root_of(frontier: Frontier) -> bytes:
    """The root of the log that has this frontier."""
    if not frontier:
        return root(())
    *older, (_, found) = frontier
    for _, peak in reversed(older):
        found = _node(peak, found)
    return found


def _root(hashes: Sequence[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    split = _split(len(hashes))
    return _node(_root(hashes[:split]), _root(hashes[split:]))


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The audit path of leaf ``index`` (2.1.1), nearest sibling first; raises ``InputError`` where there is no such
    leaf.
    """
    if not 0 <= index < len(leaves):
        raise InputError("the log has no leaf of that number")
    return tuple(_path([leaf_hash(leaf) for leaf in leaves], index))


def _path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    split = _split(len(hashes))
    if index < split:
        return [*_path(hashes[:split], index), _root(hashes[split:])]
    return [*_path(hashes[split:], index - split), _root(hashes[:split])]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """True where the proof shows that ``leaf`` is number ``index`` of the ``size`` leaves under the root
    ``expected``.
    """
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf_hash(leaf)
    for sibling in proof:
        if last == 0:
            return False
        if place % 2 or place == last:
            found = _node(sibling, found)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            found = _node(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == expected


def consistency_proof(leaves: Sequence[bytes], first: int) -> tuple[bytes, ...]:
    """Why the first ``first`` leaves are a prefix of these (2.1.2); raises ``InputError`` where they cannot be."""
    if not 0 < first <= len(leaves):
        raise InputError("the log never had that size")
    return tuple(_subproof([leaf_hash(leaf) for leaf in leaves], first, whole=True))


def _subproof(hashes: Sequence[bytes], first: int, whole: bool) -> list[bytes]:
    if first == len(hashes):
        return [] if whole else [_root(hashes)]
    split = _split(len(hashes))
    if first <= split:
        return [*_subproof(hashes[:split], first, whole), _root(hashes[split:])]
    return [*_subproof(hashes[split:], first - split, whole=False), _root(hashes[:split])]


def verify_consistency(first: int, second: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """True where the proof shows that the log of size ``second`` extends the one of size ``first``, nothing
    rewritten.
    """
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and old_root == new_root
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    place, last = first - 1, second - 1
    while place % 2:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place % 2 or place == last:
            old, new = _node(sibling, old), _node(sibling, new)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            new = _node(new, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root
