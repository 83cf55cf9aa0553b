"""What pycanon says of equivalence classes, and how long it takes: the peer of the project's own counting."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.benchmarks.peers.ask import Answer, ask
from tests.benchmarks.peers.catalogue import PEERS

if TYPE_CHECKING:
    import pandas as pd


def classes_by_pycanon(table: "pd.DataFrame", quasi_identifiers: Sequence[str], sensitive: Sequence[str]) -> Answer:
    """Scores ``k``, ``l_distinct``, ``l_entropy`` and, of each, ``..._seconds`` on one core.

    Missing cells are one more value. pycanon's entropy l is the integer part of the smallest exp(entropy) over classes.
    """
    named = [*quasi_identifiers, *sensitive]
    options = {"quasi_identifiers": list(quasi_identifiers), "sensitive": list(sensitive)}
    return ask(PEERS["pycanon"], {"table": table[named]}, options)
