"""Adaptive rounds: fit, choose the tables that the model misses most, measure those, fit again.

AIM (McKenna, Mullins, Sheldon and Miklau 2022) on other inference: rounds choose several tables at once, start from the
pairs of the private marginals, and treat a round that told nothing as AIM does, by measuring fewer tables with less
noise. What leaves here is post-processed noise only.
"""

from collections.abc import Callable, Sequence

import numpy as np

from generators.aim.candidates import TARGET_WEIGHT, Candidate, candidates, gap
from generators.aim.known import Known
from generators.aim.merging import with_table
from generators.arrays import Ints
from generators.private.meter import Meter

CHOOSING = 0.1
"""The part of a round's budget that goes to choosing."""


Expected = Callable[[Known], Ints]
"""Synthetic rows (rows, columns) of fine cells, drawn from a model that was fitted to what is known."""


def adapt(
    meter: Meter,
    rows: Ints,
    known: Known,
    target: int | None,
    rounds: int,
    expected: Expected,
    told: Callable[[int], None],
) -> Known:
    """What is known after ``rounds`` more rounds, which spend the whole of ``meter``; ``rows`` are fine cells."""
    offered = candidates(known.measured, target)
    at_once = max(1, min(len(offered), rows.shape[1]))
    for turn in range(rounds if offered else 0):
        told(turn)
        drawn = expected(known)
        scale = known.measured.rows / max(len(drawn), 1)
        chosen = _chosen(meter, rows, known, offered, drawn, scale, at_once, turn, rounds)
        news = 0
        for candidate in chosen:
            before = (candidate.clique.counts(drawn, known.measured.codings) * scale).astype(np.float64)
            share = (1 - CHOOSING) / rounds / len(chosen)
            known, told_something = with_table(meter, rows, known, candidate.clique, before, scale, share, turn)
            news += told_something
        at_once = max(1, at_once // 2) if 2 * news < len(chosen) else at_once
    return known


def _chosen(
    meter: Meter,
    rows: Ints,
    known: Known,
    offered: Sequence[Candidate],
    drawn: Ints,
    scale: float,
    count: int,
    turn: int,
    rounds: int,
) -> list[Candidate]:
    """``count`` different candidates, one exponential mechanism each."""
    deviation = meter.deviation((1 - CHOOSING) / rounds / count)
    codings = known.measured.codings
    scores = []
    for candidate in offered:
        answer = candidate.clique.counts(rows, codings)
        model = np.rint(candidate.clique.counts(drawn, codings) * scale).astype(np.int64)
        scores.append(candidate.weight * gap(answer, model, deviation, scale))
    left = list(range(len(offered)))
    chosen = []
    for place in range(min(count, len(offered))):
        open_scores = np.array([scores[index] for index in left], dtype=np.int64)
        found = meter.choose(f"choice/{turn}/{place}", open_scores, CHOOSING / rounds / count, float(TARGET_WEIGHT))
        chosen.append(offered[left.pop(found)])
    return chosen
