"""Labels turned in one region of feature space, found on one half of the rows and measured on the other."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from validators.poison.suspicion import Judged, Planted
from validators.utility.learning import Learning
from validators.views import tree_matrix

LEAVES = 24
LEAST = 40
LEAST_REAL = 20
CLASSES = 5
TYPICAL = 0.7
"""The quantile over regions of how far the table lies off everywhere: what its generator is excused for."""
DEVIATIONS = 3.2
"""Simultaneous 95 % over two halves of 24 leaves (Bonferroni)."""


def regions(task: Learning, synthetic: Judged, holdout: Judged) -> Planted | None:
    """The region whose label lies farthest beyond every honest account of it.

    A regression tree on one half of the synthetic rows finds where labels differ from what a model of real rows
    expects; the other half measures. Accounts of a leaf are two models of real rows and the leaf's holdout rows. What
    the table lies off in most of its regions is taken off too: an honest blur is everywhere. None where no leaf has 40
    rows.
    """
    rows, real = (
        tree_matrix(task.evidence, table, task.features)[judged.rows]
        for table, judged in ((task.evidence.synthetic, synthetic), (task.evidence.holdout, holdout))
    )
    found = [
        one
        for k in (range(1, 2) if task.target.classes == 2 else range(min(CLASSES, task.target.classes)))
        for one in _of_class(k, rows, real, synthetic, holdout, task.evidence.seed)
    ]
    return max(found, key=lambda one: (one.lower, one.share), default=None)


def _of_class(k: int, rows: Reals, real: Reals, synthetic: Judged, holdout: Judged, seed: int) -> Iterator[Planted]:
    labels, expected = (synthetic.labels == k).astype(np.float64), synthetic.boosting[:, k]
    leaf, leaf_real = _leaves(rows, real, labels - expected, seed)
    leaves, place, counts = np.unique(leaf, return_inverse=True, return_counts=True)
    rate, boosted, linear = (_means(place, each, counts) for each in (labels, expected, synthetic.linear[:, k]))
    seen = np.array([int(((leaf_real == each).any(axis=1)).sum()) for each in leaves])
    held = np.array([float((holdout.labels == k)[(leaf_real == each).any(axis=1)].mean()) if n else 0.0
                     for each, n in zip(leaves, seen, strict=True)])  # fmt: skip
    known = seen >= LEAST_REAL
    held, noise = np.where(known, held, boosted), np.where(known, held * (1 - held) / np.maximum(1, seen), 0.0)
    top, bottom = np.maximum.reduce([boosted, linear, held]), np.minimum.reduce([boosted, linear, held])
    beyond = np.maximum.reduce([rate - top, bottom - rate, np.zeros(len(leaves))])
    typical = float(np.quantile(np.abs(rate - boosted), TYPICAL)) if len(leaves) > 2 else 0.0
    error = np.sqrt(np.maximum(rate * (1 - rate), 0.01) / counts + noise)
    weight = counts / len(labels) * 2
    for j in np.flatnonzero(counts >= LEAST):
        share, half = (beyond[j] - typical) * weight[j], DEVIATIONS * error[j] * weight[j]
        yield Planted("region", float(share), float(share - half), float(share + half), int(counts[j]), k)


def _leaves(
    rows: Reals, real: Reals, residual: Reals, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(n,) leaf of each synthetic row in the other half's tree, and (n_real, 2) that of real rows in both."""
    from sklearn.tree import DecisionTreeRegressor

    half, leaf = np.arange(len(rows)) % 2, np.zeros(len(rows), dtype=np.int64)
    leaf_real = np.zeros((len(real), 2), dtype=np.int64)
    rows, real = (np.clip(each, -1e38, 1e38) for each in (rows, real))  # trees compute in float32
    least = max(LEAST, len(rows) // 100)
    for k in (0, 1):
        tree = DecisionTreeRegressor(max_leaf_nodes=LEAVES, min_samples_leaf=least, random_state=seed % 2**32)
        tree.fit(rows[half != k], residual[half != k])
        leaf[half == k] = 2 * tree.apply(rows[half == k]) + k
        leaf_real[:, k] = 2 * tree.apply(real) + k
    return leaf, leaf_real


def _means(place: npt.NDArray[np.int64], values: Reals, counts: npt.NDArray[np.int64]) -> Reals:
    return np.bincount(place, values, minlength=len(counts)) / counts
