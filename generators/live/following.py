"""The next release from counts and the one before: predicted, measured again where it pays, and filtered.

*Model.* One-way shares wander: between releases a cell of share p moves with variance q p (1 - p). Joint tables wander
less once moved to the new margins with their interactions kept (``raked``): most drift is of a few columns, and carries
all tables with it. Each table has a Kalman filter (Kalman 1960) with its noise known exactly; q is learnt from the
innovations of all tables of a kind, and everything is post-processing.

*Measuring again.* One-ways every time. Of the joint tables only some: candidates are scored by how many rows the
prediction misplaces, less what a noisy measurement would (McKenna et al. 2022), and drawn by the exponential mechanism
without putting back. Nothing is chosen from exact counts, and every draw is paid for and recorded. Declared triples are
measured every time (``interactions``).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from generators.arrays import Floats, Ints
from generators.live.cells import CellCounts
from generators.live.filtering import MEMORY, gain_of, variance_after
from generators.live.interactions import followed_interactions
from generators.live.published import Joint, OneWay, Published, Wander
from generators.live.raking import centred, on_margins, raked
from generators.marginals.triples import COUNT
from generators.private.meter import Meter


@dataclass(frozen=True, slots=True)
class Plan:
    """Shares of a release's budget: the total, one-ways, the target's tables, the choice among the others, which get
    what is left less the triples' shares. ``again`` of them are measured again, all if it is 0.
    """

    total: float = 0.01
    one_ways: float = 0.35
    choice: float = 0.10
    labels: float = 0.25
    again: int = 4

    @property
    def rest(self) -> float:
        return 1 - self.total - self.one_ways - self.labels - self.choice

    def triple(self, triples: int) -> float:
        """What each of so many triples gets: as in a first release, but half of the rest at most for all together."""
        return min(COUNT, self.rest / 2 / max(triples, 1))


def followed(
    meter: Meter,
    counts: CellCounts,
    prior: Published,
    target: int | None,
    progress: Callable[[float, str], None],
    plan: Plan | None = None,
) -> Published:
    """Spend the grant on what has changed since ``prior``."""
    plan = plan or Plan()
    progress(0.05, "counting values")
    live = [column for column, coding in enumerate(prior.codings) if coding.fine_cells > 1]
    if not live:
        return replace(prior, releases=prior.releases + 1)
    rows, one_ways, margins = _one_ways(meter, counts, prior, live, target, plan)
    now = replace(prior, one_ways=one_ways, rows=rows, margins=margins, releases=prior.releases + 1)
    progress(0.15, "counting pairs")
    predicted = [_predicted(joint, now, prior) for joint in prior.joints]
    triples = sum(counts.has_triple(each.columns) for each in prior.interactions)
    joints, pairs = _joints(meter, counts, now, predicted, target, plan, triples * plan.triple(triples))
    return followed_interactions(meter, counts, replace(now, joints=tuple(joints), pairs=pairs), plan.triple(triples))


def _one_ways(
    meter: Meter, counts: CellCounts, prior: Published, live: list[int], target: int | None, plan: Plan
) -> tuple[float, tuple[OneWay, ...], Wander]:
    weights = {column: max(1.0, 0.15 * len(live)) if column == target else 1.0 for column in live}
    noisy: dict[int, tuple[Floats, float]] = {}
    for column in live:
        share = plan.one_ways * weights[column] / sum(weights.values())
        noisy[column] = meter.measure(f"one-way/{column}", counts.one_way(column), share)
    # Every one-way is an estimate of the number of rows, too; the total itself comes at little cost.
    held = [counts.one_way(live[0]).sum()]
    total, deviation = meter.measure("total", np.array(held), plan.total)
    sums = [(float(total[0]), deviation**2)]
    sums += [(float(mass.sum()), mass.size * sigma**2) for mass, sigma in noisy.values()]
    rows = max(1.0, sum(value / spread for value, spread in sums) / sum(1 / spread for _, spread in sums))
    seen = prior.margins
    innovations = {column: noisy[column][0] / rows - prior.one_ways[column].shares for column in live}
    moved = scale = 0.0
    for column in live:
        shares, spread = prior.one_ways[column].shares, (noisy[column][1] / rows) ** 2
        moved += float((innovations[column] ** 2 - spread - prior.one_ways[column].variance).sum()) * weights[column]
        scale += float((shares * (1 - shares)).sum()) * weights[column]
    seen = seen.seen(moved, scale, MEMORY)
    found = list(prior.one_ways)
    for column in live:
        found[column] = _updated(prior.one_ways[column], innovations[column], (noisy[column][1] / rows) ** 2, seen.rate)
    return rows, tuple(found), seen


def _updated(prior: OneWay, innovation: Floats, spread: float, rate: float) -> OneWay:
    variance = prior.variance + rate * prior.shares * (1 - prior.shares)
    gain = variance / (variance + spread)
    shares = np.maximum(prior.shares + gain * innovation, 0.0)
    total = float(shares.sum())
    return OneWay(shares / total if total > 0 else prior.shares, (1 - gain) * variance)


def _predicted(joint: Joint, now: Published, prior: Published) -> Joint:
    rows, columns = now.cells_of(joint.left, joint.left_fine), now.cells_of(joint.right, joint.right_fine)
    variance = joint.variance + prior.pairs.rate * _size(rows, columns)
    return replace(joint, shares=raked(joint.shares, rows, columns), variance=variance)


def _size(rows: Floats, columns: Floats) -> float:
    """The mean squared cell of a table with these margins: what a change of its interactions is relative to."""
    return float((rows**2).mean() * (columns**2).mean())


def _joints(
    meter: Meter,
    counts: CellCounts,
    now: Published,
    predicted: list[Joint],
    target: int | None,
    plan: Plan,
    aside: float,
) -> tuple[list[Joint], Wander]:
    """The pairs' tables, measured and filtered; the share ``aside`` is kept for triples."""
    counted = [place for place, joint in enumerate(predicted) if counts.has(joint.left, joint.right)]
    labels = [place for place in counted if target in (predicted[place].left, predicted[place].right)]
    others = [place for place in counted if place not in labels]
    joint = 1 - plan.total - plan.one_ways - aside
    labelled = 0.0 if not labels else plan.labels if others else joint
    rest = joint - labelled
    picks = others
    if 0 < plan.again < len(others):
        rest -= plan.choice
        picks = _picked(meter, counts, now, predicted, others, plan, rest / plan.again)
    found, moved = list(predicted), 0.0
    for place in (*labels, *picks):
        share = labelled / len(labels) if place in labels else rest / len(picks)
        found[place], excess = _again(meter, counts, now, predicted[place], share)
        moved += excess
    # What was not drawn again counts as unmoved: the drawn ones were drawn because they moved most.
    return found, now.pairs.seen(moved, float(len(counted)), MEMORY)


