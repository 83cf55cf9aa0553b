"""What an attacker holds, and what an attack promises: a score for each target, higher for a likelier member."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from schemas.bins import Reals
from schemas.contract import Column
from validators.distances.gower import Points, nearest, points
from validators.privacy.embedding import Embedding

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Targets, the synthetic table and rows of the attacker's own, as distances and as points.

    ``to_synthetic`` and ``to_reference`` are (n_targets,) exact Gower distances to the nearest row, infinite where
    there is none; ``embedded`` the (n_rows, 8) points of targets, synthetic and reference rows.
    """

    targets: Points
    synthetic: Points
    reference: Points
    to_synthetic: Reals
    to_reference: Reals
    embedded: tuple[Reals, Reals, Reals]
    seed: int


class Attack(Protocol):
    """One way to tell members from others; it never sees who is one."""

    @property
    def name(self) -> str: ...
    @property
    def needs_reference(self) -> bool:
        """Whether it has to have rows of the attacker's own."""

    def scores(self, known: Knowledge) -> Reals:
        """(n_targets,) finite float64, the higher the likelier a member."""


def knowledge(
    tables: "tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]",
    columns: tuple[Column, ...],
    embedding: Embedding,
    seed: int,
) -> Knowledge:
    """From the tables of targets, synthetic and reference rows; targets must lie in an order that tells nothing."""
    targets, synthetic, reference = points(tables, columns, fitted_on=1)
    first, second, third = (embedding.parts(table).sum(axis=0) for table in tables)
    return Knowledge(
        targets,
        synthetic,
        reference,
        nearest(targets, synthetic),
        nearest(targets, reference),
        (first, second, third),
        seed,
    )
