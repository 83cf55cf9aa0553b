"""Learn a reference model of the target, once, when the profile is taken.

The model is fitted on the first part of the reference's rows and its errors are counted on the later part, in time
order, so that they are those of rows it has not seen. Columns enter by coarse levels, at most the 40 that tell most of
the target: a logistic regression of classes, a ridge regression of a number's normal score (Hastie, Tibshirani and
Friedman, The Elements of Statistical Learning, 2009, 3.4 and 4.4).
"""

from collections.abc import Sequence
from math import ceil, sqrt
from typing import Any, Literal

import numpy as np

from schemas.dependence import Layout, PairTables
from schemas.errors import InsufficientEvidence
from stream_app.core.drift.coding.bins import MISSING, NEW, Codes, Floats
from stream_app.core.drift.concept.concept import (
    EXPECTED_UNIT,
    HEAVIEST,
    MOST_COLUMNS,
    SCALE,
    STEPS,
    UNLABELLED,
    ConceptModel,
    Narrow,
)
from stream_app.core.drift.concept.concept_score import block_scores, inflation

ColumnKind = Literal["numeric", "categorical"]
Levels = np.ndarray[Any, np.dtype[np.int64]]

FEWEST_LABELLED = 1_000
FEWEST_POOLED, _MOST_POOLED = 50, 500
_CODES = 256
_FITTED_SHARE = 0.6
_MOST_FITTED = 20_000
_CLASSES, _STEPS_A_COLUMN, _NAMED = 6, 12, 24
_CLASS_SHARE, _LEVEL_SHARE = 0.02, 0.005
_FEWEST_BLOCKS = 8
_ERRORS_A_BLOCK = 8
_WRONG_SHARE = 0.2
_PENALTY = 10.0
_PRIOR_ROWS = 10.0


def fit_concept_model(codes: Codes, target: int, kinds: Sequence[ColumnKind]) -> ConceptModel:
    """The model of column ``target`` from (n_columns, n_rows) ``codes`` in order of time.

    Raises ``InsufficientEvidence`` under 1,000 rows with a known target, where the target is constant, and where no
    other column has two levels.
    """
    labelled = np.flatnonzero(codes[target] > NEW)
    if len(labelled) < FEWEST_LABELLED:
        raise InsufficientEvidence(f"a reference model needs at least {FEWEST_LABELLED} rows with a known target")
    split = int(len(labelled) * _FITTED_SHARE)
    stride = ceil(split / _MOST_FITTED)
    early, late = codes[:, labelled[:split:stride]], codes[:, labelled[split:]]
    truth = _classes(early[target]) if kinds[target] == "categorical" else _scores(early[target])
    levels = _told(early, target, kinds)
    columns = tuple(sorted(levels))
    hot, starts = _one_hot(early, columns, levels)
    wanted = truth[early[target]]
    if kinds[target] == "categorical":
        weights, base = _classified(hot, wanted)
        limit = None
    else:
        weights, base = _regressed(hot, wanted / SCALE)
        missed = np.abs(hot @ weights[0] + base[0] - wanted / SCALE)
        limit = round(float(np.quantile(missed, 1 - _WRONG_SHARE)) * SCALE)
    tables = np.stack([_tables(own, columns, levels, starts) for own in weights])
    whole = np.clip(np.rint(base * SCALE), -HEAVIEST, HEAVIEST).astype(np.int32)
    return _calibrated(late, target, columns, tables, whole, truth, limit)


def _classes(cells: Codes) -> Narrow:
    """(256,) class of each code of the target: the most frequent six at most, of which the last is all others."""
    counts = np.bincount(cells, minlength=_CODES)
    order = [int(code) for code in np.argsort(-counts, kind="stable") if counts[code] > 0]
    if len(order) < 2:
        raise InsufficientEvidence("the target is constant in the reference: nothing can be learnt of it")
    own = [code for code in order[: _CLASSES - 1] if counts[code] >= _CLASS_SHARE * len(cells)]
    own = own or order[:1]
    own = order if len(order) == 2 else own
    # The last class is of all other codes; without any it is never guessed, and a code that turns up counts as missed.
    found = np.full(_CODES, len(own), dtype=np.int32)
    found[own] = np.arange(len(own))
    found[[MISSING, NEW]] = UNLABELLED
    return found


