"""SDV's GaussianCopula as a family without any formal guarantee.

SDV stores a synthesizer as a pickle, and loading one runs code from the file. So what is kept is not the synthesizer
but a pool of rows sampled from it, as grid positions in the plain container: ``sample`` draws from that pool, without
replacement while it lasts. Values are snapped to the contract's domains. SDV is under the Business Source Licence.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from generators.arrays import Ints
from generators.domains.assembly import Assembly
from generators.keeping import kept, opened, positions_of
from generators.preparing import prepared_empirically
from generators.protocol import FitRequest, Progress
from generators.sampling.sampled import listed, sampled
from schemas.contract import Column, Contract, Scalar
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd

LEAST_POOL, LARGEST_POOL = 20_000, 100_000
TYPES = {
    "integer": "numerical",
    "number": "numerical",
    "string": "categorical",
    "boolean": "categorical",
    "date": "datetime",
    "timestamp": "datetime",
}


@dataclass(frozen=True, slots=True)
class PooledModel:
    """Rows sampled from a fitted copula, as (rows, columns) positions of the free columns; nothing formal was run."""

    contract: Contract
    assembly: Assembly
    pool: Ints
    rows: int

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """None: the certificate says "empirical"."""
        return ()

    def sample(self, rows: int, seed: int, where: Mapping[str, tuple[Scalar, float]] | None = None) -> "pd.DataFrame":
        """Rows of the pool in random order, repeated once it is used up."""
        return sampled(self._draw, rows, seed, self.contract, self.assembly, where, 0x5D7)

    def to_bytes(self) -> bytes:
        """The pool in its container."""
        return kept(FAMILY.name, 1, self.contract, self.assembly, self.rows, {"pool": self.pool})

    def _draw(self, rows: int, rng: np.random.Generator) -> Ints:
        size = len(self.pool)
        rounds = [rng.permutation(size) for _ in range(-(-rows // size))]
        return self.pool[np.concatenate(rounds)[:rows]] if rounds else self.pool[:0]


class GaussianCopula:
    """The family ``gaussian-copula``: see ``generators.protocol.Family``."""

    name = "gaussian-copula"
    formal = False
    control = False
    extra = "sdv"

    def mechanisms(self, contract: Contract, rows: int) -> tuple[Mechanism, ...]:
        """None."""
        return ()

    def fit(self, table: "pd.DataFrame", request: FitRequest, progress: Progress) -> PooledModel:
        """Fit to the free modelled columns; raises ``ContractError`` under a formal claim, ``InsufficientEvidence``
        below two rows.
        """
        contract, assembly = request.contract, prepared_empirically(table, request, self.name).assembly
        progress(0.1, "fitting the copula")
        wanted = min(LARGEST_POOL, max(LEAST_POOL, 2 * len(table)))
        columns = [column for column in contract.modelled if column.name in assembly.free]
        sampled = _fit_and_sample(table, columns, wanted)
        progress(1.0, "fitted")
        return PooledModel(contract, assembly, _positions(sampled, columns, assembly), len(table))

    def load(self, body: bytes, contract: Contract) -> PooledModel:
        """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""
        artefact, assembly, rows = opened(body, contract, self.name, 1)
        return PooledModel(contract, assembly, positions_of(artefact.arrays, "pool", assembly), rows)


FAMILY = GaussianCopula()


def _fit_and_sample(table: "pd.DataFrame", columns: list[Column], rows: int) -> "pd.DataFrame":
    with _quiet():
        from sdv.metadata import Metadata
        from sdv.single_table import GaussianCopulaSynthesizer

        plain = _plain(table, columns)
        metadata = Metadata()
        metadata.add_table("table")
        for column in columns:
            metadata.add_column(column.name, "table", sdtype=TYPES[column.type])
        synthesizer = GaussianCopulaSynthesizer(metadata)
        _fit(synthesizer, plain)
        found = synthesizer.sample(rows)
    sampled: pd.DataFrame = found["table"] if isinstance(found, dict) else found
    return sampled


def _fit(synthesizer: Any, plain: "pd.DataFrame") -> None:
    """SDV 2 takes a mapping of tables, SDV 1 took the table."""
    try:
        synthesizer.fit({"table": plain})
    except (TypeError, AttributeError, ValueError):
        synthesizer.fit(plain)


def _plain(table: "pd.DataFrame", columns: list[Column]) -> "pd.DataFrame":
    """Numpy dtypes that SDV knows: nullable integers as floats, booleans as text, times as nanoseconds."""
    import pandas as pd

    plain = {}
    for column in columns:
        values = table[column.name].reset_index(drop=True)
        if column.type in ("integer", "number"):
            plain[column.name] = pd.Series(values.to_numpy(dtype=np.float64, na_value=np.nan))
        elif column.type == "boolean":
            plain[column.name] = values.map({True: "true", False: "false"}).astype(object)
        else:
            plain[column.name] = values
    return pd.DataFrame(plain)


def _positions(sampled: "pd.DataFrame", columns: list[Column], assembly: Assembly) -> Ints:
    from schemas.cells import typed

    found = []
    for column in columns:
        grid = assembly.grids[column.name]
        values = sampled[column.name].reset_index(drop=True)
        values = values.round() if column.type == "integer" else values
        positions = grid.positions(typed(values, column.type)[0])
        found.append(np.where(positions < 0, grid.size if grid.nullable else 0, positions))
    pool = np.stack(found, axis=1).astype(np.int64)
    return listed(pool, assembly)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars, warnings or log lines: they would print values of the data."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stderr(io.StringIO()),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
