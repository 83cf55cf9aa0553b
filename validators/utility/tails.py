"""Whether rare categories and the ends of numbers keep the weight that they have in real rows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from schemas.finding import Finding, Gate
from validators.encoding import Ranks
from validators.protocol import Evidence
from validators.statistics import Reals, normal_interval
from validators.utility.coarse import column_counts, number_matrix, number_places
from validators.utility.conditioning import compared
from validators.utility.histograms import LEAST
from validators.utility.marginals import worst
from validators.verdicts import hold, require
from validators.views import codebook, codes

if TYPE_CHECKING:
    import pandas as pd

RARE = 0.01
LEAST_ROWS = 30
REAL_ROWS = 20
EXPECTED = 10
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TailCoverage:
    """Mean over tails of the smaller of 1 and their share of synthetic rows over their share of real rows.

    A tail is all numbers of a column below the real 1 % quantile, all above the 99 % one, or the categories of a column
    that less than 1 % of the real rows have each; where 1 % is fewer than 30 of the real rows (train and holdout), that
    share is larger. Counted are tails of which 20 real rows, and 10 of a fresh table of the synthetic one's size, are
    to be expected. The baseline is the holdout against train. No finding where there is no such tail.
    """

    metric: str = "tail_coverage"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or none; raises ``InsufficientEvidence`` below 100 synthetic or holdout rows."""
        tables = compared(evidence)
        require(len(tables.synthetic), LEAST, "synthetic rows")
        require(len(tables.holdout), LEAST, "holdout rows")
        sides = [tail_rows(evidence, each) for each in (tables.train, tables.holdout, tables.synthetic)]
        real, fake = np.concatenate(sides[:2]), sides[2]
        share = real.mean(axis=0)
        asked = (share * len(real) >= REAL_ROWS) & (share * len(fake) >= EXPECTED)
        if not asked.any():
            return ()
        covered = np.minimum(1.0, fake.mean(axis=0)[asked] / share[asked])
        names = [name for name, kept in zip(_names(evidence), asked, strict=True) if kept]
        held = sides[1].mean(axis=0)[asked] / np.maximum(1e-12, sides[0].mean(axis=0)[asked]) if len(sides[0]) else None
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                float(covered.mean()),
                interval=normal_interval(float(covered.mean()), _deviation(real, fake, share, asked)),
                rule="confident",
                baseline=None if held is None else float(np.minimum(1.0, held).mean()),
                support=min(len(tables.holdout), len(fake)),
                samples=tables.samples,
                detail=tables.detail
                | {"worst": worst(dict(zip(names, covered.tolist(), strict=True)), 10), "tails": len(names)},
            ),
        )


def tail_rows(evidence: Evidence, table: "pd.DataFrame") -> Flags:
    """(n_rows, n_tails) whether the row lies in the tail: low ends, high ends, then rare categories of each column."""
    return evidence.memo.of("tail rows", (evidence.train, evidence.holdout, table), lambda: _tail_rows(evidence, table))


def _tail_rows(evidence: Evidence, table: "pd.DataFrame") -> Flags:
    low, high = evidence.memo.of("ends", (evidence.train, evidence.holdout), lambda: _ends(evidence))
    rare = evidence.memo.of("rare", (evidence.train, evidence.holdout), lambda: _rare(evidence))
    numbers, coded = number_matrix(evidence, table), codes(evidence, table)
    parts = [numbers < low, numbers > high]
    return np.column_stack([*parts, *(flags[coded[:, j]] for j, flags in rare.items())])


def _level(evidence: Evidence) -> float:
    return min(0.25, max(RARE, LEAST_ROWS / max(1, len(evidence.train) + len(evidence.holdout))))


def _ends(evidence: Evidence) -> tuple[Reals, Reals]:
    numbers = np.concatenate([number_matrix(evidence, table) for table in (evidence.train, evidence.holdout)])
    ends, level = np.full((2, numbers.shape[1]), np.nan), _level(evidence)
    for j, values in enumerate(numbers.T):
        present = values[~np.isnan(values)]
        if len(present):
            ends[:, j] = np.quantile(present, [level, 1 - level], method="inverted_cdf")
    return ends[0], ends[1]


def _rare(evidence: Evidence) -> dict[int, Flags]:
    """For each category column which of its codes are rare; never missing, nor the code that unseen values share."""
    book = codebook(evidence)
    real = [column_counts(evidence, table) for table in (evidence.train, evidence.holdout)]
    flags = {}
    for j, (coder, *counts) in enumerate(zip(book.coders, *real, strict=True)):
        if isinstance(coder, Ranks):
            total = np.asarray(sum(counts), dtype=np.float64)
            flags[j] = total < _level(evidence) * max(1.0, float(total.sum()))
            flags[j][[0, -1]] = False
    return flags


def _names(evidence: Evidence) -> list[str]:
    columns, numbers = evidence.contract.modelled, number_places(evidence)
    ends = [f"{columns[j].name} {end}" for end in ("low", "high") for j in numbers]
    return ends + [f"{column.name} rare" for j, column in enumerate(columns) if j not in numbers]


def _deviation(real: Flags, fake: Flags, share: Reals, asked: Flags) -> float:
    """By the influence of each row on the mean; tails that are full to the brim count as if they were just so."""
    ratio = np.minimum(1.0, fake[:, asked].mean(axis=0) / share[asked])
    drawn = (fake[:, asked] / share[asked]).mean(axis=1)
    held = (real[:, asked] * ratio / share[asked]).mean(axis=1)
    return float(np.sqrt(drawn.var() / len(drawn) + held.var() / len(held)))
