"""The partition that a key belongs to, as Kafka's Java client and librdkafka's ``murmur2`` partitioner choose it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_M, _SEED = 0x5BD1E995, 0x9747B28C


def partitions_of_tokens(tokens: Sequence[str], partitions: int) -> npt.NDArray[np.int64]:
    """A partition for each token; all tokens are ASCII of one length, a multiple of four.

    MurmurHash2 (Appleby, public domain) over the bytes, its sign bit off, modulo the number of partitions.
    """
    if not tokens:
        return np.zeros(0, dtype=np.int64)
    words = np.frombuffer("".join(tokens).encode("ascii"), dtype="<u4").reshape(len(tokens), -1)
    with np.errstate(over="ignore"):
        found = np.full(len(tokens), (_SEED ^ (4 * words.shape[1])) & 0xFFFFFFFF, dtype=np.uint32)
        for column in range(words.shape[1]):
            word = words[:, column] * np.uint32(_M)
            word ^= word >> np.uint32(24)
            found = found * np.uint32(_M) ^ word * np.uint32(_M)
        found ^= found >> np.uint32(13)
        found *= np.uint32(_M)
        found ^= found >> np.uint32(15)
    return (found & np.uint32(0x7FFFFFFF)).astype(np.int64) % partitions