def _again(meter: Meter, counts: CellCounts, now: Published, joint: Joint, share: float) -> tuple[Joint, float]:
    """The table measured and filtered, and by how much its squared innovation exceeds what was to be expected."""
    exact = counts.pair(joint.left, joint.right, joint.left_fine, joint.right_fine)
    label = f"pair/{joint.left}/{joint.right}/{int(joint.left_fine)}{int(joint.right_fine)}"
    rows, columns = now.cells_of(joint.left, joint.left_fine), now.cells_of(joint.right, joint.right_fine)
    freedom = (rows.size - 1) * (columns.size - 1)
    noisy, deviation = meter.measure(label, exact, share, math.sqrt(freedom / exact.size))
    innovation = centred(noisy) / now.rows - centred(joint.shares)
    spread = (deviation / now.rows) ** 2
    square = float((innovation**2).sum()) / freedom
    gain = gain_of(square, joint.variance, spread, freedom)
    shares = on_margins(centred(joint.shares) + gain * innovation, rows, columns)
    excess = (square - spread - joint.variance) / _size(rows, columns)
    return replace(joint, shares=shares, variance=variance_after(gain, joint.variance, spread)), excess


def _picked(
    meter: Meter,
    counts: CellCounts,
    now: Published,
    predicted: list[Joint],
    candidates: list[int],
    plan: Plan,
    share: float,
) -> list[int]:
    """``plan.again`` of the candidates, drawn one after the other; each would be measured with ``share``."""
    scores = [_score(counts, now, predicted[place], meter.deviation(share)) for place in candidates]
    left, picks = list(range(len(candidates))), []
    for draw in range(plan.again):
        values = np.array([scores[place] for place in left], dtype=np.int64)
        place = meter.choose(f"choice/{draw}", values, plan.choice / plan.again)
        picks.append(candidates[left.pop(place)])
    return picks


def _score(counts: CellCounts, now: Published, joint: Joint, deviation: float) -> int:
    """Rows in the wrong cell under the prediction, less those that noise would put there; one row moves it by 1."""
    exact = counts.pair(joint.left, joint.right, joint.left_fine, joint.right_fine)
    # Whole numbers of predicted rows: the distance is then exact, and moves by 1 with a row.
    expected: Ints = np.rint(joint.shares * now.rows).astype(np.int64)
    return int(np.abs(exact - expected).sum()) - round(exact.size * deviation * math.sqrt(2 / math.pi))
