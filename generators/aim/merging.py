"""One more table: measured, put beside or into what is known, and asked whether it told anything."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from generators.aim.joint import Clique, Joint
from generators.aim.known import Known
from generators.arrays import Floats, Ints, sums
from generators.marginals.coding import Coding
from generators.marginals.denoising import shrink_singular_values
from generators.marginals.tables import PairTable, refine
from generators.private.meter import Meter

SMALLEST_PRIOR, LARGEST_PRIOR = 0.02, 0.8


def with_table(
    meter: Meter, rows: Ints, known: Known, clique: Clique, before: Floats, scale: float, share: float, turn: int
) -> tuple[Known, bool]:
    """``known`` with the clique's table (rows are fine cells), and whether that differs from the model's counts
    ``before`` (flat) by more than noise. ``scale`` is rows per synthetic row behind ``before``.
    """
    measure = _with_pair if len(clique.columns) == 2 else _with_joint
    return measure(meter, rows, known, clique, before, scale, share, turn)


def _with_pair(
    meter: Meter, rows: Ints, known: Known, clique: Clique, before: Floats, scale: float, share: float, turn: int
) -> tuple[Known, bool]:
    """Doubly centred, as the private marginals measure their pairs."""
    codings, (left, right) = known.measured.codings, clique.columns
    shape = clique.shape(codings)
    freedom = (1 - 1 / shape[0]) * (1 - 1 / shape[1])
    counts = clique.counts(rows, codings).reshape(shape)
    noisy, deviation = meter.measure(f"pair/{turn}/{left}/{right}", counts, share, math.sqrt(freedom))
    residual, model = _centred(noisy), before.reshape(shape)
    told = _differs(residual, _centred(model), freedom * deviation**2, scale * model)
    masses = shrink_singular_values(residual, deviation) + _product_free(known, clique)
    old = [_turned(table, left) for table in known.measured.tables if {table.left, table.right} == {left, right}]
    information = max((table.information for table in old), default=0.0)
    new = PairTable(left, right, clique.fine[0], clique.fine[1], masses, deviation, information)
    for table in old:
        new = _merged(new, table, codings)
    tables = [table for table in known.measured.tables if {table.left, table.right} != {left, right}]
    return replace(known, measured=replace(known.measured, tables=[*tables, new])), told


def _with_joint(
    meter: Meter, rows: Ints, known: Known, clique: Clique, before: Floats, scale: float, share: float, turn: int
) -> tuple[Known, bool]:
    """As it is: the table of three also says something of its pairs."""
    codings = known.measured.codings
    label = "joint/" + "/".join(str(part) for part in (turn, *clique.columns))
    noisy, deviation = meter.measure(label, clique.counts(rows, codings), share)
    sampling = scale * before
    told = _differs(noisy, before, np.full(before.size, deviation**2), sampling)
    signal = float(((noisy - before) ** 2 - deviation**2 - sampling).sum()) / max(float((before**2).sum()), 1.0)
    prior = min(max(math.sqrt(max(signal, 0.0)), SMALLEST_PRIOR), LARGEST_PRIOR)
    joint = Joint(clique, noisy.reshape(clique.shape(codings)), deviation, prior)
    return replace(known, joints=(*known.joints, joint)), told


def _differs(found: Floats, model: Floats, variance: Floats | float, sampling: Floats) -> bool:
    """True where the squared distance exceeds what noise explains by two of its standard deviations."""
    each = np.broadcast_to(variance + sampling, found.shape)
    return float(((found - model) ** 2).sum() - each.sum()) > 2 * math.sqrt(2 * float((each**2).sum()))


def _centred(table: Floats) -> Floats:
    centred: Floats = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    return centred


def _product_free(known: Known, clique: Clique) -> Floats:
    """What the one-ways say of the table, which its centred part does not."""
    left, right = (
        known.measured.one_ways[column] if fine else _coarse_masses(known, column)
        for column, fine in zip(clique.columns, clique.fine, strict=True)
    )
    whole: Floats = left[:, None] / right.size + right / left.size - left.sum() / (left.size * right.size)
    return whole


def _coarse_masses(known: Known, column: int) -> Floats:
    coding = known.measured.codings[column]
    return sums(coding.coarse, known.measured.one_ways[column], coding.coarse_cells)


def _turned(table: PairTable, left: int) -> PairTable:
    """The same table with ``left`` in its rows."""
    if table.left == left:
        return table
    return PairTable(
        left, table.left, table.right_fine, table.left_fine, table.masses.T, table.deviation, table.information
    )


def _merged(new: PairTable, old: PairTable, codings: Sequence[Coding]) -> PairTable:
    """The new table with what an older one knew: averaged by precision, or refined from coarse cells."""
    grain = (new.left_fine, new.right_fine)
    if (old.left_fine, old.right_fine) == grain:
        weight = old.deviation**2 / (old.deviation**2 + new.deviation**2)
        masses = weight * new.masses + (1 - weight) * old.masses
        return replace(new, masses=masses, deviation=new.deviation * math.sqrt(weight))
    if grain == (True, True) and not (old.left_fine or old.right_fine):
        return refine(new, old, codings[new.left].coarse, codings[new.right].coarse)
    return new
