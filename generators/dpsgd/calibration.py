"""Offsets under which what a decoder draws has the paid shares again: iterative scaling on public draws.

Training with noise moves the shares of the cells within each class, which are known better from the histograms. Latents
are drawn, so this is post-processing.
"""

import numpy as np

from generators.arrays import Floats
from generators.dpsgd.model import Decoder, Singles

LATENTS, ROUNDS = 4_000, 8
FARTHEST = 3.0
"""Nats that one round may move an offset."""


def calibrated(decoder: Decoder, sizes: list[int], shares: Floats, rng: np.random.Generator) -> Decoder:
    """The decoder with offsets such that its mean shares are ``shares`` (classes, width), columns of ``sizes`` cells
    each.
    """
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    offsets = decoder.offsets.copy()
    for label in range(len(offsets)):
        latent = rng.standard_normal((LATENTS, decoder.latent), dtype=np.float32)
        logits = decoder.logits(latent, np.full(LATENTS, label)) - decoder.offsets[label]
        for _ in range(ROUNDS):
            mean = _shares(logits + offsets[label], starts, sizes).mean(0, dtype=np.float64)
            moved = np.log(shares[label] / np.maximum(mean, 1e-12))
            offsets[label] += np.clip(moved, -FARTHEST, FARTHEST).astype(np.float32)
    return Decoder(decoder.hidden_weight, decoder.hidden_bias, decoder.weight, decoder.bias, offsets)


def _shares(logits: Singles, starts: "np.ndarray[tuple[int], np.dtype[np.int64]]", sizes: list[int]) -> Singles:
    raised = np.exp(logits - np.repeat(np.maximum.reduceat(logits, starts, axis=1), sizes, axis=1))
    found: Singles = raised / np.repeat(np.add.reduceat(raised, starts, axis=1), sizes, axis=1)
    return found
