"""One number from 0 to 100: how far a table comes from shuffled rows towards fresh real ones."""

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from schemas.errors import InsufficientEvidence
from schemas.finding import Finding, Gate
from validators.encoding import Codes
from validators.protocol import Evidence
from validators.statistics import generator
from validators.utility.detection import detected
from validators.utility.learning import as_compared, learning
from validators.utility.skill import skill
from validators.utility.tstr import Outcome, outcomes
from validators.verdicts import hold
from validators.views import codebook, codes

if TYPE_CHECKING:
    import pandas as pd

ROWS = 10_000
PAIRS = 200
COARSE = 6
FIT, REVIEW = 80.0, 60.0
REGULARISER = 0.02
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Levels:
    """Mean similarity (1 - total variation) to the holdout: of the table, of train rows, and of rows worth nothing."""

    found: float
    ceiling: float
    floor: float

    @property
    def part(self) -> float:
        """0 at the floor, 1 at the ceiling and above."""
        reach = self.ceiling - self.floor
        return float(np.clip((self.found - self.floor) / reach, 0, 1)) if reach > 1e-9 else 1.0


@dataclass(frozen=True, slots=True)
class IntegrityScore:
    """100 times the mean of up to four parts, each 1 for what train rows reach against the holdout.

    Columns are 0 for even shares of all bins, pairs for train rows with shuffled columns, learning (where there is a
    target; the learner that keeps least) for guessing, detection where a detector is never wrong. At most 10,000 rows
    and 200 pairs by seed; models are those of ``tstr_ratio`` and ``detection_auc``. Bands: below 60 review, from 80 on
    fit.
    """

    metric: str = "integrity_score"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding; raises ``InsufficientEvidence`` below 150 synthetic or holdout rows, or without train rows."""
        changed, detail = as_compared(evidence)
        auc = detected(changed).auc.value
        if not len(changed.train):
            raise InsufficientEvidence("there are no train rows to compare with")
        columns, pairs = levels(changed)
        parts = {"columns": columns.part, "detection": float(np.clip(2 - 2 * auc, 0, 1))}
        if pairs is not None:
            parts["pairs"] = pairs.part
        kept = _learnt(evidence)
        if kept is not None:
            parts["learning"] = kept
        value = 100 * float(np.mean(list(parts.values())))
        band = "fit" if value >= FIT else "usable" if value >= REVIEW else "review"
        size = min(len(changed.synthetic), len(changed.train), ROWS)
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                value,
                baseline=100.0,
                support=size,
                samples={"synthetic": size, "train": size, "holdout": min(len(changed.holdout), ROWS)},
                detail=detail | {"parts": parts, "band": band},
            ),
        )


def levels(evidence: Evidence) -> tuple[Levels, Levels | None]:
    """Of columns and of pairs; none for a single column."""
    size = min(len(evidence.synthetic), len(evidence.train), ROWS)
    key, real = ("integrity", evidence.seed, size), (evidence.train, evidence.holdout)
    ceiling = evidence.memo.of((*key, "train"), real, lambda: _similar(evidence, evidence.train, size))
    found = _similar(evidence, evidence.synthetic, size)
    even, shuffled = evidence.memo.of((*key, "floor"), real, lambda: _floors(evidence, size))
    pairs = Levels(found[1], ceiling[1], shuffled) if len(evidence.contract.modelled) > 1 else None
    return Levels(found[0], ceiling[0], even), pairs


def _similar(evidence: Evidence, table: "pd.DataFrame", size: int) -> tuple[float, float]:
    """Mean similarity of columns and of pairs between ``size`` rows of ``table`` and the holdout."""
    fine = [codes(evidence, each)[_rows(evidence, each, most)] for each, most in _sides(evidence, table, size)]
    coarse = [
        codes(evidence, each, COARSE)[_rows(evidence, each, most)] for each, most in _sides(evidence, table, size)
    ]
    sizes = codebook(evidence).sizes
    columns = [_similarity(fine[0][:, j], fine[1][:, j], sizes[j]) for j in range(len(sizes))]
    return float(np.mean(columns)), _pairs(evidence, coarse[0], coarse[1])


def _floors(evidence: Evidence, size: int) -> tuple[float, float]:
    """What even shares of the bins that occur, and train rows with shuffled columns, are worth."""
    holdout = codes(evidence, evidence.holdout)[_rows(evidence, evidence.holdout, ROWS)]
    shares = [np.bincount(holdout[:, j], minlength=k) / len(holdout) for j, k in enumerate(codebook(evidence).sizes)]
    even = [float(np.minimum(share[share > 0], 1 / (share > 0).sum()).sum()) for share in shares]
    coarse = codes(evidence, evidence.train, COARSE)[_rows(evidence, evidence.train, size)]
    shuffled = generator(evidence.seed, "shuffled").permuted(coarse, axis=0)
    held = codes(evidence, evidence.holdout, COARSE)[_rows(evidence, evidence.holdout, ROWS)]
    return float(np.mean(even)), _pairs(evidence, shuffled, held)


def _sides(evidence: Evidence, table: "pd.DataFrame", size: int) -> "tuple[tuple[pd.DataFrame, int], ...]":
    return (table, size), (evidence.holdout, ROWS)


def _rows(evidence: Evidence, table: "pd.DataFrame", most: int) -> Integers:
    return generator(evidence.seed, "integrity").permutation(len(table))[:most]


def _pairs(evidence: Evidence, left: Codes, right: Codes) -> float:
    sizes = codebook(evidence, COARSE).sizes
    pairs = list(combinations(range(len(sizes)), 2))
    chosen = generator(evidence.seed, "integrity pairs").permutation(len(pairs))[:PAIRS]
    each = [
        _similarity(left[:, i] * sizes[j] + left[:, j], right[:, i] * sizes[j] + right[:, j], sizes[i] * sizes[j])
        for i, j in (pairs[k] for k in chosen)
    ]
    return float(np.mean(each)) if each else 1.0


def _similarity(left: Codes, right: Codes, size: int) -> float:
    fake, real = (np.bincount(code, minlength=size) / max(1, len(code)) for code in (left, right))
    return float(np.minimum(fake, real).sum())


def _learnt(evidence: Evidence) -> float | None:
    """The share of skill over guessing that the worst learner keeps; none where nothing can be asked."""
    try:
        task = learning(evidence)
    except InsufficientEvidence:
        return None
    if task is None:
        return None

    def share(one: Outcome) -> float:
        lost, had = skill(one.synthetic, task.target), skill(one.real, task.target)
        return float(np.clip((lost + REGULARISER) / (had + REGULARISER), 0, 1))

    return min(map(share, outcomes(task)))
