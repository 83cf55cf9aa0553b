"""Growing one tree: the codes of a column from those of the columns before it, in leaves of a least size.

CART (Breiman et al. 1984), as in sequential synthesis (Reiter 2005, "Using CART to generate partially synthetic public
use microdata"; synthpop, Nowok et al. 2016). Unordered categories are split in the order of the response's leading
direction among them (Coppersmith, Hong and Hosking 1999). A split must gain more than noise would, so leaves are no
smaller than the structure asks for. What few rows say in a leaf is pooled with its neighbours there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from generators.arrays import Floats, Ints
from generators.trees.coding import Codes
from generators.trees.tree import Tree, cumulative

CLASSES = 32
"""Codes up to which a split is judged by all of them; of more, by their rank and by the heavy ones."""
HEAVY = 0.05
NOISE = 2.0
"""A split must explain as much as so many rows of average impurity."""
LEAST = 5
"""Rows that a code of a leaf must stand for, or be pooled with its neighbours."""


@dataclass(frozen=True, slots=True)
class Growth:
    """``leaf``: rows of a leaf at least; ``least``: rows that one of its codes must stand for by itself."""

    leaf: int
    least: int = LEAST


class Kind(Protocol):
    """What is known of an input's codes."""

    @property
    def ordered(self) -> bool: ...
    @property
    def size(self) -> int: ...


def grown(
    response: Ints, codes: Codes, inputs: Sequence[Ints], coded: Sequence[Kind], growth: Growth, seed: int
) -> Tree:
    """The tree of ``response`` (rows,) codes on the (rows,) codes of each input."""
    splits = response.size >= 2 * growth.leaf and codes.size > 1 and bool(inputs)
    ranks = {place: _ranks(inputs[place], response, coded[place].size, codes)
             for place in range(len(inputs)) if splits and not coded[place].ordered}  # fmt: skip
    feature, threshold, left, right, at = (
        _nodes(response, codes, inputs, ranks, growth, seed) if splits else _root(response)
    )
    counts = _counts(at, response, left, right, codes.size)
    leaves = np.flatnonzero(feature < 0)
    parent = _parents(left, right)
    rng = np.random.default_rng([seed, 0x1EAF])
    chances = [_chances(counts[leaf], counts[parent[leaf]], codes, growth.least, rng) for leaf in leaves]
    number = np.where(feature < 0, np.cumsum(feature < 0) - 1, -1)
    used = set(feature[feature >= 0].tolist())
    kept = {place: order for place, order in ranks.items() if place in used}
    return Tree(feature, threshold, left, right, number, kept, cumulative(np.stack(chances)))


def _root(response: Ints) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """A tree that is one leaf."""
    single = np.array([-1], dtype=np.int64)
    return single, np.zeros(1, np.int64), single, single, np.zeros(response.size, dtype=np.int64)


