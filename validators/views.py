"""The tables of one evidence as arrays, each worked out once: what every measure starts from.

Coders are fitted on train and holdout together, so they are the same for every candidate of a snapshot.
"""

from typing import TYPE_CHECKING

from schemas.bins import Reals
from schemas.contract import Column
from validators.encoding import Codebook, Codes, Factors, Trees, binned_of, factored, identities, trees
from validators.protocol import Evidence

if TYPE_CHECKING:
    import pandas as pd


def factors(evidence: Evidence, table: "pd.DataFrame") -> Factors:
    """The different numbers or cells of each modelled column of ``table``, and each row's place among them."""
    return evidence.memo.of("factors", (table,), lambda: factored(table, evidence.contract.modelled))


def codebook(evidence: Evidence, bins: int = 20) -> Codebook:
    """Shared bins of the modelled columns."""
    real = (evidence.train, evidence.holdout)

    def compute() -> Codebook:
        return binned_of([factors(evidence, table) for table in real], evidence.contract.modelled, bins)

    return evidence.memo.of(("codebook", bins), real, compute)


def codes(evidence: Evidence, table: "pd.DataFrame", bins: int = 20) -> Codes:
    """(n_rows, n_modelled) bin codes of ``table``, 0 for missing."""
    return evidence.memo.of(
        ("codes", bins),
        (evidence.train, evidence.holdout, table),
        lambda: codebook(evidence, bins).of(factors(evidence, table)),
    )


def identity_codebook(evidence: Evidence) -> Codebook:
    """Equal codes for equal cells of the modelled columns."""
    real = (evidence.train, evidence.holdout)
    return evidence.memo.of("identities", real, lambda: identities(real, evidence.contract.modelled))


def tree_coder(evidence: Evidence, columns: tuple[Column, ...]) -> Trees:
    """The coder of ``columns`` for gradient boosting."""
    real = (evidence.train, evidence.holdout)
    return evidence.memo.of(("trees", names(columns)), real, lambda: trees(real, columns))


def tree_matrix(evidence: Evidence, table: "pd.DataFrame", columns: tuple[Column, ...]) -> Reals:
    """(n_rows, n_columns) float64 of ``table`` for gradient boosting."""
    return evidence.memo.of(
        ("matrix", names(columns)),
        (evidence.train, evidence.holdout, table),
        lambda: tree_coder(evidence, columns).matrix(table),
    )


def names(columns: tuple[Column, ...]) -> tuple[str, ...]:
    """Their names, in order."""
    return tuple(column.name for column in columns)
