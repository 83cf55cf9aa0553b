"""Membership by closeness for its neighbourhood: dense regions are near to everything."""

from dataclasses import dataclass

import numpy as np

from schemas.bins import Reals
from validators.privacy.attacks.protocol import Knowledge

SHARE, LEAST = 0.003, 1e-7
"""Distances below this share of the usual one to the reference count as alike: dense tables need finer ones."""


@dataclass(frozen=True, slots=True)
class CalibratedDistance:
    """log of the distance to the nearest reference row over that to the nearest synthetic one; sees copies, and near
    copies anywhere.

    Source: calibration by a reference in Chen et al. 2020 (GAN-Leaks) and Watson et al. 2022.
    """

    name: str = "calibrated_distance"
    needs_reference: bool = True

    def scores(self, known: Knowledge) -> Reals:
        """The nearer to synthetic than to reference rows the higher."""
        offset = max(LEAST, SHARE * float(np.median(known.to_reference)))
        return np.log(known.to_reference + offset) - np.log(known.to_synthetic + offset)
