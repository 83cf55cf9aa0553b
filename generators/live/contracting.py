"""Counts of values that a contract does not have, moved to where the contract puts such values.

Live cells are counted as they come, so that a watcher sees what is new; rows that a generator reads were clipped to
their domains first. Both are the same counts once codes beyond a range are joined to its ends, and new categories to
``other`` or, where there is none, to missing. Tables of pairs are on levels that join them already.
"""

from dataclasses import replace

import numpy as np

from generators.arrays import Ints
from schemas.column_bins import MISSING, NEW, ColumnBins
from schemas.contract import Categories, Column, Contract, Range
from schemas.counts import TableCounts
from schemas.errors import ContractError
from schemas.public_bins import lattice_of
from schemas.table import OTHER


def contracted(counts: TableCounts, contract: Contract) -> TableCounts:
    """The counts without cells below zero and without values that the contract does not have.

    Raises ``ContractError`` where they are of a column that is not modelled.
    """
    known = {column.name: column for column in contract.modelled}
    if strange := [name for name in counts.layout.names if name not in known]:
        raise ContractError(f"the counts are of columns that are not modelled: {', '.join(strange)}")
    cut = counts.cut
    marginals = tuple(
        _moved(marginal, _places(bins, known[bins.name]))
        for marginal, bins in zip(cut.marginals, cut.layout.bins, strict=True)
    )
    return replace(cut, marginals=marginals)


def _moved(marginal: Ints, places: Ints) -> Ints:
    found = np.zeros_like(marginal)
    np.add.at(found, places, marginal)
    return found


def _places(bins: ColumnBins, column: Column) -> Ints:
    """(codes,) the code that each one is counted at."""
    places = np.arange(bins.size)
    places[NEW] = MISSING
    domain = column.domain
    if isinstance(domain, Categories) and domain.other and OTHER in (*bins.values, *bins.rest):
        places[NEW] = 2 + min((*bins.values, *bins.rest).index(OTHER), len(bins.values))
    if isinstance(domain, Range) and bins.kind == "numeric" and len(bins.edges) > 1:
        lattice = lattice_of(column, domain)
        if bins.edges[0] == lattice.edge(0):
            places[2] = 3
        if bins.edges[-1] == lattice.edge(lattice.size):
            places[-1] = bins.size - 2
    return places
