"""SDV's HMA for several tables with foreign keys, without any formal guarantee; Business Source Licence (BUSL-1.1).

Hierarchical modelling: what the children of a row look like is summed up in columns of the row, and a Gaussian copula
models the longer row. Each table is made below the first of the tables that it refers to; for its further references
only how often rows are referred to is kept. Slow in SDV (a fit per parent row), so a fit looks at some of the rows of
each root table with all that belongs to them. On one table it is a copula with beta margins. Patki, Wedge and
Veeramachaneni, "The Synthetic Data Vault" (2016).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from generators.arrays import Ints
from generators.protocol import FitFailed, FitRequest, Progress
from generators.sdv.frames import Plain, plain_of
from generators.sdv.links import related
from generators.sdv.outcomes import failed
from generators.sdv.parameters import Whole, whole_numbers
from generators.sdv.seeds import number_of
from generators.sdv.single_table import SingleTable, Training
from generators.sdv.supervision import Stage, supervised
from generators.sdv.table_rows import Rows, some_rows, spread_of, usable_rows
from generators.sdv.tables import FAMILY as NAME
from generators.sdv.tables import TablePool, TablesModel, opened_tables
from schemas.contract import Contract
from schemas.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd

KEY, OWNER = "key", "owner"
ROOTS = {"roots": Whole(1_000, 2, 1_000_000)}


def _build(metadata: Any, settings: Mapping[str, int]) -> Any:
    from sdv.single_table import GaussianCopulaSynthesizer

    # What HMA fits to a table without children; HMASynthesizer itself would set its own seed for every sample.
    return GaussianCopulaSynthesizer(metadata, default_distribution="beta")


FAMILY = SingleTable(NAME, Training(_build))


def fit_tables(
    tables: "Mapping[str, pd.DataFrame]", contracts: Mapping[str, Contract], request: FitRequest, progress: Progress
) -> TablesModel | FitFailed:
    """Fit to tables by name, each typed by its contract, whose ``policy.references`` name each other's tables.

    Of ``request`` the seed and the parameters are used: ``roots``, how many rows of each table that refers to none of
    the others a fit looks at. Rows that refer to a row that is not there are left out. Raises as ``Family.fit`` does,
    and ``InputError`` for keys that are missing or repeated.
    """
    if set(tables) != set(contracts) or not contracts:
        raise ContractError("hma needs one contract for each table, under the same name")
    settings = whole_numbers(request.parameters, ROOTS, NAME)
    full = usable_rows(tables, related(contracts, NAME), request)
    seed = number_of(request.seed, NAME)
    some = some_rows(full, settings["roots"], np.random.default_rng(number_of(request.seed, "roots")))
    drawn = supervised(lambda stage: _drawn(some, seed, stage), seed, progress, NAME)
    pools: dict[str, TablePool] = {}
    for name, rows in full.items():
        positions, owner = drawn[name]
        failure = failed(np.zeros(0), some[name].positions, positions)
        if failure is not None:
            return failure
        spreads = tuple(
            spread_of(link, len(full[str(other.table)].positions))
            for link, other in zip(rows.links[1:], rows.related.others, strict=True)
        )
        pools[name] = TablePool(rows.related, rows.assembly, positions, owner, spreads, len(rows.positions))
    return TablesModel(pools)


def load_tables(body: bytes, contracts: Mapping[str, Contract]) -> TablesModel:
    """The model that ``TablesModel.to_bytes`` wrote; raises ``ArtefactError``."""
    return opened_tables(body, contracts)


def _drawn(some: Mapping[str, Rows], seed: int, stage: Stage) -> dict[str, tuple[Ints, Ints]]:
    """Positions and owners of drawn rows, tree by tree; runs on the worker."""
    stage.enter("loading SDV", 0.0, 0.05, 10)
    from sdv.multi_table import HMASynthesizer

    trees = _trees(some)
    found: dict[str, tuple[Ints, Ints]] = {}
    for number, names in enumerate(trees):
        begin, width = 0.05 + 0.89 * number / len(trees), 0.89 / len(trees)
        rows = sum(len(some[name].positions) for name in names)
        stage.enter(f"fitting tables, {number + 1} of {len(trees)} groups", begin, begin + 0.7 * width, rows * 0.02)
        plains = {name: plain_of(some[name].positions, some[name].assembly) for name in names}
        synthesizer = HMASynthesizer(_metadata(plains, some), verbose=False)
        synthesizer.fit({name: _frame(plains[name], some[name]) for name in names})
        stage.enter("sampling the pools", begin + 0.7 * width, begin + width, rows * 0.02)
        synthesizer._numpy_seed = seed
        for table in synthesizer._table_synthesizers.values():
            if table._model is not None:
                table._set_random_state(seed)
        found.update(_positions(synthesizer.sample_scale(1.0), plains, some))
    return found


def _trees(some: Mapping[str, Rows]) -> list[list[str]]:
    """Tables that belong together by their owners; SDV takes no two that do not."""
    root: dict[str, str] = {}
    for name, rows in some.items():
        owner = rows.related.owner
        root[name] = name if owner is None else root[str(owner.table)]
    return [[name for name in some if root[name] == first] for first in dict.fromkeys(root.values())]


def _metadata(plains: Mapping[str, Plain], some: Mapping[str, Rows]) -> Any:
    from sdv.metadata import Metadata

    metadata = Metadata()
    for name, plain in plains.items():
        metadata.add_table(name)
        plain.declare(metadata, name)
        metadata.add_column(KEY, name, sdtype="id")
        metadata.set_primary_key(KEY, name)
    for name in plains:
        owner = some[name].related.owner
        if owner is not None:
            metadata.add_column(OWNER, name, sdtype="id")
            metadata.add_relationship(str(owner.table), name, KEY, OWNER)
    return metadata


def _frame(plain: Plain, rows: Rows) -> "pd.DataFrame":
    import pandas as pd

    frame = plain.frame(rows.positions)
    frame[KEY] = np.arange(len(rows.positions))
    if rows.related.owner is not None:
        frame[OWNER] = pd.Series(rows.links[0], dtype="Int64").mask(rows.links[0] < 0)
    return frame


def _positions(
    drawn: "Mapping[str, pd.DataFrame]", plains: Mapping[str, Plain], some: Mapping[str, Rows]
) -> dict[str, tuple[Ints, Ints]]:
    import pandas as pd

    found = {}
    keys = {name: pd.Index(frame[KEY].astype("Int64")) for name, frame in drawn.items()}
    for name, plain in plains.items():
        above, frame = some[name].related.owner, drawn[name]
        owner = np.full(len(frame), -1, dtype=np.int64)
        if above is not None:
            owner = keys[str(above.table)].get_indexer(pd.Index(frame[OWNER].astype("Int64"))).astype(np.int64)
        found[name] = (plain.positions(frame, len(frame)), owner)
    return found
