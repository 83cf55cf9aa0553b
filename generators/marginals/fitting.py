"""From noisy tables to conditionals: columns in order, each fitted over the synthetic rows drawn so far.
Post-processing.
"""

from collections.abc import Callable, Sequence

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.marginals.coding import Coding
from generators.marginals.denoising import determination
from generators.marginals.exclusions import exclusions
from generators.marginals.logit import PRIOR_DETERMINED, PRIOR_PAIR, Parent, draw, fit_column
from generators.marginals.measurement import Measured
from generators.marginals.model import Conditional, Link
from generators.marginals.order import sampling_order
from generators.marginals.tables import PairTable

SYNTHETIC_ROWS = 20_000
WIDE = 20
WIDE_CELLS = 200_000
"""Synthetic rows x columns beyond ``WIDE`` columns, where the number of pairs takes the time."""
MOST_PARENTS = 40
CLOSE = 0.3
"""Information over the smaller entropy of two columns, from which on their logits are nearly free."""


def conditionals(
    measured: Measured,
    assembly: Assembly,
    target: int | None,
    rng: np.random.Generator,
    progress: Callable[[float, str], None],
) -> tuple[Conditional, ...]:
    """One conditional a column, in sampling order."""
    columns = len(measured.codings)
    order = sampling_order(columns, target, measured.tables)
    rows = SYNTHETIC_ROWS if columns <= WIDE else max(2_000, WIDE_CELLS // columns)
    excluded = exclusions(assembly, measured.codings, order)
    cells = np.zeros((rows, columns), dtype=np.int64)
    found = []
    for place, column in enumerate(order):
        progress(0.3 + 0.65 * place / columns, "fitting columns")
        parents, keys = _parents(column, order[:place], measured, cells)
        allowed = [exclusion.allowed(cells) for exclusion in excluded[column]]
        one_way = measured.one_ways[column]
        base, thetas, probabilities = fit_column(
            one_way, measured.deviations[column], parents, allowed, measured.rows / rows, rows
        )
        cells[:, column] = draw(probabilities, rng)
        links = tuple(
            Link(known, fine, theta[:, parent.cells].astype(np.float32), beside)
            for (known, fine, beside), parent, theta in zip(keys, parents, thetas, strict=True)
        )
        found.append(Conditional(column, base.astype(np.float32), links))
    return tuple(found)


def _parents(
    column: int, earlier: list[int], measured: Measured, cells: Ints
) -> tuple[list[Parent], list[tuple[int, bool, int | None]]]:
    """What a column is fitted to, pairs by information and then triples, and how a link names each."""
    pairs = parents_of(column, earlier, measured.tables)
    parents = [_parent(table, column, cells, measured.codings) for table in pairs]
    keys: list[tuple[int, bool, int | None]] = [(*table.seen_from(column)[:2], None) for table in pairs]
    for triple in measured.triples:
        if column in triple.columns and set(triple.columns) <= {column, *earlier}:
            first, second, masses = triple.seen_from(column)
            codes = [measured.codings[known].coarse[cells[:, known]] for known in (first, second)]
            joint = codes[0] * measured.codings[second].coarse_cells + codes[1]
            parents.append(Parent(joint, masses, triple.deviation, measured.codings[column].coarse))
            keys.append((first, False, second))
    return parents, keys


def parents_of(column: int, earlier: Sequence[int], tables: Sequence[PairTable]) -> list[PairTable]:
    """The tables that join ``column`` with one drawn before it: the most telling ones, the best first."""
    known = set(earlier)
    mine = [
        table
        for table in tables
        if (table.left == column and table.right in known) or (table.right == column and table.left in known)
    ]
    return sorted(mine, key=lambda table: -table.information)[:MOST_PARENTS]


def _parent(table: PairTable, column: int, cells: Ints, codings: list[Coding]) -> Parent:
    other, other_fine, own_fine, masses = table.seen_from(column)
    codes = cells[:, other] if other_fine else codings[other].coarse[cells[:, other]]
    own = np.arange(codings[column].fine_cells) if own_fine else codings[column].coarse
    return Parent(codes, np.maximum(masses, 0.0), table.deviation, own, prior_of(table))


def prior_of(table: PairTable) -> float:
    """How large the logits of a table may be."""
    told = determination(table.information, table.masses.sum(axis=1), table.masses.sum(axis=0))
    return PRIOR_DETERMINED if told > CLOSE else PRIOR_PAIR
