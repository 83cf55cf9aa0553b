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

_DEPENDENT, _UNSURE, _UNSURE_LONG = 1.15, 1.15, 1.05
"""Scores that vary more than independent rows' would have a spread that is learnt from few independent pieces, which
tell it to a tenth. Sums over many blocks need less on top: the spread is the largest of several widths', which lies
above theirs. On AR(1) processes of coefficients from 0.5 to 0.98 they kept to their budget without any.
"""

_MOST = 1.5
"""The most that is left of a skewness once scores are cut off at three standard deviations."""


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

    @property
    def unsure_long(self) -> Floats:
        """As ``unsure``, for sums over 32 blocks and more."""
        return np.where(self.spread > _DEPENDENT, _UNSURE_LONG, 1.0)


def tails_of(scoring: Scoring, counts: Integers, cuts: Floats, spread: Floats) -> Tails:
    """Of scores against (cells,) baseline ``counts``: a sum over n rows has the contrast's skewness over root n.

    Dependent rows are as few independent pieces as their scores' variance is larger, so that a sum over them has the
    longer tails: as much as its ``spread``, or a chi-squared score, which few directions make then, by its square.
    AR(1) processes of coefficients from 0.5 to 0.98 showed nine tenths of that to one and a half times as much. Where
    tails are long on both sides, as a correlation's are, the skewness of a gamma law of the same kurtosis stands for
    them.
    """
    seen, linear = counts.astype(np.float64), scoring.contrasts.shape[0]
    bases = scoring.base_of[:linear]
    rows, expected = (np.maximum(each[bases], 1.0) for each in (scoring.bases @ seen, scoring.expected))
    found = np.full(len(scoring.channels), _SQUARED)
    found[:linear] = np.abs(scoring.contrasts.power(3) @ seen) / rows / np.sqrt(expected)
    longer = spread > _DEPENDENT
    fourth = np.maximum(scoring.contrasts.power(4) @ seen / rows - 3, 0) / expected
    pieces = np.maximum(found[:linear], np.sqrt(fourth / 1.5)) * spread[:linear]
    pieces = np.append(pieces, found[linear:] * spread[linear:] ** 2)
    found = np.where(longer, np.minimum(pieces, _MOST), found)
    return Tails(np.round(found / _STEP) * _STEP, cuts, spread)