def _nodes(
    response: Ints, codes: Codes, inputs: Sequence[Ints], ranks: dict[int, Ints], growth: Growth, seed: int
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Feature, threshold, left and right of each node, and each row's leaf."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    held = [ranks[place][column] if place in ranks else column for place, column in enumerate(inputs)]
    features = np.stack(held, axis=1).astype(np.float32)
    settings = {"min_samples_leaf": growth.leaf, "random_state": seed}
    if codes.size <= CLASSES:
        impurity = 1 - float(np.square(np.bincount(response) / response.size).sum())
        gain = NOISE * impurity / response.size
        model = DecisionTreeClassifier(min_impurity_decrease=gain, **settings).fit(features, response)
    else:
        outputs = _directions(response, codes)
        gain = NOISE * float(outputs.var(axis=0).mean()) / response.size
        model = DecisionTreeRegressor(min_impurity_decrease=gain, **settings).fit(features, outputs)
    tree = model.tree_
    feature = np.where(tree.children_left < 0, -1, tree.feature).astype(np.int64)
    threshold = np.where(feature < 0, 0, np.floor(tree.threshold)).astype(np.int64)
    left, right = tree.children_left.astype(np.int64), tree.children_right.astype(np.int64)
    return feature, threshold, left, right, tree.apply(features).astype(np.int64)


def _directions(response: Ints, codes: Codes) -> Floats:
    """(rows, outputs) what a split of many codes is judged by: the rank where they have an order, and heavy codes."""
    counts = np.bincount(response, minlength=codes.size)
    shares = counts / response.size
    heavy = np.argsort(-counts, kind="stable")[:CLASSES]
    heavy = heavy[shares[heavy] >= (HEAVY if codes.ordered else 0.0)]
    if codes.missing >= 0:
        heavy = np.union1d(heavy, [codes.missing])
    parts = [(response == code).astype(np.float64) for code in heavy]
    if codes.ordered or not parts:
        # A rank's variance is 1/12; an even indicator's is 1/4.
        parts.append(((np.cumsum(shares) - shares / 2) * 3**0.5)[response])
    return np.stack(parts, axis=1)


def _ranks(inputs: Ints, response: Ints, size: int, codes: Codes) -> Ints:
    """The place of each code of an unordered input by the response's leading direction among them.

    Input codes with few rows are drawn to the middle.
    """
    if codes.size <= CLASSES:
        table = np.bincount(inputs * codes.size + response, minlength=size * codes.size).reshape(size, codes.size)
    else:
        outputs = _directions(response, codes)
        table = np.stack([np.bincount(inputs, weights=part, minlength=size) for part in outputs.T], axis=1)
    rows = np.bincount(inputs, minlength=size).astype(np.float64)
    overall = table.sum(axis=0) / max(1.0, rows.sum())
    centred = (table - rows[:, None] * overall) / (rows + 1.0)[:, None]
    leading = np.linalg.eigh((centred * rows[:, None]).T @ centred)[1][:, -1]
    leading = leading * np.sign(leading[np.argmax(np.abs(leading))])
    place = np.empty(size, dtype=np.int64)
    place[np.lexsort((np.arange(size), np.round(centred @ leading, 12)))] = np.arange(size)
    return place


def _counts(at: Ints, response: Ints, left: Ints, right: Ints, size: int) -> Floats:
    """(nodes, codes) rows of each node: of leaves as they are, of others the sum of both sides."""
    counts = np.bincount(at * size + response, minlength=left.size * size).reshape(left.size, size).astype(np.float64)
    for node in np.flatnonzero(left >= 0)[::-1]:
        counts[node] = counts[left[node]] + counts[right[node]]
    return counts


def _parents(left: Ints, right: Ints) -> Ints:
    parent = np.zeros(left.size, dtype=np.int64)
    inner = np.flatnonzero(left >= 0)
    parent[left[inner]], parent[right[inner]] = inner, inner
    return parent


def _chances(counts: Floats, behind: Floats, codes: Codes, least: int, rng: np.random.Generator) -> Floats:
    """(codes,) chances of a leaf, blurred by up to half a row each, so that no count can be read off them.

    Counts below ``least`` are pooled, with their neighbours where codes have an order, and shared out as in
    ``behind``, the parent's counts.
    """
    light = np.flatnonzero((counts > 0) & (counts < least))
    found = _shared(counts, behind, light, codes.ordered, least) if light.size > 1 else counts
    blurred = np.where(found >= 1, found + rng.uniform(-0.5, 0.5, found.size), found)
    return np.asarray(blurred / blurred.sum(), dtype=np.float64)


def _shared(counts: Floats, behind: Floats, light: Ints, ordered: bool, least: int) -> Floats:
    """``counts`` with those of the ``light`` codes shared out within groups of about ``least`` rows."""
    below = np.cumsum(counts[light])
    total = float(below[-1])
    groups = max(1, int(total // least)) if ordered else 1
    group = np.minimum((below - 1) * groups // total, groups - 1).astype(np.int64)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    lows, highs = light[starts], light[np.append(starts[1:], light.size) - 1]
    every = np.arange(counts.size)
    member = np.minimum(np.searchsorted(highs, every), starts.size - 1)
    inside = (every >= lows[member]) & (every <= highs[member]) & (counts < least)
    if not ordered:
        inside &= counts > 0
    weights = np.where(inside, behind, 0.0)
    sums = np.bincount(member, weights=weights, minlength=starts.size)
    mass = np.bincount(member[light], weights=counts[light], minlength=starts.size)
    return np.where(inside, weights * (mass / np.maximum(sums, 1e-300))[member], counts)