def _scores(cells: Codes) -> Narrow:
    """(256,) normal score of each bin's middle rank, in units of 1 / 4096."""
    from scipy.special import ndtri

    counts = np.bincount(cells, minlength=_CODES).astype(np.float64)
    if np.count_nonzero(counts) < 2:
        raise InsufficientEvidence("the target is constant in the reference: nothing can be learnt of it")
    rank = (np.cumsum(counts) - counts / 2) / len(cells)
    least = 0.25 / len(cells)
    found: Narrow = np.rint(ndtri(np.clip(rank, least, 1 - least)) * SCALE).astype(np.int32)
    found[[MISSING, NEW]] = UNLABELLED
    return found


def _told(codes: Codes, target: int, kinds: Sequence[ColumnKind]) -> dict[int, Levels]:
    """Levels (256,) of the columns that tell most of the target, by their mutual information with it."""
    levels = {place: coarse_levels(cells, kinds[place]) for place, cells in enumerate(codes)}
    others = [place for place, own in levels.items() if place != target and own.max() >= 1]
    if not others:
        raise InsufficientEvidence("no other column of the reference has two levels: nothing tells of the target")
    # Level 0 is of the codes without a level.
    table = np.stack([levels[place][codes[place]] + 1 for place in (target, *others)], axis=1)
    sizes = tuple(int(levels[place].max()) + 2 for place in (target, *others))
    layout = Layout(sizes, tuple((0, number + 1) for number in range(len(others))))
    information = PairTables.of(table, layout).mutual_information()
    best = np.argsort(-information, kind="stable")[:MOST_COLUMNS]
    return {others[number]: levels[others[number]] for number in best}


def coarse_levels(cells: Codes, kind: ColumnKind) -> Levels:
    """(256,) level of each code, -1 without one: up to 12 steps of about equal share, or the 24 most frequent and the
    rest; missing cells have one of their own where they are at least half a percent.
    """
    counts = np.bincount(cells, minlength=_CODES)
    found = np.full(_CODES, -1, dtype=np.int64)
    present = counts[2:]
    total = int(present.sum())
    if total and kind == "numeric":
        middle = (np.cumsum(present) - present / 2) / total
        found[2:] = np.minimum((middle * _STEPS_A_COLUMN).astype(np.int64), _STEPS_A_COLUMN - 1)
        found[2:] = np.searchsorted(np.unique(found[2:][present > 0]), found[2:])
        found[2:] = np.minimum(found[2:], found[2:][present > 0].max())
    elif total:
        order = np.argsort(-present, kind="stable")[:_NAMED]
        own = [int(code) for code in order if present[code] >= max(1.0, _LEVEL_SHARE * total)]
        left = total - int(present[own].sum())
        found[2:] = len(own) if left else -1
        found[2 + np.asarray(own, dtype=np.int64)] = np.arange(len(own))
    if counts[MISSING] >= _LEVEL_SHARE * len(cells):
        found[MISSING] = found.max() + 1
    return found


def _one_hot(codes: Codes, columns: tuple[int, ...], levels: dict[int, Levels]) -> tuple[Any, Levels]:
    """Sparse (rows, levels of all columns) indicators, and (columns,) where each column's levels begin."""
    from scipy.sparse import csr_array

    starts = np.cumsum([0, *(int(levels[place].max()) + 1 for place in columns)], dtype=np.int64)
    own = np.stack([levels[place][codes[place]] for place in columns], axis=1)
    kept = own >= 0
    rows = np.nonzero(kept)[0]
    places = (own + starts[:-1])[kept]
    return csr_array((np.ones(len(rows)), (rows, places)), shape=(codes.shape[1], int(starts[-1]))), starts


