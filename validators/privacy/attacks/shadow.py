"""Membership by shadow models: what a generator does with the most isolated records, learnt by training it again.

For a model version, not for every release: it trains the generator dozens of times.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas.bins import Reals
from validators.distances.gower import Points, nearest, points
from validators.privacy.pool import Flags, Integers
from validators.protocol import Evidence
from validators.statistics import auc, generator
from validators.verdicts import require

if TYPE_CHECKING:
    import pandas as pd

FitAndSample = Callable[["pd.DataFrame", int], "pd.DataFrame"]
"""(train table, seed) -> a synthetic table typed by the contract."""
LEAST = 50
OFFSET = 1e-3
FLOOR = 0.1
"""Least standard deviation of a feature, so that a shadow's luck is not taken for certainty."""


@dataclass(frozen=True, slots=True)
class ShadowScores:
    """(n_records,) log-likelihood ratio of the release with the record over without it, and who was fitted.

    ``rows`` number train and then holdout rows. ``apart``: for each record the AUC of its feature, with against
    without, over the shadows themselves: what the generator gives away of it whatever the release.
    """

    rows: Integers
    member: Flags
    scores: Reals
    apart: Reals

    @property
    def auc(self) -> float:
        """How well the scores tell members from others."""
        return auc(self.scores[self.member], self.scores[~self.member])


def shadow_scores(
    fit_and_sample: FitAndSample, evidence: Evidence, records: int = 20, pairs: int = 8, rows: int | None = None
) -> ShadowScores:
    """Train ``2 * pairs`` shadows on the attacker's rows with half of the records each, and score the release.

    The records are the ``records`` most isolated rows of train and as many of holdout. Each pair draws half of all of
    them for its first shadow and gives the others to its second, so that every record is in one shadow of each pair.
    The feature is the log of the record's distance to the nearest synthetic row, calibrated by its distance to the
    reference; its distributions with and without the record are taken to be normal. ``rows`` of the reference are used,
    by default all. Raises ``InsufficientEvidence`` below 50 reference rows, two records or two pairs. Source: shadow
    models as in Shokri et al. 2017 and Stadler et al. 2022; pairing and likelihood ratio as in Carlini et al. 2022.
    """
    import pandas as pd

    require(len(evidence.reference), LEAST, "reference rows")
    require(min(len(evidence.train), len(evidence.holdout), records), 2, "records to attack")
    require(pairs, 2, "pairs of shadows")
    rng = generator(evidence.seed, "shadow models")
    chosen, member = _most_isolated(evidence, records)
    both = pd.concat([evidence.train, evidence.holdout], ignore_index=True)
    attacked = both.iloc[chosen].reset_index(drop=True)
    base = evidence.reference.iloc[np.sort(rng.permutation(len(evidence.reference))[:rows])]
    features = np.empty((2 * pairs, len(chosen)))
    inside = np.zeros((2 * pairs, len(chosen)), dtype=bool)
    for pair in range(pairs):
        inside[2 * pair] = rng.permutation(len(chosen)) % 2 == 0
        inside[2 * pair + 1] = ~inside[2 * pair]
        for shadow in (2 * pair, 2 * pair + 1):
            table = pd.concat([base, attacked[inside[shadow]]], ignore_index=True)
            released = fit_and_sample(table.iloc[rng.permutation(len(table))].reset_index(drop=True), _seed(rng))
            features[shadow] = _feature(evidence, attacked, released, base)
    seen = _feature(evidence, attacked, evidence.synthetic, base)
    scores = np.array(
        [_ratio(seen[j], features[inside[:, j], j], features[~inside[:, j], j]) for j in range(len(seen))]
    )
    apart = np.array([auc(features[inside[:, j], j], features[~inside[:, j], j]) for j in range(len(seen))])
    return ShadowScores(chosen, member, scores, apart)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(0, 2**31))


def _most_isolated(evidence: Evidence, records: int) -> tuple[Integers, Flags]:
    """Rows of either side that lie farthest from all other units' rows of both sides."""
    train, holdout = points([evidence.train, evidence.holdout], evidence.contract.modelled, fitted_on=2)
    every = Points(
        np.concatenate([train.scaled, holdout.scaled]),
        np.concatenate([train.codes, holdout.codes]),
        train.metric,
        train.columns,
    )
    owner = np.arange(len(every)) if evidence.entities is None else np.concatenate(evidence.entities[:2])
    alone = nearest(every, every, (owner, owner))
    ours = np.argsort(-alone[: len(train)], kind="stable")[:records]
    theirs = len(train) + np.argsort(-alone[len(train) :], kind="stable")[:records]
    chosen = np.concatenate([ours, theirs]).astype(np.int64)
    return chosen, chosen < len(train)


def _feature(evidence: Evidence, attacked: "pd.DataFrame", released: "pd.DataFrame", base: "pd.DataFrame") -> Reals:
    require(len(released), 1, "synthetic rows")
    targets, fake, known = points([attacked, released, base], evidence.contract.modelled, fitted_on=1)
    return np.log(nearest(targets, known) + OFFSET) - np.log(nearest(targets, fake) + OFFSET)


def _ratio(seen: float, with_it: Reals, without: Reals) -> float:
    return _log_density(seen, with_it) - _log_density(seen, without)


def _log_density(value: float, sample: Reals) -> float:
    deviation = max(FLOOR, float(sample.std(ddof=1)))
    return -math.log(deviation) - ((value - float(sample.mean())) / deviation) ** 2 / 2
