"""Tables of known guilt, made from real rows: what the gates must refuse and what they must let pass."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.contract import Range
from validators.encoding import is_category
from validators.privacy.pool import Integers
from validators.privacy.rankings import NEAR_TABLE
from validators.protocol import Evidence
from validators.statistics import Reals, generator
from validators.verdicts import require

if TYPE_CHECKING:
    import pandas as pd

LEAKS = (0.005, 0.02, 0.1)
NOISE = 0.01
"""Standard deviation of the noise on a noisy copy's numbers, in standard deviations of the column."""


SMALLER = 2_000
"""Rows of each side and table where the other gates' controls are run: enough for all of them to decide."""


@dataclass(frozen=True, slots=True)
class Planted:
    """Control tables as large as the synthetic one where the rows suffice, and the ``evidence`` without fresh rows.

    ``copied`` are train rows in random order; the leak of share s is ``fresh`` less its last ``s * rows`` rows (less
    none where fresh rows are too few), with as many copied rows instead.
    """

    evidence: Evidence
    fresh: "pd.DataFrame"
    copied: "pd.DataFrame"
    noisy: "pd.DataFrame"
    rows: int

    def copies(self, share: float) -> int:
        """Copied rows in the leak of that share, one at least."""
        return min(len(self.copied), max(1, round(share * self.rows)))

    def kept(self, share: float) -> int:
        """Fresh rows in the leak of that share."""
        return min(len(self.fresh), self.rows - self.copies(share))


def planted(evidence: Evidence) -> Planted:
    """The controls of these real tables, this size and this seed, whoever the candidate is."""
    real = (evidence.train, evidence.holdout, evidence.reference, evidence.spare)
    rows = min(len(evidence.synthetic), NEAR_TABLE)
    return evidence.memo.of(("planted", rows, evidence.seed), real, lambda: _planted(evidence, rows))


def _planted(evidence: Evidence, rows: int) -> Planted:
    rng = generator(evidence.seed, "controls")
    # Nothing of the candidate may stay: the controls outlive it.
    bare = replace(evidence, synthetic=evidence.train.iloc[:0], raw_synthetic=None, attempt=1)
    rest, fresh = _fresh(bare, rng)
    require(rows, 1, "synthetic rows")
    require(len(evidence.train), 1, "training rows")
    require(len(fresh), 1, "fresh rows for the controls")
    copied = _taken(evidence.train, rng.permutation(len(evidence.train))[:rows])
    fresh = _taken(fresh, rng.permutation(len(fresh))[:rows])
    return Planted(rest, fresh, copied, noisy(copied, evidence, rng), rows)


def _fresh(evidence: Evidence, rng: np.random.Generator) -> "tuple[Evidence, pd.DataFrame]":
    """The spare rows and the evidence without them; where there are none, half of the reference's units, or the
    holdout's where there is no reference.
    """
    if evidence.spare is not None and len(evidence.spare):
        return replace(evidence, spare=None, spare_entities=None), evidence.spare
    evidence = replace(evidence, spare=None, spare_entities=None)
    side = 2 if len(evidence.reference) else 1
    table = evidence.reference if side == 2 else evidence.holdout
    unit: Integers = np.arange(len(table)) if evidence.entities is None else evidence.entities[side]
    distinct = np.unique(unit)
    given = np.isin(unit, rng.permutation(distinct)[: len(distinct) // 2])
    entities = None
    if evidence.entities is not None:
        kept = list(evidence.entities)
        kept[side] = unit[~given]
        entities = (kept[0], kept[1], kept[2])
    left, fresh = (_taken(table, np.flatnonzero(flags)) for flags in (~given, given))
    if side == 2:
        return replace(evidence, reference=left, entities=entities), fresh
    return replace(evidence, holdout=left, entities=entities), fresh


def smaller(made: Planted) -> "tuple[Evidence, pd.DataFrame, pd.DataFrame]":
    """Evidence of at most 2,000 rows a side, drawn by seed; a copy of its train rows; as many fresh rows at most."""
    evidence = made.evidence
    rng = generator(evidence.seed, "smaller controls")
    tables = (evidence.train, evidence.holdout, evidence.reference)
    rows = [np.sort(rng.permutation(len(table))[:SMALLER]) for table in tables]
    train, holdout, reference = (_taken(table, kept) for table, kept in zip(tables, rows, strict=True))
    units = evidence.entities
    entities = (units[0][rows[0]], units[1][rows[1]], units[2][rows[2]]) if units is not None else None
    few = replace(evidence, train=train, holdout=holdout, reference=reference, entities=entities)
    most = min(SMALLER, made.rows)
    return few, _taken(train, rng.permutation(len(train))[:most]), made.fresh.iloc[:most]


def _taken(table: "pd.DataFrame", rows: Integers) -> "pd.DataFrame":
    return table.iloc[rows].reset_index(drop=True)


def noisy(table: "pd.DataFrame", evidence: Evidence, rng: np.random.Generator) -> "pd.DataFrame":
    """Every number moved by normal noise of 1 % of its standard deviation, rounded where the column is whole, kept
    within its range; categories, times and missing cells as they are.
    """
    moved = table.copy()
    for column in evidence.contract.modelled:
        if is_category(column) or column.type not in ("integer", "number"):
            continue
        values = table[column.name].to_numpy(dtype="float64", na_value=np.nan)
        with np.errstate(over="ignore", invalid="ignore"):
            spread = float(np.nanstd(values)) if np.isfinite(values).any() else 0.0
            values = values + rng.normal(0, 1, len(values)) * (NOISE * spread if np.isfinite(spread) else 0.0)
        if isinstance(column.domain, Range):
            values = np.clip(values, column.domain.lower, column.domain.upper)
        if column.type == "integer":
            values = np.clip(np.round(values), -(2.0**62), 2.0**62)
        moved[column.name] = _as(values, table[column.name])
    return moved


def _as(values: Reals, like: "pd.Series[Any]") -> "pd.Series[Any]":
    import pandas as pd

    return pd.Series(values, index=like.index).astype(like.dtype)