def _classified(hot: Any, wanted: "np.ndarray[Any, Any]") -> tuple[Floats, Floats]:
    """(outputs, levels) weights and (outputs,) intercepts; one output for two classes."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, max_iter=500, tol=1e-3).fit(hot, wanted)
    return np.asarray(model.coef_, dtype=np.float64), np.asarray(model.intercept_, dtype=np.float64)


def _regressed(hot: Any, wanted: Floats) -> tuple[Floats, Floats]:
    """Ridge regression by its normal equations."""
    centre = float(wanted.mean())
    square = (hot.T @ hot).toarray()
    square[np.diag_indices(len(square))] += _PENALTY
    return np.linalg.solve(square, hot.T @ (wanted - centre))[None, :], np.asarray([centre])


def _tables(weights: Floats, columns: tuple[int, ...], levels: dict[int, Levels], starts: Levels) -> Narrow:
    """(columns, 256) whole weight of each code; 0 where it has no level."""
    found = np.zeros((len(columns), _CODES), dtype=np.int32)
    whole = np.clip(np.rint(weights * SCALE), -HEAVIEST, HEAVIEST).astype(np.int32)
    for number, place in enumerate(columns):
        own = levels[place]
        found[number] = np.where(own >= 0, whole[starts[number] + np.maximum(own, 0)], 0)
    return found


def _calibrated(
    late: Codes, target: int, columns: tuple[int, ...], weights: Narrow, base: Narrow, truth: Narrow, limit: int | None
) -> ConceptModel:
    """Count the errors of later rows: how many by sureness, and by how much they vary from block to block."""
    model = ConceptModel(
        target, columns, weights, base, truth, limit, np.arange(STEPS, dtype=np.int64), 0.5, 1.0, FEWEST_POOLED, 1
    )
    # Numbered by sureness, ``expected`` gives the step of each row.
    _, wrong, step = model.judged(late)
    rows = late.shape[1]
    rate = (float(wrong.sum()) + 0.5) / (rows + 1)
    expected = _by_sureness(wrong, step, rate)
    pool = int(np.clip(ceil(_ERRORS_A_BLOCK / min(rate, 1 - rate)), FEWEST_POOLED, _MOST_POOLED))
    pool = max(1, min(pool, rows // _FEWEST_BLOCKS))
    blocks = rows // pool
    due = expected[step]
    kept = blocks * pool
    seen, wanted = (array[:kept].reshape(blocks, pool).sum(axis=1) for array in (wrong, due))
    scores = block_scores(np.full(blocks, float(pool)), seen, wanted / EXPECTED_UNIT)
    return ConceptModel(
        target, columns, weights, base, truth, limit, expected, rate, inflation(scores, _least(due)), pool, blocks
    )


def _by_sureness(wrong: "np.ndarray[Any, Any]", step: "np.ndarray[Any, Any]", rate: float) -> Levels:
    """(16,) expected errors a row; few rows borrow from the overall rate, and all rows have as many as were seen."""
    rows = np.bincount(step, minlength=STEPS).astype(np.float64)
    missed = np.bincount(step, wrong, minlength=STEPS)
    shares = (missed + _PRIOR_ROWS * rate) / (rows + _PRIOR_ROWS)
    shares *= rate * len(wrong) / float((shares * rows).sum())
    found: Levels = np.rint(np.clip(shares, 0, 1) * EXPECTED_UNIT).astype(np.int64)
    return found


def _least(due: "np.ndarray[Any, Any]") -> float:
    """The spread of a block's score that independent rows of these chances would have: below 1 where they differ."""
    chance = due / EXPECTED_UNIT
    mean = float(chance.mean())
    return sqrt(max(0.25, float((chance * (1 - chance)).mean()) / (mean * (1 - mean))))
