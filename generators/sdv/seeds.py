"""SDV draws from the process's random states: seeded here for the time of a fit, and put back afterwards."""

import contextlib
import hashlib
import random
from collections.abc import Iterator

import numpy as np


def number_of(seed: bytes, purpose: str) -> int:
    """A 31-bit seed for libraries that take no longer one."""
    return int.from_bytes(hashlib.blake2b(purpose.encode(), key=seed[:64], digest_size=4).digest()) >> 1


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The global states of ``random``, numpy and torch begin at ``seed`` and are restored at the end."""
    import torch

    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])
