"""Faults of privacy: rows of people in the candidate, and real tables that cannot be controls."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from tests.benchmarks.faults.bases import renumbered
from tests.benchmarks.faults.scene import Fault, Scene

Rng = np.random.Generator
COPIES = ("copied_rows",)


def _copying(
    scene: Scene, share: float, rng: Rng, change: "Callable[[pd.DataFrame], pd.DataFrame] | None" = None
) -> Scene:
    rows = scene.some(share, rng)
    copies = scene.train.iloc[rng.permutation(len(scene.train))[: len(rows)]][scene.columns].reset_index(drop=True)
    return scene.replacing(rows, copies if change is None else change(copies))


def copied_half_percent(scene: Scene, rng: Rng) -> Scene:
    """0.5 % of the rows are training rows, verbatim."""
    return _copying(scene, 0.005, rng)


def copied_one_percent(scene: Scene, rng: Rng) -> Scene:
    """1 % of the rows are training rows, verbatim."""
    return _copying(scene, 0.01, rng)


def copied_two_percent(scene: Scene, rng: Rng) -> Scene:
    """2 % of the rows are training rows, verbatim."""
    return _copying(scene, 0.02, rng)


def copied_ten_percent(scene: Scene, rng: Rng) -> Scene:
    """10 % of the rows are training rows, verbatim."""
    return _copying(scene, 0.1, rng)


def copied_customers(scene: Scene, rng: Rng) -> Scene:
    """2 % of the accounts are training customers, all their payments verbatim under new keys."""
    taken = rng.permutation(scene.train["customer"].unique())[: round(0.02 * scene.train["customer"].nunique())]
    given = rng.permutation(scene.synthetic["account"].unique())[: len(taken)]
    copies = scene.train[scene.train["customer"].isin(taken)].sort_values(["customer", "at"], kind="stable")
    rows = np.concatenate([np.flatnonzero(scene.synthetic["account"] == account) for account in given])
    copies = copies.assign(
        account=np.repeat(given, copies.groupby("customer").size().to_numpy()),
        payment=scene.synthetic["payment"].to_numpy()[rows],
    )
    return scene.replacing(rows.astype(np.int64), copies)


def jittered_copies(scene: Scene, rng: Rng) -> Scene:
    """2 % of the rows are training rows whose numbers moved by 1 % of a standard deviation."""

    def moved(copies: pd.DataFrame) -> pd.DataFrame:
        for name in scene.numeric:
            if name != "education_num":
                step = rng.normal(0, 0.01 * float(scene.train[name].std()), len(copies))
                copies[name] = (copies[name] + step).round().clip(lower=0).astype("int64")
        return copies

    return _copying(scene, 0.02, rng, moved)


def one_column_changed(scene: Scene, rng: Rng) -> Scene:
    """2 % of the rows are training rows with one column of another row."""
    return _copying(scene, 0.02, rng, lambda copies: _resampled(scene, copies, 1, rng))


def two_columns_changed(scene: Scene, rng: Rng) -> Scene:
    """2 % of the rows are training rows with two columns of other rows."""
    return _copying(scene, 0.02, rng, lambda copies: _resampled(scene, copies, 2, rng))


def overfitted_generator(scene: Scene, rng: Rng) -> Scene:
    """Each row is a training row with two columns of other rows, as deep trees without smoothing would write."""
    return scene.releasing(_resampled(scene, scene.train[scene.columns].head(len(scene.synthetic)), 2, rng)
                           .iloc[rng.permutation(len(scene.synthetic))])  # fmt: skip


def _resampled(scene: Scene, copies: pd.DataFrame, changed: int, rng: Rng) -> pd.DataFrame:
    """``changed`` random columns of each row taken from random training rows; schooling and its number go together."""
    names = [name for name in scene.columns if name != "education_num"]
    cells = copies.astype(object).to_numpy(copy=True)
    donors = scene.train[scene.columns].astype(object).to_numpy()
    place = {name: number for number, name in enumerate(scene.columns)}
    for row in range(len(cells)):
        for name in rng.choice(names, changed, replace=False):
            donor = donors[rng.integers(len(donors))]
            for column in ("education", "education_num") if name == "education" else (name,):
                cells[row, place[column]] = donor[place[column]]
    return pd.DataFrame(cells, columns=scene.columns).astype(copies.dtypes.to_dict())


def outliers_copied(scene: Scene, rng: Rng) -> Scene:
    """The forty most unusual training rows (1 % of the candidate) are in it, verbatim."""
    strange = np.zeros(len(scene.train))
    for name in scene.categorical:
        strange -= np.log(
            scene.train[name].map(scene.train[name].value_counts(normalize=True, dropna=False)).fillna(0.05)
        )
    for name in scene.numeric:
        values = scene.train[name].astype(float)
        strange += np.abs(values - values.mean()) / values.std()
    rows = scene.some(0.01, rng)
    return scene.replacing(rows, scene.train.iloc[np.argsort(-strange, kind="stable")[: len(rows)]])


def exact_copy(scene: Scene, rng: Rng) -> Scene:
    """The candidate is the training table in another order."""
    return scene.releasing(scene.train[scene.columns].iloc[rng.permutation(len(scene.train))])


def contaminated_split(scene: Scene, rng: Rng) -> Scene:
    """A fifth of the holdout are training rows, so what was learnt by heart looks like chance."""
    rows = rng.permutation(len(scene.holdout))[: len(scene.holdout) // 5]
    known = scene.train.iloc[rng.integers(0, len(scene.train), len(rows))]
    holdout = pd.concat([scene.holdout.drop(index=rows), known], ignore_index=True)
    return replace(scene, holdout=holdout.iloc[rng.permutation(len(holdout))].reset_index(drop=True))


def split_by_time(scene: Scene, rng: Rng) -> Scene:
    """Customers were split by the time of their payments: train is early, the holdout late."""
    parts = (scene.train, scene.holdout)
    joined = pd.concat(parts, ignore_index=True)
    started = joined.groupby("customer")["at"].transform("min").rank(method="dense")
    early = started <= scene.train["customer"].nunique()
    return replace(scene, train=renumbered(joined[early]), holdout=renumbered(joined[~early]))


SPLIT = ("split_contamination",)
FAULTS = (
    Fault("adult", copied_half_percent, COPIES),
    Fault("adult", copied_one_percent, COPIES),
    Fault("adult", copied_two_percent, COPIES),
    Fault("adult", copied_ten_percent, COPIES),
    Fault("payments", copied_customers, COPIES),
    Fault("adult", jittered_copies, COPIES),
    Fault("adult", one_column_changed, COPIES),
    Fault("adult", two_columns_changed, COPIES),
    Fault("adult", overfitted_generator, (*COPIES, "audit_epsilon", "membership_accuracy", "neighbour_risk")),
    Fault("adult", outliers_copied, (*COPIES, "rare_memorisation")),
    Fault("adult", exact_copy, (*COPIES, "audit_epsilon", "membership_accuracy", "neighbour_risk")),
    Fault("adult", contaminated_split, SPLIT),
    Fault("payments", split_by_time, SPLIT),
)
