"""Drawing a table of the wished shape from a model: exact row count, constraints kept, shares fixed. All
post-processing.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Floats, Ints
from generators.domains.constraints import repaired, satisfied
from generators.domains.grid import Grid
from schemas.contract import Contract, Scalar
from schemas.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Draw = Callable[[int, np.random.Generator], "pd.DataFrame"]
"""Draws that many typed rows of the modelled columns."""

Where = Mapping[str, tuple[Scalar, float]]
BATCHES = 24
LARGEST_BATCH = 200_000


def drawn(
    draw: Draw,
    rows: int,
    rng: np.random.Generator,
    contract: Contract,
    grids: Mapping[str, Grid],
    where: Where | None = None,
) -> "pd.DataFrame":
    """``rows`` rows that keep every constraint, with each ``where`` value in exactly its share (rounded) of them.

    Rejection first; rows that are still wanted then come from repaired ones, and last from repeating synthetic rows.
    Raises ``InputError`` where no row of a kind can be had.
    """
    import pandas as pd

    if rows < 0:
        raise InputError("a table cannot have a negative number of rows")
    conditions = _conditions(where or {}, grids)
    constraints = contract.policy.constraints
    batch = draw(max(rows, 1 if rows else 0), rng)
    if not rows or (not constraints and not conditions):
        return batch
    wanted = _quotas(_groups(batch, conditions, grids), [share for _, _, share in conditions], rows)
    taken: list[pd.DataFrame] = []
    spoilt: list[pd.DataFrame] = []
    for _ in range(BATCHES):
        kept = satisfied(batch, constraints)
        spoilt = [batch[~kept], *spoilt][:3]
        before, wanted = int(wanted.sum()), _take(batch[kept], wanted, conditions, grids, taken)
        if not wanted.any():
            break
        batch = draw(_next_batch(int(wanted.sum()), (before - int(wanted.sum())) / len(batch), rows), rng)
    if wanted.any():
        mended = _mended(pd.concat(spoilt, ignore_index=True), contract, grids, {name for name, _, _ in conditions})
        wanted = _take(mended, wanted, conditions, grids, taken)
    found = _repeated(pd.concat(taken, ignore_index=True), wanted, conditions, grids, rng)
    return found.iloc[rng.permutation(len(found))].reset_index(drop=True)


def _next_batch(short: int, useful: float, rows: int) -> int:
    """How many rows to draw where ``short`` are missing and that share of the last ones was of use."""
    most = max(rows, 1_000) * 2
    return int(min(LARGEST_BATCH, most, max(1_000, 2 * short / useful))) if useful else min(LARGEST_BATCH, most)


def _mended(
    table: "pd.DataFrame", contract: Contract, grids: Mapping[str, Grid], conditioned: set[str]
) -> "pd.DataFrame":
    """Rows that keep every constraint once repaired, without touching dependencies or fixed shares."""
    bound = {name for item in contract.policy.dependencies for name in (*item.determinants, item.dependent)}
    mended = repaired(table, contract.policy.constraints, grids, frozenset(bound | conditioned))
    return mended[satisfied(mended, contract.policy.constraints)]


def _conditions(where: Where, grids: Mapping[str, Grid]) -> list[tuple[str, int, float]]:
    found = []
    for name, (value, share) in where.items():
        if name not in grids:
            raise InputError(f"cannot fix the share of {name}: it is no modelled column")
        if not 0 <= share <= 1:
            raise InputError(f"cannot fix the share of {name}: a share lies between 0 and 1")
        position = grids[name].position_of(value)
        if position is None:
            raise InputError(f"cannot fix the share of {name}: the value lies outside its domain")
        found.append((name, position, float(share)))
    return found


def _groups(table: "pd.DataFrame", conditions: list[tuple[str, int, float]], grids: Mapping[str, Grid]) -> Ints:
    """For each row one bit a condition: whether it has the value."""
    group = np.zeros(len(table), dtype=np.int64)
    for bit, (name, position, _) in enumerate(conditions):
        group |= (grids[name].positions(table[name]) == position).astype(np.int64) << bit
    return group


def _quotas(groups: Ints, shares: list[float], rows: int) -> Ints:
    """Rows wanted of each group: the model's own joint shares, raked to the wished margins, rounded to add up."""
    count = len(shares)
    joint: Floats = np.bincount(groups, minlength=2**count).astype(np.float64) + 1e-3
    for _ in range(200):
        for bit, share in enumerate(shares):
            has = (np.arange(2**count) >> bit) & 1 == 1
            joint[has] *= share / joint[has].sum() if joint[has].sum() > 0 else 0.0
            joint[~has] *= (1 - share) / joint[~has].sum() if joint[~has].sum() > 0 else 0.0
    if count == 1:
        with_value = round(shares[0] * rows)
        return np.array([rows - with_value, with_value], dtype=np.int64)
    exact = joint / joint.sum() * rows
    quotas: Ints = np.floor(exact).astype(np.int64)
    for group in np.argsort(quotas - exact)[: rows - int(quotas.sum())]:
        quotas[group] += 1
    return quotas


def _take(
    table: "pd.DataFrame",
    wanted: Ints,
    conditions: list[tuple[str, int, float]],
    grids: Mapping[str, Grid],
    taken: "list[pd.DataFrame]",
) -> Ints:
    """Appends what is wanted of ``table`` to ``taken``; what is still wanted afterwards."""
    groups = _groups(table, conditions, grids)
    chosen = np.concatenate([np.flatnonzero(groups == group)[:count] for group, count in enumerate(wanted)])
    taken.append(table.iloc[np.sort(chosen)])
    left: Ints = np.subtract(wanted, np.bincount(groups[chosen], minlength=wanted.size))
    return left


def _repeated(
    found: "pd.DataFrame",
    wanted: Ints,
    conditions: list[tuple[str, int, float]],
    grids: Mapping[str, Grid],
    rng: np.random.Generator,
) -> "pd.DataFrame":
    import pandas as pd

    if not wanted.any():
        return found
    groups = _groups(found, conditions, grids)
    parts = [found]
    for group, count in enumerate(wanted):
        members = np.flatnonzero(groups == group)
        if count and not members.size:
            raise InputError(
                "the model cannot draw rows of the wished kind: "
                "constraints and fixed shares exclude each other, or it is too rare"
            )
        if count:
            parts.append(found.iloc[rng.choice(members, count)])
    return pd.concat(parts, ignore_index=True)
