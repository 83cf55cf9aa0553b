"""Whether synthetic cells stay within what real rows reach."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from schemas.contract import Categories
from schemas.finding import Finding, Gate
from validators.encoding import Identities, cells_of, is_category
from validators.protocol import Evidence
from validators.statistics import Reals, clopper_pearson
from validators.utility.coarse import number_matrix, number_places
from validators.utility.conditioning import compared
from validators.utility.histograms import LEAST
from validators.utility.marginals import worst
from validators.verdicts import hold, require
from validators.views import identity_codebook

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class BoundaryAdherence:
    """The lowest share, over columns, of present synthetic cells within what train and holdout span: numbers and times
    within their range, categories without a closed domain among those that occur.

    Of categories as many may be new as are new in the holdout against train. The baseline asks it of the holdout's
    numbers against train alone; Clopper-Pearson interval of the worst column. No finding without such columns.
    """

    metric: str = "boundary_adherence"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or none; raises ``InsufficientEvidence`` below 100 synthetic or real rows."""
        tables = compared(evidence)
        require(len(tables.synthetic), LEAST, "synthetic rows")
        require(len(tables.holdout), LEAST, "holdout rows")
        places, open_places = number_places(evidence), _open_categories(evidence)
        if not places and not open_places:
            return ()
        train, holdout, fake = (
            number_matrix(evidence, each) for each in (evidence.train, evidence.holdout, tables.synthetic)
        )
        real = (evidence.train, evidence.holdout)
        within, present = _within(
            fake, evidence.memo.of("range", real, lambda: _range(np.concatenate([train, holdout])))
        )
        known = [_known(evidence, tables.synthetic, j) for j in open_places]
        within = np.concatenate([within, [float(inside) for inside, _ in known]])
        present = np.concatenate([present, [float(cells) for _, cells in known]])
        share = np.where(present > 0, within / np.maximum(1, present), 1.0)
        k = int(share.argmin())
        names = [evidence.contract.modelled[j].name for j in (*places, *open_places)]
        return (
            hold(
                evidence.contract,
                self.metric,
                self.gate,
                float(share[k]),
                interval=clopper_pearson(int(within[k]), int(present[k])) if present[k] else None,
                baseline=_lowest(*_within(holdout, _range(train))) if len(train) and places else None,
                support=int(present[k]),
                samples=tables.samples,
                detail=tables.detail
                | {"column": names[k], "worst": worst(dict(zip(names, share.tolist(), strict=True)))},
            ),
        )


def _open_categories(evidence: Evidence) -> tuple[int, ...]:
    """Places of category columns whose domain the contract leaves open; the schema gate keeps the closed ones."""
    columns = enumerate(evidence.contract.modelled)
    return tuple(j for j, column in columns if is_category(column) and not isinstance(column.domain, Categories))


def _known(evidence: Evidence, table: "pd.DataFrame", place: int) -> tuple[int, int]:
    """Cells whose category occurs in train or holdout, with as many new ones as are natural, and present cells."""
    coder, column = identity_codebook(evidence).coders[place], evidence.contract.modelled[place]
    assert isinstance(coder, Identities)
    codes = coder.codes(table)
    present, new = int((codes > 0).sum()), int((codes > len(coder.index)).sum())

    def natural() -> float:
        import pandas as pd

        held, fitted = (pd.Series(cells_of(each, column)).dropna() for each in (evidence.holdout, evidence.train))
        return float(1 - held.isin(fitted).mean()) if len(held) else 0.0

    excused = evidence.memo.of(("new categories", place), (evidence.train, evidence.holdout), natural)
    return min(present, present - new + math.ceil(excused * present)), present


def _range(numbers: Reals) -> tuple[Reals, Reals]:
    """(n_columns,) smallest and largest present number; nothing lies within those of an empty column."""
    missing = np.isnan(numbers)
    low = np.where(missing, np.inf, numbers).min(axis=0, initial=np.inf)
    return low, np.where(missing, -np.inf, numbers).max(axis=0, initial=-np.inf)


def _within(numbers: Reals, ends: tuple[Reals, Reals]) -> tuple[Reals, Reals]:
    """(n_columns,) how many numbers lie within ``ends``, and how many there are."""
    inside = ((numbers >= ends[0]) & (numbers <= ends[1])).sum(axis=0)
    return inside.astype(np.float64), (~np.isnan(numbers)).sum(axis=0).astype(np.float64)


def _lowest(within: Reals, present: Reals) -> float:
    return float(np.where(present > 0, within / np.maximum(1, present), 1.0).min())
