"""Whether pairs of columns hang together as in rows that no generator saw."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from schemas.dependence import Ints, Layout, Pair, PairTables, all_pairs
from schemas.finding import Finding, Gate
from validators.protocol import Evidence
from validators.statistics import Reals, generator, normal_interval
from validators.utility.coarse import PAIRS, coarse, number_places, samples
from validators.utility.conditioning import Compared, compared
from validators.utility.dependence import Bounded, Dependence, changes, dependence, largest_change
from validators.utility.histograms import LEAST, deviation, joint, rows_of, sampled, split
from validators.utility.marginals import worst
from validators.verdicts import hold, require
from validators.views import codebook, codes, names

if TYPE_CHECKING:
    import pandas as pd

MOST_PAIRS = 4_000
MOST_CELLS = 4_000_000
SHOWN = 8


@dataclass(frozen=True, slots=True)
class PairFidelity:
    """Mean over all pairs of columns of 1 - total variation against the holdout, on up to 6 bins or 12 categories each;
    and the pair whose dependence changed most, so that one invented or lost relation does not hide in a mean.

    Dependence is the informational correlation of the two-way table, Spearman's of numbers, and which values go
    together; only a change that sampling cannot explain fails. Above 4,000 pairs, as many are drawn by seed. The
    baselines are the train rows' own values. Detail: ``column_pair_trends`` is the mean score of all pairs as
    ``sdmetrics`` defines it, on bins that both tables share. No finding for a single column.
    """

    metric: str = "pair_fidelity"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """Two findings; raises ``InsufficientEvidence`` below 100 synthetic or holdout rows."""
        tables = compared(evidence)
        require(len(tables.synthetic), LEAST, "synthetic rows")
        require(len(tables.holdout), LEAST, "holdout rows")
        if len(evidence.contract.modelled) < 2:
            return ()
        return self._mean(evidence, tables), self._worst(evidence, tables)

    def _mean(self, evidence: Evidence, tables: Compared) -> Finding:
        real, fake = (pair_tables(evidence, each) for each in (tables.holdout, tables.synthetic))
        similarity = 1 - real.total_variation(fake)
        value, pairs = float(similarity.mean()), real.layout.pairs
        named = dict(zip(_names(evidence, pairs), similarity.tolist(), strict=True))
        width = len(real.layout.sizes)
        detail = {"worst": worst(named), "pairs": len(pairs), "pairs_of": width * (width - 1) // 2}
        return hold(
            evidence.contract,
            self.metric,
            self.gate,
            value,
            interval=normal_interval(value, _deviation(evidence, tables, real, fake)),
            baseline=self._baseline(evidence, tables, real) if len(tables.train) else None,
            support=min(real.rows, fake.rows),
            samples=tables.samples,
            detail=tables.detail | detail | _trends(evidence, tables),
        )

    def _baseline(self, evidence: Evidence, tables: Compared, real: PairTables) -> float:
        known = (evidence.train, evidence.holdout, tables.train, tables.holdout)
        return evidence.memo.of(
            ("pair baseline", evidence.seed),
            known,
            lambda: float((1 - real.total_variation(pair_tables(evidence, tables.train))).mean()),
        )

    def _worst(self, evidence: Evidence, tables: Compared) -> Finding:
        real, fake = dependence_of(evidence, tables.holdout), dependence_of(evidence, tables.synthetic)
        changed = changes(real, fake)
        found = largest_change(changed)
        pairs = layout(evidence).pairs
        return hold(
            evidence.contract,
            "worst_pair",
            self.gate,
            found.value,
            interval=found.interval,
            rule="confident",
            baseline=self._fresh(evidence, tables, real) if len(tables.train) else None,
            support=min(len(tables.holdout), len(tables.synthetic)),
            samples=tables.samples,
            detail=tables.detail
            | {"pair": _names(evidence, pairs[found.pair : found.pair + 1])[0], "figure": found.figure}
            | {"changes": _shown(evidence, real, fake, _most_changed(changed))},
        )

    def _fresh(self, evidence: Evidence, tables: Compared, real: Dependence) -> float:
        known = (evidence.train, evidence.holdout, tables.train, tables.holdout)
        return evidence.memo.of(
            ("fresh pairs", evidence.seed),
            known,
            lambda: largest_change(changes(real, dependence_of(evidence, tables.train))).value,
        )


def layout(evidence: Evidence) -> Layout:
    """All pairs of modelled columns on coarse codes, or as many as 4,000 by seed."""

    def compute() -> Layout:
        pairs = all_pairs(len(evidence.contract.modelled))
        if len(pairs) > MOST_PAIRS:
            kept = generator(evidence.seed, "pairs").choice(len(pairs), MOST_PAIRS, replace=False)
            pairs = tuple(pairs[int(k)] for k in np.sort(kept))
        return Layout(coarse(evidence, PAIRS).sizes, pairs)

    return evidence.memo.of(("pair layout", evidence.seed), (evidence.train, evidence.holdout), compute)


def pair_tables(evidence: Evidence, table: "pd.DataFrame") -> PairTables:
    """The coarse two-way tables of ``table``."""

    def compute() -> PairTables:
        fine, groups = fine_tables(evidence, table), coarse(evidence, PAIRS)
        if fine is not None:
            return fine.merged(groups.maps, layout(evidence))
        return PairTables.of(groups.codes(codes(evidence, table)), layout(evidence))

    return evidence.memo.of(("pair tables", evidence.seed), (evidence.train, evidence.holdout, table), compute)


def dependence_of(evidence: Evidence, table: "pd.DataFrame") -> Dependence:
    """How the pairs of ``layout`` hang together in ``table``."""
    return evidence.memo.of(
        ("dependence", evidence.seed),
        (evidence.train, evidence.holdout, table),
        lambda: dependence(pair_tables(evidence, table), samples(evidence, table), number_places(evidence)),
    )


def fine_tables(evidence: Evidence, table: "pd.DataFrame") -> PairTables | None:
    """The two-way tables on all bins and categories; none where they would have more than 4 million cells."""
    fine = Layout(codebook(evidence).sizes, layout(evidence).pairs)
    if fine.starts[-1] > MOST_CELLS:
        return None
    return evidence.memo.of(
        ("fine pair tables", evidence.seed),
        (evidence.train, evidence.holdout, table),
        lambda: PairTables.of(codes(evidence, table), fine),
    )


def pair_trends(evidence: Evidence, real: "pd.DataFrame", fake: "pd.DataFrame") -> Reals | None:
    """(n_pairs,) CorrelationSimilarity of two numbers, ContingencySimilarity on shared bins of any others; NaN where a
    correlation is undefined.
    """
    left, right = fine_tables(evidence, real), fine_tables(evidence, fake)
    if left is None or right is None:
        return None
    change = np.abs(dependence_of(evidence, real).pearson - dependence_of(evidence, fake).pearson)
    numbers = set(number_places(evidence))
    both = np.array([i in numbers and j in numbers for i, j in left.layout.pairs], dtype=bool)
    return np.where(both, 1 - change / 2, 1 - left.total_variation(right))


def _trends(evidence: Evidence, tables: Compared) -> dict[str, float]:
    found = pair_trends(evidence, tables.holdout, tables.synthetic)
    if found is None or not np.isfinite(found).any():
        return {}
    return {"column_pair_trends": float(np.nanmean(found))}


def _deviation(evidence: Evidence, tables: Compared, real: PairTables, fake: PairTables) -> float:
    rng, plan = generator(evidence.seed, "pair_fidelity"), real.layout
    some, other = (
        coarse(evidence, PAIRS).codes(rows_of(codes(evidence, table), sampled(len(table), rng))).T.astype(np.intp)
        for table in (tables.holdout, tables.synthetic)
    )
    signs = split(np.sign(real.joint / real.rows - fake.joint / fake.rows), plan.starts)

    def keys(side: Ints, i: int, j: int) -> Ints:
        return joint([side[i], side[j]], [plan.sizes[i], plan.sizes[j]])

    drawn = ((keys(some, i, j), keys(other, i, j), sign) for (i, j), sign in zip(plan.pairs, signs, strict=True))
    return deviation(drawn, (real.rows, fake.rows))


def _most_changed(changed: tuple[Bounded, Bounded, Bounded]) -> list[int]:
    lowest = np.max([low for _, low, _ in changed], axis=0)
    return [int(k) for k in np.argsort(-lowest, kind="stable")[:SHOWN]]


def _shown(
    evidence: Evidence, real: Dependence, fake: Dependence, shown: list[int]
) -> dict[str, dict[str, list[float | None]]]:
    """Figures of these pairs, real beside synthetic."""
    figures, pairs = _figures(real, fake), layout(evidence).pairs
    return {
        name: {
            figure: [round(float(side[k]), 4) if np.isfinite(side[k]) else None for side in both]
            for figure, both in figures.items()
            if np.isfinite(both[0][k]) or np.isfinite(both[1][k])
        }
        for k, name in zip(shown, _names(evidence, tuple(pairs[k] for k in shown)), strict=True)
    }


def _figures(real: Dependence, fake: Dependence) -> dict[str, tuple[Reals, Reals]]:
    """(n_pairs,) of each figure, real beside synthetic."""
    return {
        "mutual_information": (real.mutual_information, fake.mutual_information),
        "cramers_v": (real.cramers_v, fake.cramers_v),
        "spearman": (real.ranks[0], fake.ranks[0]),
        "pearson": (real.pearson, fake.pearson),
    }


def _names(evidence: Evidence, pairs: tuple[Pair, ...]) -> list[str]:
    columns = names(evidence.contract.modelled)
    return [f"{columns[i]} x {columns[j]}" for i, j in pairs]
