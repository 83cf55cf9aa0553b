"""How far from normal a block's scores are: a share of few rows is skewed, and its sums pass a height the sooner."""

from typing import NamedTuple

import numpy as np

from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.scoring.scoring import Scoring

_SQUARED = 0.15
"""What Wilson and Hilferty's cube root leaves: chi-squared scores of pairs of 15 columns showed 0 to 0.28 in
blocks of 100 rows.
"""

_STEP = 0.05

_DEPENDENT, _UNSURE = 1.15, 1.2
"""Scores that vary more than independent rows' would have a spread that is learnt from few independent pieces: some
fifteen of the longest tell it to a fifth.
"""


class Tails(NamedTuple):
    """(channels,) skewness of a nominal block's score, whichever side it is on; where scores are cut off; by how much
    more than independent rows' they vary.
    """

    skews: Floats
    cuts: Floats
    spread: Floats

    @property
    def unsure(self) -> Floats:
        """(channels,) by how much heights are longer because the spread is itself learnt."""
        return np.where(self.spread > _DEPENDENT, _UNSURE, 1.0)


def tails_of(scoring: Scoring, counts: Integers, cuts: Floats, spread: Floats) -> Tails:
    """Of scores against (cells,) baseline ``counts``: a sum over n rows has the contrast's skewness over root n."""
    seen, linear = counts.astype(np.float64), scoring.contrasts.shape[0]
    bases = scoring.base_of[:linear]
    rows, expected = (np.maximum(each[bases], 1.0) for each in (scoring.bases @ seen, scoring.expected))
    found = np.full(len(scoring.channels), _SQUARED)
    found[:linear] = np.abs(scoring.contrasts.power(3) @ seen) / rows / np.sqrt(expected)
    return Tails(np.round(found / _STEP) * _STEP, cuts, spread)
