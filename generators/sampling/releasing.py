"""From a fitted model to the rows of a release: drawn, balanced, made k-anonymous, free text written.

The same steps for every family and for a model that is sampled again; each is post-processing of the fit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Ints
from generators.protocol import FittedModel, Progress, silent
from generators.sampling.anonymity import anonymous, merged
from generators.sampling.balancing import Balancing, distinct
from generators.sampling.filling import seed_of
from generators.sampling.free_text import dropped_and_templated, with_text
from generators.sampling.replacing import Replacing
from generators.sampling.wishing import wish_of
from schemas.contract import Contract, Scalar
from schemas.errors import InputError
from schemas.generation import Anonymity
from schemas.sampling import AnonymityReport, SamplingReport

if TYPE_CHECKING:
    import pandas as pd

Where = Mapping[str, tuple[Scalar, float]]
PART = 100_000
"""Rows of one part of a stream, at most."""


@dataclass(slots=True)
class Releasing:
    """One release being drawn: ``parts`` hands out its rows, ``report`` tells of those handed out so far.

    Balance is exact over all parts together, k and l hold in each part (and so in the whole), and unique columns have
    no value twice. The same seed gives the same rows, for the same size of parts.
    """

    model: FittedModel
    contract: Contract
    rows: int
    seed: int
    where: Where | None = None
    part: int | None = None
    progress: Progress = silent
    _drawn: int = 0
    _rows: int = 0
    _anonymity: AnonymityReport | None = None
    _balancing: Balancing | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise InputError("ask for at least one row")
        generation = self.contract.policy.generation
        apart = self._count > 1 or generation.anonymity is not None
        if generation.balance is not None or (self.where and apart):
            wish = wish_of(self.contract, self.where)
            if wish is not None:
                self._balancing = Balancing(self.model, self.contract, wish, self.rows, self.seed)

    @property
    def _count(self) -> int:
        return 1 if self.part is None else -(-self.rows // self.part)

    def parts(self) -> Iterator["pd.DataFrame"]:
        """The rows, in parts of nearly equal size. Raises ``InputError``, ``InsufficientEvidence``."""
        count = self._count
        for place in range(count):
            rows = self.rows // count + (place < self.rows % count)
            yield self._finished(self._draw(rows, place, count), place, count)
            self.progress((place + 1) / count, "sampling", step=place + 1, of=count)

    def _draw(self, rows: int, place: int, count: int) -> "pd.DataFrame":
        if self._balancing is not None:
            found = self._balancing.part(rows, unique=count == 1)
        else:
            seed = self.seed if place == 0 else seed_of(self.seed, 3, place)
            found = self.model.sample(rows, seed, self.where)
            self._drawn += rows
        return found if count == 1 else distinct(found, self.contract, seed_of(self.seed, 4, place), place, count)

    def _finished(self, table: "pd.DataFrame", place: int, count: int) -> "pd.DataFrame":
        wished = self.contract.policy.generation.anonymity
        if wished is not None:
            before = table
            table = self._anonymous(table, wished, place, count)
            if self._balancing is not None:
                self._balancing.recount(table, before)
        self._rows += len(table)
        return with_text(table, self.contract)

    def _anonymous(self, table: "pd.DataFrame", wished: Anonymity, place: int, count: int) -> "pd.DataFrame":
        """With rows drawn anew in place of suppressed ones, as far as that is possible."""
        left = anonymous(table, self.contract, wished)
        found, report = left.table, left.report
        if report.suppressed:
            cells = 1 if self._balancing is None else self._balancing.wish.cells.count
            lost = np.bincount(np.delete(self._cell_of(table), left.places), minlength=cells)
            found, report = Replacing(
                left,
                len(table),
                lost,
                self.contract,
                wished,
                lambda wanted, turn: self._more(wanted, turn, place, count),
                self._cell_of,
            ).whole()
        self._anonymity = merged(self._anonymity, report)
        return found

    def _cell_of(self, table: "pd.DataFrame") -> Ints:
        """The cell of the balance of each row; one cell where nothing is wished."""
        if self._balancing is None:
            return np.zeros(len(table), dtype=np.int64)
        return self._balancing.wish.cells.of(table)

    def _more(self, wanted: Ints, turn: int, place: int, count: int) -> "pd.DataFrame":
        seed = seed_of(self.seed, 5, place, turn)
        if self._balancing is not None:
            found = self._balancing.more(wanted, seed)
        else:
            found = self.model.sample(int(wanted.sum()), seed)
            self._drawn += len(found)
        return found if count == 1 else distinct(found, self.contract, seed_of(seed, 4), place, count)

    def report(self) -> SamplingReport | None:
        """What was done to the rows so far; none where neither the contract nor the run asked for anything."""
        dropped, templated = dropped_and_templated(self.contract)
        balancing = self._balancing
        if balancing is None and self._anonymity is None and not dropped and not templated:
            return None
        return SamplingReport(
            rows=self._rows,
            drawn=self._drawn if balancing is None else balancing.drawn,
            repeated=0 if balancing is None else balancing.repeated,
            shares=() if balancing is None else balancing.shares(),
            parity=() if balancing is None else balancing.parity(),
            anonymity=self._anonymity,
            dropped=dropped,
            templated=templated,
        )


def released(
    model: FittedModel, contract: Contract, rows: int, seed: int, where: Where | None = None
) -> "tuple[pd.DataFrame, SamplingReport | None]":
    """The rows of a release as one table, and what was done to them; see ``Releasing``."""
    releasing = Releasing(model, contract, rows, seed, where)
    (table,) = releasing.parts()
    return table, releasing.report()
