"""From noisy tables of pairs and triples to conditionals: columns in order, each fitted over the synthetic rows drawn
so far. Post-processing.
"""

from collections.abc import Callable, Sequence

import numpy as np

from generators.aim.joint import Joint, flat
from generators.aim.logit import Factor, fit_column
from generators.aim.model import JointLink
from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.marginals.coding import Coding
from generators.marginals.exclusions import exclusions
from generators.marginals.fitting import parents_of, prior_of
from generators.marginals.logit import draw
from generators.marginals.measurement import Measured
from generators.marginals.model import Conditional, Link
from generators.marginals.order import sampling_order
from generators.marginals.tables import PairTable

SYNTHETIC_ROWS = 10_000
WIDE = 20
MOST_JOINTS = 20

Fitted = tuple[tuple[Conditional, ...], dict[int, tuple[JointLink, ...]]]


def fitted(
    measured: Measured,
    joints: Sequence[Joint],
    assembly: Assembly,
    target: int | None,
    rng: np.random.Generator,
    still: Callable[[], None],
) -> Fitted:
    """One conditional a column in sampling order, and the links of triples by column.

    A triple acts on the last of its columns in that order, as an earlier column whose cells are those of the other two.
    ``still`` is told of each column.
    """
    columns = len(measured.codings)
    order = sampling_order(columns, target, measured.tables)
    rows = SYNTHETIC_ROWS if columns <= WIDE else max(2_000, SYNTHETIC_ROWS * WIDE // columns)
    excluded = exclusions(assembly, measured.codings, order)
    cells = np.zeros((rows, columns), dtype=np.int64)
    conditionals, links = [], {}
    for place, column in enumerate(order):
        still()
        pairs, triples = parents_of(column, order[:place], measured.tables), _triples(column, order[:place], joints)
        factors = [_pair_factor(table, column, cells, measured.codings) for table in pairs]
        factors += [_joint_factor(joint, column, cells, measured.codings) for joint in triples]
        allowed = [exclusion.allowed(cells) for exclusion in excluded[column]]
        base, thetas, probabilities = fit_column(
            measured.one_ways[column], measured.deviations[column], factors, allowed, measured.rows / rows, rows
        )
        cells[:, column] = draw(probabilities, rng)
        spread = [theta[:, factor.cells].astype(np.float32) for factor, theta in zip(factors, thetas, strict=True)]
        of_pairs = tuple(
            Link(*table.seen_from(column)[:2], theta) for table, theta in zip(pairs, spread[: len(pairs)], strict=True)
        )
        conditionals.append(Conditional(column, base.astype(np.float32), of_pairs))
        links[column] = tuple(
            JointLink(*joint.seen_from(column)[:2], theta)
            for joint, theta in zip(triples, spread[len(pairs) :], strict=True)
        )
    return tuple(conditionals), {column: found for column, found in links.items() if found}


def _triples(column: int, earlier: Sequence[int], joints: Sequence[Joint]) -> list[Joint]:
    known = {column, *earlier}
    mine = [joint for joint in joints if column in joint.clique.columns and known.issuperset(joint.clique.columns)]
    return mine[:MOST_JOINTS]


def _pair_factor(table: PairTable, column: int, cells: Ints, codings: Sequence[Coding]) -> Factor:
    other, other_fine, own_fine, masses = table.seen_from(column)
    codes = flat(cells, (other,), (other_fine,), codings)
    own = _own(codings[column], own_fine)
    return Factor(codes, np.maximum(masses, 0.0), table.deviation, own, prior_of(table))


def _joint_factor(joint: Joint, column: int, cells: Ints, codings: Sequence[Coding]) -> Factor:
    others, fine, own_fine, masses = joint.seen_from(column)
    return Factor(
        flat(cells, others, fine, codings), masses, joint.deviation, _own(codings[column], own_fine), joint.prior
    )


def _own(coding: Coding, fine: bool) -> Ints:
    """The table's cell of each fine cell of the column itself."""
    return np.arange(coding.fine_cells) if fine else coding.coarse
