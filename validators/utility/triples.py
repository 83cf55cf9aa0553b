"""Whether columns hang together three by three as in rows that no generator saw."""

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Literal

import numpy as np

from schemas.dependence import Ints
from schemas.finding import Finding, Gate
from validators.encoding import Codes
from validators.protocol import Evidence
from validators.statistics import Reals, generator, normal_interval
from validators.utility.coarse import TRIPLES, coarse, coarse_codes
from validators.utility.conditioning import Compared, compared
from validators.utility.histograms import LEAST, deviation, joint, sampled, shares
from validators.utility.marginals import worst
from validators.verdicts import hold, require

if TYPE_CHECKING:
    import pandas as pd

DRAWN = 60
Triple = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class TripleFidelity:
    """Mean of 1 - total variation of three-way tables against the holdout, on at most 4 bins or categories a column.

    Over the contract's triples and 60 more drawn by seed (all, where there are no more). The baseline is the train
    rows' own value. No finding below three columns. ``declared_triple`` is the lowest of the contract's own triples,
    which the mean of all might hide.
    """

    metric: str = "triple_fidelity"
    gate: Gate = "utility"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding, two where the contract states triples; raises ``InsufficientEvidence`` below 100 synthetic or
        holdout rows.
        """
        tables = compared(evidence)
        require(len(tables.synthetic), LEAST, "synthetic rows")
        require(len(tables.holdout), LEAST, "holdout rows")
        chosen = triples(evidence)
        if not chosen:
            return ()
        own = len(stated(evidence))
        found = (_finding(evidence, tables, self.metric, np.arange(len(chosen))),)
        return (*found, _finding(evidence, tables, "declared_triple", _lowest(evidence, tables, own))) if own else found


def _finding(evidence: Evidence, tables: Compared, metric: str, places: Ints) -> Finding:
    """The mean over the triples at ``places``, held against the metric's limit."""
    chosen = triples(evidence)
    picked = [chosen[k] for k in places]
    real, fake, fresh = (
        [counts(evidence, table)[k] for k in places] for table in (tables.holdout, tables.synthetic, tables.train)
    )
    each = _similarities(real, fake)
    value, columns = float(np.mean(each)), evidence.contract.modelled
    named = {" x ".join(columns[j].name for j in triple): part for triple, part in zip(picked, each, strict=True)}
    rng, sizes = generator(evidence.seed, metric), coarse(evidence, TRIPLES).sizes
    rows = [
        coarse_codes(evidence, table, TRIPLES)[sampled(len(table), rng)] for table in (tables.holdout, tables.synthetic)
    ]
    signs = (np.sign(shares(a) - shares(b)) for a, b in zip(real, fake, strict=True))
    drawn = ((_keys(rows[0], t, sizes), _keys(rows[1], t, sizes), s) for t, s in zip(picked, signs, strict=True))
    return hold(
        evidence.contract,
        metric,
        "utility",
        value,
        interval=normal_interval(value, deviation(drawn, (len(tables.holdout), len(tables.synthetic)))),
        baseline=float(np.mean(_similarities(real, fresh))) if len(tables.train) else None,
        support=min(len(tables.holdout), len(tables.synthetic)),
        samples=tables.samples,
        detail=tables.detail | {"worst": worst(named), "triples": len(picked), "triples_of": comb(len(columns), 3)},
    )


def _lowest(evidence: Evidence, tables: Compared, own: int) -> Ints:
    """Where the contract's triple that fits worst stands."""
    each = _similarities(counts(evidence, tables.holdout)[:own], counts(evidence, tables.synthetic)[:own])
    return np.array([int(np.argmin(each))], dtype=np.int64)


def triples(evidence: Evidence) -> tuple[Triple, ...]:
    """The contract's triples of modelled columns, then others drawn by seed."""
    own, width = stated(evidence), len(evidence.contract.modelled)
    rng = generator(evidence.seed, "triples")
    wanted = min(DRAWN + len(own), comb(width, 3))
    chosen = dict.fromkeys(own)
    while len(chosen) < wanted:
        a, b, c = sorted(rng.choice(width, 3, replace=False).tolist())
        chosen[a, b, c] = None
    return tuple(chosen)


def stated(evidence: Evidence) -> tuple[Triple, ...]:
    """The contract's own triples, each once."""
    place = {column.name: j for j, column in enumerate(evidence.contract.modelled)}
    found = dict[Triple, None]()
    for each in evidence.contract.policy.triples:
        if set(each) <= set(place) and len(set(each)) == 3:
            a, b, c = sorted(place[name] for name in each)
            found[a, b, c] = None
    return tuple(found)


def counts(evidence: Evidence, table: "pd.DataFrame") -> list[Reals]:
    """The three-way table of each triple, flat."""
    sizes, chosen = coarse(evidence, TRIPLES).sizes, triples(evidence)

    def compute() -> list[Reals]:
        rows = coarse_codes(evidence, table, TRIPLES)
        return [
            np.bincount(_keys(rows, t, sizes), minlength=sizes[t[0]] * sizes[t[1]] * sizes[t[2]]).astype(np.float64)
            for t in chosen
        ]

    return evidence.memo.of(("triples", evidence.seed), (evidence.train, evidence.holdout, table), compute)


def _keys(rows: Codes, triple: Triple, sizes: tuple[int, ...]) -> Ints:
    return joint([rows[:, j] for j in triple], [sizes[j] for j in triple])


def _similarities(left: list[Reals], right: list[Reals]) -> list[float]:
    return [1 - 0.5 * float(np.abs(shares(a) - shares(b)).sum()) for a, b in zip(left, right, strict=True)]
