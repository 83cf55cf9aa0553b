"""Membership by closeness: who lies near a synthetic row was fitted."""

from dataclasses import dataclass

from schemas.bins import Reals
from validators.privacy.attacks.protocol import Knowledge


@dataclass(frozen=True, slots=True)
class Distance:
    """Minus the exact Gower distance to the nearest synthetic row; sees copies, and near copies in sparse regions.

    Source: distance to the closest record, as in Chen et al. 2020 (GAN-Leaks), black box without calibration.
    """

    name: str = "distance"
    needs_reference: bool = False

    def scores(self, known: Knowledge) -> Reals:
        """The nearer the higher."""
        return -known.to_synthetic
