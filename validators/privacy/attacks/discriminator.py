"""Membership by a discriminator's confidence: what was trained on is told apart too well (LOGAN)."""

from dataclasses import dataclass

import numpy as np

from schemas.bins import Reals
from validators.distances.gower import Points
from validators.privacy.attacks.protocol import Knowledge
from validators.statistics import generator

TREES = 30
ROWS = 40_000
"""Rows of either kind that the discriminator learns, so that a large table does not cost minutes."""


@dataclass(frozen=True, slots=True)
class Discriminator:
    """Share of fully grown random trees that take the target for a synthetic row rather than a reference one.

    The trees learn *all* synthetic rows by heart on purpose: a target that is one of them ends in its own leaf. Of a
    copy of which it sees half it would find half, so that up to 40,000 rows of either kind are learnt. Where few
    columns hold many rows the trees' leaves are alike, and it sees less: an AUC of .87 on a copy of 20,000 rows of four
    columns, .99 on one of fifteen. Source: Hayes et al. 2019 (LOGAN, black box with auxiliary knowledge); extremely
    randomised trees: Geurts et al. 2006.
    """

    name: str = "discriminator"
    needs_reference: bool = True

    def scores(self, known: Knowledge) -> Reals:
        """The surer "synthetic" the higher."""
        from sklearn.ensemble import ExtraTreesClassifier

        rng = generator(known.seed, "discriminator")
        fake, real = (_features(part)[_some(len(part), rng)] for part in (known.synthetic, known.reference))
        label = np.repeat([1, 0], [len(fake), len(real)])
        model = ExtraTreesClassifier(TREES, n_jobs=1, random_state=known.seed % 2**32)
        model.fit(np.concatenate([fake, real]), label)
        return np.asarray(model.predict_proba(_features(known.targets))[:, 1], dtype=np.float64)


def _features(part: Points) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    return np.column_stack([part.scaled, part.codes]).astype(np.float32)


def _some(rows: int, rng: np.random.Generator) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return rng.permutation(rows)[:ROWS]
