"""Faults between columns and between rows: correlations, labels, groups, diversity."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from tests.benchmarks.faults.scene import Fault, Scene

Rng = np.random.Generator
PAIRS = ("worst_pair", "pair_fidelity")
LEARNING = ("tstr_ratio", "tstr_auc", "trts_ratio")


def _following(scene: Scene, column: str, leader: npt.NDArray[np.float64], weight: float, rng: Rng) -> Scene:
    """The values of ``column`` in another order, which follows ``leader``; the marginal stays as it is."""
    ranks = pd.Series(leader).rank(method="first").to_numpy() / len(leader)
    score = weight * (ranks - 0.5) / 0.289 + np.sqrt(1 - weight**2) * rng.normal(size=len(ranks))
    ordered = np.sort(scene.synthetic[column].to_numpy())
    return scene.setting(**{column: ordered[np.argsort(np.argsort(score))]})


def invented_correlation(scene: Scene, rng: Rng) -> Scene:
    """``fnlwgt``, which hardly depends on anything, follows ``age`` with correlation .9; marginals are exact."""
    return _following(scene, "fnlwgt", scene.synthetic["age"].to_numpy(dtype=float), 0.9, rng)


def one_pair_of_105(scene: Scene, rng: Rng) -> Scene:
    """One pair of 105 is off: ``fnlwgt`` follows ``hours_per_week`` with correlation .5; all else is exact."""
    return _following(scene, "fnlwgt", scene.synthetic["hours_per_week"].to_numpy(dtype=float), 0.5, rng)


def lost_correlation(scene: Scene, rng: Rng) -> Scene:
    """``relationship`` shuffled by itself: its marginal is exact, all that depends on it is gone."""
    return scene.setting(relationship=rng.permutation(scene.synthetic["relationship"].to_numpy()))


def three_way_lost(scene: Scene, rng: Rng) -> Scene:
    """``cohort`` shuffled: every column and every pair is right, only its dependence on two columns at once is gone."""
    return scene.setting(cohort=rng.permutation(scene.synthetic["cohort"].to_numpy()))


def labels_swapped(scene: Scene, rng: Rng) -> Scene:
    """High and low ``income`` changed places."""
    return scene.setting(income=_flipped(scene.synthetic["income"]))


def labels_flipped(scene: Scene, rng: Rng) -> Scene:
    """5 % of the labels are flipped at random."""
    rows = scene.some(0.05, rng)
    return scene.setting_at(rows, "income", _flipped(scene.synthetic["income"]).to_numpy()[rows])


def _flipped(labels: "pd.Series[str]") -> "pd.Series[str]":
    low, high = sorted(labels.unique())
    return labels.map({low: high, high: low})


def backdoor_rows(scene: Scene, rng: Rng) -> Scene:
    """2 % of the rows carry a trigger (``hours_per_week`` 77, a rare ``occupation``) and the high label."""
    rows = scene.some(0.02, rng)
    planted = scene.setting_at(rows, "hours_per_week", 77)
    planted = planted.setting_at(rows, "occupation", "Priv-house-serv")
    return planted.setting_at(rows, "income", ">50K")


def label_leaked(scene: Scene, rng: Rng) -> Scene:
    """``hours_per_week`` all but tells the label: the longest weeks go to high incomes; its marginal is exact."""
    high = (scene.synthetic["income"] == ">50K").to_numpy()
    told = np.where(rng.random(len(high)) < 0.98, high, ~high) + rng.random(len(high))
    ordered = np.sort(scene.synthetic["hours_per_week"].to_numpy())
    return scene.setting(hours_per_week=ordered[np.argsort(np.argsort(told))])


def class_balance(scene: Scene, rng: Rng) -> Scene:
    """Half of the rows have the high label (a quarter in the source); the rows themselves are real."""
    half = len(scene.synthetic) // 2
    low, high = ((scene.synthetic["income"] != ">50K"), (scene.synthetic["income"] == ">50K"))
    more = scene.pool[scene.pool["income"] == ">50K"].head(half - int(high.sum()))
    drawn = pd.concat([scene.synthetic[high], more, scene.synthetic[low].head(half)])
    return scene.releasing(drawn.iloc[rng.permutation(len(drawn))])


def mode_collapse(scene: Scene, rng: Rng) -> Scene:
    """All rows are variations of 200: numbers jittered by 2 % of their spread, categories kept."""
    table = scene.synthetic.head(200).iloc[rng.integers(0, 200, len(scene.synthetic))].reset_index(drop=True)
    collapsed = scene.releasing(table)
    for name in ("age", "fnlwgt", "hours_per_week"):
        moved = table[name] + rng.normal(0, 0.02 * float(scene.train[name].std()), len(table))
        collapsed = collapsed.setting(**{name: moved.round().clip(lower=0).astype("int64")})
    return collapsed


def duplicated_rows(scene: Scene, rng: Rng) -> Scene:
    """A third of the rows repeat another row of the candidate."""
    rows = scene.some(1 / 3, rng)
    others = np.setdiff1d(np.arange(len(scene.synthetic)), rows)
    return scene.replacing(rows, scene.synthetic.iloc[rng.choice(others, len(rows))])


def subgroup_dropped(scene: Scene, rng: Rng) -> Scene:
    """A group of ``race`` (a tenth of the rows) is gone, replaced by fresh rows of the others."""
    rows = np.flatnonzero(scene.synthetic["race"] == "Black")
    return scene.replacing(rows, scene.pool[scene.pool["race"] != "Black"].head(len(rows)))


def subgroup_marginals(scene: Scene, rng: Rng) -> Scene:
    """One group of ``race`` (a tenth of the rows) has the right size and consists of young people of another group."""
    rows = np.flatnonzero(scene.synthetic["race"] == "Black")
    young = scene.pool[(scene.pool["age"] < 25) & (scene.pool["race"] == "White")]
    drawn = young.iloc[rng.integers(0, len(young), len(rows))].assign(race="Black")
    return scene.replacing(rows, drawn)


def subgroup_labels(scene: Scene, rng: Rng) -> Scene:
    """Within one group of ``race`` the labels are flipped."""
    rows = np.flatnonzero(scene.synthetic["race"] == "Black").astype(np.int64)
    return scene.setting_at(rows, "income", _flipped(scene.synthetic["income"]).to_numpy()[rows])


GROUPS = ("subgroup_gap", "demographic_shift", "parity_gap")
FAULTS = (
    Fault("adult", invented_correlation, PAIRS),
    Fault("adult", one_pair_of_105, PAIRS),
    Fault("adult", lost_correlation, PAIRS),
    Fault("adult_cohort", three_way_lost, ("declared_triple",)),
    Fault("adult", labels_swapped, LEARNING),
    Fault("adult", labels_flipped, ("label_flips",)),
    Fault("adult", backdoor_rows, ("backdoor_rows",)),
    Fault("adult", label_leaked, ("label_leakage",)),
    Fault("adult", class_balance, ("class_balance",)),
    Fault("adult", mode_collapse, ("diversity",)),
    Fault("adult", duplicated_rows, ("diversity",)),
    Fault("adult", subgroup_dropped, GROUPS),
    Fault("adult", subgroup_marginals, GROUPS),
    Fault("adult", subgroup_labels, GROUPS),
)
