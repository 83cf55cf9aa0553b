"""Bins for peers that take small integer codes only: learnt privately, and paid from the same budget as the peer.

Numbers of more than 32 grid values are cut into cells of about equal mass by the private tree of the marginal family,
categories beyond 32 are merged by noisy counts; everything else keeps its public values. That is kinder to the peer
than equal widths, which cost nothing and lose the shape of skewed columns.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.marginals.coding import Coding, category_coding, ordered_coding
from generators.marginals.leaves import grow, tree_plan
from generators.preparing import prepared
from generators.private.meter import Meter
from generators.protocol import FitRequest
from schemas.accounting import gaussian_mu
from schemas.mechanism import Gaussian
from tests.benchmarks.generators.tables import Table

BINS, LARGE = 16, 32
SHARE = 0.12
"""Of the whole budget (mu squared), for all bins together; the peer has the rest."""


@dataclass(frozen=True, slots=True)
class PaidBins:
    """A table as codes with the number of codes a column, what is left of the budget as rho, and the way back."""

    codes: pd.DataFrame
    sizes: dict[str, int]
    rho: float
    assembly: Assembly
    codings: tuple[Coding, ...]

    def decoded(self, codes: pd.DataFrame, seed: int) -> pd.DataFrame:
        """Typed rows: a leaf of the bin by its weight, uniform inside."""
        rng = np.random.default_rng(seed)
        parts = [
            coding.decode(codes[name].to_numpy().astype(np.int64), rng)
            for name, coding in zip(self.sizes, self.codings, strict=True)
        ]
        return self.assembly.finished(self.assembly.table(np.stack(parts, axis=1)), rng)


def paid_bins(table: Table, epsilon: float, seed: int) -> PaidBins:
    """Spends ``SHARE`` of the budget where any column is large, and nothing otherwise."""
    contract = table.contract
    ready = prepared(table.train, FitRequest(contract, bytes(32)))
    mu = gaussian_mu(epsilon, contract.policy.privacy.delta)
    meter = Meter((Gaussian(noise_multiplier=1 / mu),), seed.to_bytes(32, "big"), 1)
    grids = [ready.assembly.grids[name] for name in ready.assembly.free]
    large = sum(grid.size > LARGE for grid in grids)
    share = SHARE / large if large else 0.0
    codings = []
    for place, (grid, positions) in enumerate(zip(grids, ready.positions.T, strict=True)):
        cells = grid.size + int(grid.nullable)
        codings.append(_coding(meter, place, positions, grid.size, cells, grid.ordered, share))
    names = [f"c{place}" for place in range(len(grids))]
    codes = {
        name: coding.encode(positions)
        for name, coding, positions in zip(names, codings, ready.positions.T, strict=True)
    }
    sizes = {name: coding.fine_cells for name, coding in zip(names, codings, strict=True)}
    left = (1 - (SHARE if large else 0.0)) * mu**2 / 2
    return PaidBins(pd.DataFrame(codes), sizes, left, ready.assembly, tuple(codings))


def _coding(meter: Meter, place: int, positions: Ints, size: int, cells: int, ordered: bool, share: float) -> Coding:
    if size <= LARGE:
        every = np.arange(cells, dtype=np.int64)
        return Coding(every, every + 1, np.ones(cells), np.zeros(cells, dtype=np.int64), every, every)
    if not ordered:
        counts, deviation = meter.measure(f"values/{place}", np.bincount(positions, minlength=cells), share)
        return category_coding(counts, deviation, BINS, BINS, False, cells > size)
    plan = tree_plan(size, float(len(positions)), share, meter)
    leaves, missing, variance = grow(meter, f"leaves/{place}", positions, size, plan)
    return ordered_coding(leaves, (missing, variance) if cells > size else None, BINS, BINS)
