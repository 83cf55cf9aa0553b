"""The live counts of a reference as what a generator fits from: the same integers under the ground's names."""

from schemas.contract import Contract
from schemas.counts import CountLayout, TableCounts
from schemas.errors import ContractError, InsufficientEvidence
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.reference import Reference


def count_layout(reference: Reference) -> CountLayout:
    """What the reference counts, subgroups apart."""
    layout = reference.layout
    levels = tuple(
        tuple(int(level) for level in row[:size]) for row, size in zip(layout.coarse, layout.sizes, strict=True)
    )
    return CountLayout(reference.bins, levels, layout.pairs, layout.triples)


def counts_for_generator(
    reference: Reference, contract: Contract, train: Integers, windows: int | None = None
) -> TableCounts:
    """``train`` (cells,), such as ``Aggregator.train``, without loss.

    Raises ``ContractError`` unless the contract has its rows counted on public bins: under a formal claim quantiles of
    rows are no bins to publish on. Where the unit is an entity, ``windows`` says over how many windows its bounded rows
    were added up; without that nobody knows what an entity adds, and ``InsufficientEvidence`` is raised.
    """
    if contract.policy.generation.counts != "public_bins":
        raise ContractError(
            "these counts are on bins that were learnt from rows: set generation.counts to public_bins in the contract"
        )
    layout = reference.layout
    if train.shape != (layout.cells,):
        raise ContractError("the counts are not of the reference's layout")
    if contract.policy.privacy.unit.column is None:
        windows = 1
    elif windows is None:
        raise InsufficientEvidence("over how many windows entities' rows were added up is not known")
    sizes = layout.coarse_sizes
    return TableCounts(
        count_layout(reference),
        tuple(train[layout.column_cells(place)] for place in range(len(layout.sizes))),
        tuple(
            train[layout.pair_cells(number)].reshape(sizes[left], sizes[right])
            for number, (left, right) in enumerate(layout.pairs)
        ),
        tuple(
            train[int(layout.cubes[number]) : int(layout.cubes[number + 1])].reshape([sizes[place] for place in triple])
            for number, triple in enumerate(layout.triples)
        ),
        windows,
    )
