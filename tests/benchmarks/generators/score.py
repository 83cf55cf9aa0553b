"""How good a synthetic table is: what LightGBM learns from it, whether boosting tells it from real rows, pair tables.

Every family and every peer is scored by these functions, so that ratios mean one thing. Tables are pandas frames of
the same columns; LightGBM with its defaults, one thread, seeded.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

ROWS, FOLDS = 5_000, 3
BINS = 16
MOST_CATEGORIES = 60


@dataclass(frozen=True, slots=True)
class Score:
    """``ratio``: AUC on held-out real rows of a model trained on synthetic ones, over that of one trained on real rows
    (the mean one-against-rest AUC of several classes). ``detection``, ``detection_all``: AUC of telling real from
    synthetic rows, .5 at best.
    ``tvd2``: mean total variation distance of all pair tables, numbers in 16 real quantile bins.
    """

    ratio: float
    detection: float
    detection_all: float
    tvd2: float
    tstr: float
    trtr: float


def score(train: pd.DataFrame, holdout: pd.DataFrame, synthetic: pd.DataFrame, target: str, seed: int = 0) -> Score:
    """Against the rows that were fitted to (``train``) and unseen ones (``holdout``)."""
    real, made = auc(train, holdout, target, seed), auc(synthetic, holdout, target, seed)
    return Score(
        made / real,
        detection(holdout, synthetic, seed),
        detection_all(train, synthetic, seed),
        tvd2(train, synthetic),
        made,
        real,
    )


def auc(train: pd.DataFrame, test: pd.DataFrame, target: str, seed: int = 0, metric: str = "auc") -> float:
    """AUC (or ``"auprc"``) on ``test`` of LightGBM trained on ``train``; .5 where ``train`` has one class."""
    both = coded(pd.concat([train, test], ignore_index=True))
    labels = pd.factorize(both[target], sort=True)[0]
    inputs = both.drop(columns=target)
    head = len(train)
    classes = np.unique(labels[:head])
    if classes.size < 2:
        return 0.5
    model = booster(seed).fit(inputs[:head], labels[:head])
    chances = model.predict_proba(inputs[head:])
    truth = labels[head:]
    found = []
    for place, label in enumerate(classes) if classes.size > 2 else [(1, classes[1])]:
        if 0 < (truth == label).sum() < truth.size:
            rule = roc_auc_score if metric == "auc" else average_precision_score
            found.append(float(rule(truth == label, chances[:, place])))
    return float(np.mean(found))


def detection(real: pd.DataFrame, synthetic: pd.DataFrame, seed: int = 0) -> float:
    """AUC of gradient boosting, cross-fitted in 3 folds, between 5,000 unseen real and as many synthetic rows: what
    the utility gate measures, and what the published figures of Adult were made with as far as one can tell.
    """
    inputs, label = _mixed(real, synthetic, ROWS, seed)
    numbers = inputs.apply(lambda values: values.cat.codes if str(values.dtype) == "category" else values)
    model = HistGradientBoostingClassifier(random_state=seed)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    chances = cross_val_predict(model, numbers, label, cv=folds, method="predict_proba")[:, 1]
    found = float(roc_auc_score(label, chances))
    return max(found, 1 - found)


def detection_all(real: pd.DataFrame, synthetic: pd.DataFrame, seed: int = 0) -> float:
    """A harder one: AUC of LightGBM with native categories between all rows, fitted to 70 %, measured on the rest."""
    inputs, label = _mixed(real, synthetic, min(len(real), len(synthetic)), seed)
    cut = round(0.7 * len(label))
    model = booster(seed).fit(inputs[:cut], label[:cut])
    found = float(roc_auc_score(label[cut:], model.predict_proba(inputs[cut:])[:, 1]))
    return max(found, 1 - found)


def _mixed(real: pd.DataFrame, synthetic: pd.DataFrame, most: int, seed: int) -> tuple[pd.DataFrame, Any]:
    """As many coded rows of either side, in random order, and which are synthetic."""
    rng = np.random.default_rng(seed)
    size = min(len(real), len(synthetic), most)
    parts = [table.iloc[rng.permutation(len(table))[:size]] for table in (real, synthetic)]
    order = rng.permutation(2 * size)
    both = coded(pd.concat(parts, ignore_index=True)).iloc[order].reset_index(drop=True)
    return both, np.repeat([0, 1], size)[order]


def tvd2(real: pd.DataFrame, synthetic: pd.DataFrame) -> float:
    """Mean total variation distance between the pair tables of all pairs of columns."""
    codes = [_bins(real[name], synthetic[name]) for name in real.columns]
    found = []
    for left in range(len(codes)):
        for right in range(left):
            (a, b, m), (c, d, n) = codes[left], codes[right]
            p = np.bincount(a * n + c, minlength=m * n) / max(1, len(a))
            q = np.bincount(b * n + d, minlength=m * n) / max(1, len(b))
            found.append(float(np.abs(p - q).sum() / 2))
    return float(np.mean(found)) if found else math.nan


def booster(seed: int) -> Any:
    """LightGBM's classifier at its defaults, on one thread."""
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_jobs=1, verbose=-1, random_state=seed, deterministic=True, force_row_wise=True)


def coded(table: pd.DataFrame) -> pd.DataFrame:
    """Text as unordered categories, times as seconds, everything else as floats; missing stays missing."""
    found = {}
    for name, values in table.items():
        if values.dtype.kind == "M":
            found[name] = values.astype("int64").where(values.notna()).astype("float64") / 1e6
        elif values.dtype == object or str(values.dtype) in ("category", "string"):
            found[name] = values.astype("category")
        else:
            found[name] = pd.Series(values.to_numpy(dtype=np.float64, na_value=np.nan), index=values.index)
    return pd.DataFrame(found)


def _bins(real: "pd.Series[Any]", synthetic: "pd.Series[Any]") -> tuple[Any, Any, int]:
    """Bins of both columns: values where there are few, else the real column's quantiles; missing is one more."""
    both = coded(pd.DataFrame({"v": pd.concat([real, synthetic], ignore_index=True)}))["v"]
    head = len(real)
    if str(both.dtype) == "category" or both[:head].nunique() <= BINS:
        codes, values = pd.factorize(both, use_na_sentinel=False)
        if len(values) > MOST_CATEGORIES:
            common = pd.Series(codes[:head]).value_counts().index[:MOST_CATEGORIES]
            place = np.full(len(values), MOST_CATEGORIES)
            place[common] = np.arange(len(common))
            codes, size = place[codes], MOST_CATEGORIES + 1
        else:
            size = len(values)
        return codes[:head], codes[head:], size
    edges = np.unique(np.nanquantile(both[:head], np.linspace(0, 1, BINS + 1)[1:-1]))
    codes = np.where(both.isna(), edges.size + 1, np.searchsorted(edges, both.to_numpy(), side="right"))
    return codes[:head], codes[head:], edges.size + 2
