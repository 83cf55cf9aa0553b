"""Discrete Gaussian noise from a keyed cryptographic stream: exact integers, no floating-point leak.

The sampler is Canonne, Kamath and Steinke 2020 (algorithms 1 to 3), vectorised, in integer arithmetic throughout, so
that the law is the discrete Gaussian's itself up to ChaCha20 being a stream cipher. Counts are integers; the noise
lives on a lattice of 1/``scale`` of a count with at least 2^15 steps to a standard deviation, where one discrete
Gaussian has the (epsilon, delta) curve of the continuous one up to a theta-function term of order exp(-2 pi^2 sigma^2)
(theorem 7 there).

A table takes independent draws; their joint law is not round, but over 2^15 steps the same term bounds the difference.

*Centring afterwards.* Pair tables are published as P(x + z) with P an orthogonal projection of rational entries of
denominator d (at most the number of cells). Its fibre over a published value is a coset of a sublattice of Z^m, and the
probability of a value is the Gaussian's mass on that coset: by Poisson summation the projected Gaussian density times 1
+- r, where r <= sum over the dual lattice of exp(-2 pi^2 sigma^2 |w|^2), |w|^2 >= 1/d. With sigma >= 2^15 steps and d
<= 2^24 cells r < exp(-1200): the revealed value is private as a Gaussian with the *projected* sensitivity, at no loss
in delta.
"""

import hashlib
import math

import numpy as np
from nacl.bindings import crypto_aead_chacha20poly1305_ietf_ABYTES as TAG
from nacl.bindings import crypto_aead_chacha20poly1305_ietf_encrypt as chacha20

from generators.arrays import Bools, Floats, Ints, Words
from schemas.errors import InsufficientEvidence

FINEST = 2**15
"""Lattice steps to a standard deviation, at least, wherever the noise is below 2^15 counts."""
LARGEST = 2**24
"""Beyond this many steps the rejection step would overflow 64 bits; no count that noisy says anything."""
BLOCK = 4_096
"""Words of keystream at a time: a call of the cipher costs more than they do."""


class NoiseStream:
    """Uniform 64-bit words: the ChaCha20 keystream (RFC 8439) under a key derived from a secret and a label.

    One (secret, label) is one stream: never use a label twice for different queries.
    """

    def __init__(self, secret: bytes, label: str) -> None:
        self._key = hashlib.blake2b(label.encode(), key=secret[:64], digest_size=32, person=b"perennial-noise").digest()
        self._blocks = 0
        self._left = np.zeros(0, dtype=np.uint64)

    def words(self, count: int) -> Words:
        """``count`` words, uint64, in the stream's order, read in blocks under a nonce of their own."""
        if count > self._left.size:
            self._left = np.concatenate([self._left, self._block(max(BLOCK, count - self._left.size))])
        taken, self._left = self._left[:count].copy(), self._left[count:]
        return taken

    def _block(self, count: int) -> Words:
        nonce = self._blocks.to_bytes(12, "little")
        self._blocks += 1
        stream = chacha20(bytes(8 * count), None, nonce, self._key)
        return np.frombuffer(stream[:-TAG], dtype="<u8").astype(np.uint64)

    def below(self, bound: int, count: int) -> Ints:
        """Exactly uniform integers in [0, ``bound``), ``bound`` at most 2^62."""
        unbiased = np.uint64((2**64 // bound) * bound - 1)
        words = self.words(count)
        while (rejected := np.flatnonzero(words > unbiased)).size:
            words[rejected] = self.words(rejected.size)
        return (words % np.uint64(bound)).astype(np.int64)


def discrete_gaussian(stream: NoiseStream, sigma: int, count: int) -> Ints:
    """Exact draws with P(z) proportional to exp(-z^2 / (2 sigma^2)), sigma a whole number up to ``LARGEST``.

    A discrete Laplace of scale sigma is accepted with probability exp(-(|z| - sigma)^2 / (2 sigma^2)).
    """
    if not 1 <= sigma <= LARGEST:
        raise InsufficientEvidence("the budget is too small for this many queries: noise would drown every count")
    drawn = np.zeros(count, dtype=np.int64)
    pending = np.arange(count)
    while pending.size:
        candidates = discrete_laplace(stream, sigma, pending.size)
        distance = np.abs(candidates) - sigma
        accepted = bernoulli_exp(stream, distance * distance, 2 * sigma * sigma)
        drawn[pending[accepted]] = candidates[accepted]
        pending = pending[~accepted]
    return drawn


def discrete_laplace(stream: NoiseStream, scale: int, count: int) -> Ints:
    """Exact draws with P(z) proportional to exp(-|z| / scale)."""
    drawn = np.zeros(count, dtype=np.int64)
    pending = np.arange(count)
    while pending.size:
        fraction = stream.below(scale, pending.size)
        kept = bernoulli_exp(stream, fraction, scale)
        magnitude = fraction + scale * _geometric(stream, pending.size)
        negative = stream.below(2, pending.size) == 1
        kept &= ~(negative & (magnitude == 0))
        drawn[pending[kept]] = np.where(negative, -magnitude, magnitude)[kept]
        pending = pending[~kept]
    return drawn


def bernoulli_exp(stream: NoiseStream, numerators: Ints, denominator: int) -> Bools:
    """Exact coins of probability exp(-numerator / denominator), for non-negative rationals."""
    whole, rest = numerators // denominator, numerators % denominator
    alive = np.ones(numerators.size, dtype=bool)
    while (active := np.flatnonzero(alive & (whole > 0))).size:
        alive[active] = _bernoulli_exp_fraction(stream, np.ones(active.size, dtype=np.int64), 1)
        whole[active] -= 1
    active = np.flatnonzero(alive)
    alive[active] = _bernoulli_exp_fraction(stream, rest[active], denominator)
    return alive


def noisy_counts(secret: bytes, label: str, counts: Ints, sigma: float) -> tuple[Floats, float]:
    """Integer counts of any shape plus discrete Gaussian noise of standard deviation at least ``sigma``, and that
    deviation.
    """
    scale = 2 ** max(0, math.ceil(math.log2(FINEST / sigma)))
    steps = math.ceil(sigma * scale)
    noise = discrete_gaussian(NoiseStream(secret, label), steps, counts.size)
    lattice = counts.ravel().astype(np.int64) * scale + noise
    return (lattice / scale).reshape(counts.shape), steps / scale


def _geometric(stream: NoiseStream, count: int) -> Ints:
    """How many coins of probability 1/e come up heads before the first tails."""
    heads = np.zeros(count, dtype=np.int64)
    active = np.arange(count)
    while active.size:
        active = active[_bernoulli_exp_fraction(stream, np.ones(active.size, dtype=np.int64), 1)]
        heads[active] += 1
    return heads


def _bernoulli_exp_fraction(stream: NoiseStream, numerators: Ints, denominator: int) -> Bools:
    """Coins of probability exp(-g), 0 <= g <= 1: the first k at which a coin of g/k fails is odd (von Neumann)."""
    result = np.zeros(numerators.size, dtype=bool)
    active = np.arange(numerators.size)
    k = 1
    while active.size:
        survived = stream.below(denominator * k, active.size) < numerators[active]
        result[active[~survived]] = k % 2 == 1
        active = active[survived]
        k += 1
    return result
