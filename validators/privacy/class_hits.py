"""Whether synthetic rows tell the sensitive values of small real classes, more than of classes no generator saw."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from schemas.finding import Finding, Gate
from validators.encoding import MISSING
from validators.keys import Keys, row_keys
from validators.privacy.classes import class_codes, quasi_identifiers
from validators.protocol import Evidence
from validators.statistics import Reals, generator
from validators.verdicts import hold, require

SMALL = 5
CONFIDENCE = 0.99
Z99 = 2.5758293035489004
LEAST = 100
Units = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SmallClassHits:
    """Excess rate of confident hits: synthetic rows whose quasi-identifiers are those of a train class of fewer than 5
    units, and whose sensitive value occurs in it, beyond the same rate with the holdout in place of train.

    Both sides are thinned by seed to equally many units. The interval, at 99 %, lets classes vary, not rows: a class
    that many synthetic rows hit counts as one event of that weight. Of several sensitive columns the surest excess. No
    finding without a sensitive column.
    """

    metric: str = "small_class_hits"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or none; raises ``InsufficientEvidence`` below 100 synthetic rows or units of either side."""
        chosen = quasi_identifiers(evidence)
        if not chosen.sensitive:
            return ()
        require(len(evidence.synthetic), LEAST, "synthetic rows")
        units = evidence.entities or tuple(np.arange(len(table)) for table in (evidence.train, evidence.holdout))
        size = min(len(np.unique(side)) for side in units[:2])
        require(size, LEAST, "units of train and of the holdout")
        rng = generator(evidence.seed, self.metric)
        kept = [_thinned(side, size, rng) for side in units[:2]]
        coded = [class_codes(evidence, each) for each in (evidence.train, evidence.holdout, evidence.synthetic)]
        rows = [(codes[at], hidden[at]) for (codes, hidden), at in zip(coded[:2], kept, strict=True)] + coded[2:]
        keys = row_keys([codes for codes, _ in rows])
        sides = [(keys[k], rows[k][1], units[k][kept[k]]) for k in (0, 1)]
        found = [_excess(sides, keys[2], rows[2][1], j) for j in range(len(chosen.sensitive))]
        k = int(np.argmax([item.value - Z99 * item.deviation for item in found]))
        return (self._held(evidence, found[k], size, chosen.sensitive[k].name),)

    def _held(self, evidence: Evidence, found: "_Excess", size: int, column: str) -> Finding:
        half = Z99 * found.deviation
        return hold(
            evidence.contract,
            self.metric,
            self.gate,
            found.value,
            interval=(max(-1.0, found.value - half), min(1.0, found.value + half)),
            rule="confident",
            baseline=0.0,
            support=len(evidence.synthetic),
            samples={"synthetic": len(evidence.synthetic), "train": size, "holdout": size},
            detail={"sensitive": column, "small": SMALL, "confidence": CONFIDENCE}
            | {"rate_train": found.rates[0], "rate_holdout": found.rates[1]},
        )


@dataclass(frozen=True, slots=True)
class _Excess:
    value: float
    deviation: float
    rates: tuple[float, float]


Side = tuple[Keys, "npt.NDArray[np.int32]", Units]


def _excess(sides: list[Side], fake: Keys, hidden: "npt.NDArray[np.int32]", j: int) -> _Excess:
    hits = [_hits(keys, codes[:, j], unit, fake, hidden[:, j]) for keys, codes, unit in sides]
    difference = hits[0] - hits[1]
    _, owner = np.unique(fake, return_inverse=True)
    each = np.bincount(owner, difference)
    return _Excess(
        value=float(difference.mean()),
        deviation=float(np.sqrt((each**2).sum())) / len(fake),
        rates=(float(hits[0].mean()), float(hits[1].mean())),
    )


def _hits(
    keys: Keys, sensitive: "npt.NDArray[np.int32]", unit: Units, fake: Keys, told: "npt.NDArray[np.int32]"
) -> Reals:
    """(n_synthetic,) 1 where the row's class is small on this side and its present sensitive value occurs there."""
    (members,) = row_keys(
        [np.column_stack([np.unique(keys, return_inverse=True)[1], np.unique(unit, return_inverse=True)[1]])]
    )
    once = np.unique(members, return_index=True)[1]
    found, sizes = np.unique(keys[once], return_counts=True)
    small = found[sizes < SMALL]
    both = row_keys(
        [np.column_stack([_numbered(small, part), values]) for part, values in ((keys, sensitive), (fake, told))]
    )
    within = np.isin(both[1], both[0][np.isin(keys, small)]) & np.isin(fake, small)
    found_rows: Reals = (within & (told != MISSING)).astype(np.float64)
    return found_rows


def _numbered(small: Keys, keys: Keys) -> Units:
    """The place of each key among ``small`` from 1, 0 for others."""
    if not len(small):
        return np.zeros(len(keys), dtype=np.int64)
    place = np.minimum(np.searchsorted(small, keys), len(small) - 1)
    return np.where(small[place] == keys, place + 1, 0).astype(np.int64)


def _thinned(unit: Units, size: int, rng: np.random.Generator) -> Units:
    """Rows of ``size`` units, in order."""
    distinct = np.unique(unit)
    if len(distinct) == size:
        return np.arange(len(unit))
    return np.flatnonzero(np.isin(unit, rng.choice(distinct, size, replace=False)))
