"""How much a column of codes tells."""

import numpy as np

from validators.encoding import Codes


def entropy(column: Codes) -> float:
    """Shannon entropy in nats of (n_rows,) codes."""
    share = np.bincount(column) / max(1, len(column))
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())
