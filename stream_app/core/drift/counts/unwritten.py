"""Arrays that are only read, so that machine code has one variant for them wherever they come from."""

from typing import Any

import numpy as np


def unwritten(counts: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """A view that nobody can write to, as counts are that come off the wire."""
    found = counts.view()
    found.flags.writeable = False
    return found
