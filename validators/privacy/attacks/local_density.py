"""Membership by counting: synthetic rows crowd around what was fitted (the Monte Carlo attack)."""

from dataclasses import dataclass

import numpy as np

from schemas.bins import Reals
from validators.privacy.attacks.protocol import Knowledge
from validators.privacy.embedding import neighbours, tree

SHARE = 0.02
WIDER = 4


@dataclass(frozen=True, slots=True)
class LocalDensity:
    """How many synthetic rows lie within a radius of the target, and of equal counts, within a wider one.

    The radius is the distance within which 2 % of the attacker's own rows (of the targets, where he has none) have a
    synthetic row; the wider one four times that. Sees copies and clusters of near copies. Source: Hilprecht et al. 2019
    (Monte Carlo attack), with their percentile heuristic for the radius.
    """

    name: str = "local_density"
    needs_reference: bool = False

    def scores(self, known: Knowledge) -> Reals:
        """The more the higher."""
        targets, synthetic, reference = known.embedded
        own = reference if len(reference) else targets
        index = tree(synthetic)
        radius = float(np.quantile(neighbours(index, own, 1)[0], SHARE))
        within, around = (
            np.asarray(index.query_ball_point(targets, reach, return_length=True), dtype=np.float64)
            for reach in (radius, WIDER * radius)
        )
        return within + around / (1 + len(synthetic))
