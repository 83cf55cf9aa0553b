"""Few and well-filled codes for each column, so that two- and three-way tables say more than noise.

Coarse codes are unions of the fine ones of ``validators.views``, fitted on train and holdout: neighbouring bins of a
number, the most frequent categories and the rest together.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals
from schemas.sorted_sample import SortedSample
from validators.distinct import Distinct
from validators.encoding import Bins, Codes, Identities, Ranks, known_codes, numbers
from validators.protocol import Evidence
from validators.views import codebook, codes, factors

if TYPE_CHECKING:
    import pandas as pd

LEAST_ROWS = 25
"""As many rows of the holdout belong to each coarse code, or it is joined to another."""
Map = npt.NDArray[np.int32]


class Level(NamedTuple):
    """At most so many codes for a number and for a category."""

    groups: int
    categories: int


PAIRS = Level(6, 12)
TRIPLES = Level(4, 4)


@dataclass(frozen=True, slots=True)
class Coarse:
    """For each column the coarse code of each fine one."""

    maps: tuple[Map, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(int(each.max(initial=0)) + 1 for each in self.maps)

    def codes(self, fine: Codes) -> Codes:
        """(n_rows, n_columns), each column's cells side by side in memory."""
        coarse = np.empty(fine.shape, dtype=np.int32, order="F")
        for j, each in enumerate(self.maps):
            np.take(each, fine[:, j], out=coarse[:, j], mode="clip")
        return coarse


def coarse(evidence: Evidence, level: Level) -> Coarse:
    """The coarse codes of this snapshot."""
    return evidence.memo.of(("coarse", level), (evidence.train, evidence.holdout), lambda: _coarse(evidence, level))


def coarse_codes(evidence: Evidence, table: "pd.DataFrame", level: Level) -> Codes:
    """(n_rows, n_modelled) coarse codes of ``table``."""
    tables = (evidence.train, evidence.holdout, table)
    return evidence.memo.of(
        ("coarse codes", level), tables, lambda: coarse(evidence, level).codes(codes(evidence, table))
    )


def column_counts(evidence: Evidence, table: "pd.DataFrame") -> list[Reals]:
    """For each modelled column how often each fine code occurs in ``table``."""
    tables, book = (evidence.train, evidence.holdout, table), codebook(evidence)
    each = zip(book.coders, book.sizes, factors(evidence, table), strict=True)
    return evidence.memo.of("counts", tables, lambda: [_counts(coder, size, factor) for coder, size, factor in each])


def _counts(coder: Bins | Ranks | Identities, size: int, factor: SortedSample | Distinct) -> Reals:
    counts = np.append(factor.counts, len(factor.places) - factor.counts.sum())
    return np.bincount(known_codes(coder, factor), counts, minlength=size).astype(np.float64)


def number_places(evidence: Evidence) -> tuple[int, ...]:
    """Which modelled columns are numbers or times."""
    return tuple(j for j, coder in enumerate(codebook(evidence).coders) if isinstance(coder, Bins))


def number_matrix(evidence: Evidence, table: "pd.DataFrame") -> Reals:
    """(n_rows, n_numbers) float64 of the modelled columns that are numbers or times, NaN where missing."""
    columns = [evidence.contract.modelled[j] for j in number_places(evidence)]
    tables = (evidence.train, evidence.holdout, table)
    return evidence.memo.of(
        "numbers",
        tables,
        lambda: np.stack([numbers(table, column) for column in columns]).T if columns else np.zeros((len(table), 0)),
    )


def samples(evidence: Evidence, table: "pd.DataFrame") -> tuple[SortedSample, ...]:
    """Of the columns of ``number_matrix``, their distinct numbers and each row's place among them."""
    return tuple(factor for factor in factors(evidence, table) if isinstance(factor, SortedSample))


def _coarse(evidence: Evidence, level: Level) -> Coarse:
    book = codebook(evidence)
    real = [column_counts(evidence, table) for table in (evidence.train, evidence.holdout)]
    least = min(0.25, LEAST_ROWS / max(1, len(evidence.holdout)))
    maps = []
    for coder, *counts in zip(book.coders, *real, strict=True):
        total = np.asarray(sum(counts), dtype=np.float64)
        wanted = least * total.sum()
        number = isinstance(coder, Bins)
        maps.append(_neighbours(total, level.groups, wanted) if number else _most(total, level.categories, wanted))
    return Coarse(tuple(maps))


def _neighbours(counts: Reals, groups: int, least: float) -> Map:
    """Runs of neighbouring bins of about an equal share; missing by itself where it is common enough."""
    share, group, held, found = counts[1:].sum() / groups, 0, 0.0, []
    for count in counts[1:]:
        if held >= share or (held >= least and count >= share):
            group, held = group + 1, 0.0
        found.append(group)
        held += count
    if group > 0 and held < least:
        found = [min(each, group - 1) for each in found]
    return _with_missing(np.array(found, dtype=np.int32), counts, least)


def _most(counts: Reals, kept: int, least: float) -> Map:
    """The most frequent categories, all others together; these join the rarest kept one where they are too few."""
    frequent = [k for k in np.argsort(-counts[1:-1], kind="stable")[: kept - 1] if counts[1 + k] >= least]
    found = np.full(len(counts) - 1, len(frequent), dtype=np.int32)
    found[frequent] = np.arange(len(frequent))
    rest = counts[1:][found == len(frequent)].sum()
    if frequent and rest < least:
        found = np.minimum(found, len(frequent) - 1)
    return _with_missing(found, counts, least)


def _with_missing(found: Map, counts: Reals, least: float) -> Map:
    totals = np.bincount(found, counts[1:])
    code = len(totals) if counts[0] >= least and counts[0] > 0 else int(totals.argmin())
    return np.concatenate([np.array([code], dtype=np.int32), found]).astype(np.int32)
