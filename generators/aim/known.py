"""What the rounds have published so far."""

from dataclasses import dataclass

from generators.aim.joint import Clique, Joint
from generators.marginals.measurement import Measured

PRIOR = 0.8
"""Of triples that stage one counted: those it was told of, or found to say much."""


@dataclass(frozen=True, slots=True)
class Known:
    """The private marginals' answers with all pairs, and the tables of three."""

    measured: Measured
    joints: tuple[Joint, ...] = ()


def known_from(measured: Measured) -> Known:
    """What stage one has published, its triples (on coarse cells) among the tables of three."""
    return Known(
        measured,
        tuple(
            Joint(Clique(triple.columns, (False, False, False)), triple.masses, triple.deviation, PRIOR)
            for triple in measured.triples
        ),
    )
