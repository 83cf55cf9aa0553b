"""The peers: what each is, under which licence, how long it may run, and which of its scores are better when low.

``PEERS`` score tables; ``DRIFT_PEERS`` say when a stream left its reference.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """One evaluator; ``run_<module>.py`` is its runner and ``requirements-<name>.txt`` its environment.

    ``rows`` is the most that a table may have before it is cut, ``seconds`` the limit of one run. ``lower_is_better``
    names the scores that rise when a table gets worse; all others fall.
    """

    name: str
    version: str
    licence: str
    says: str
    seconds: float
    rows: int
    lower_is_better: frozenset[str] = frozenset()

    @property
    def runner(self) -> str:
        return f"run_{self.name.replace('-', '_')}.py"


_ALL = (
    Peer(
        name="sdmetrics",
        version="0.32.0",
        licence="MIT",
        says="QualityReport and DiagnosticReport (overall scores), NewRowSynthesis on 1,000 rows",
        seconds=600,
        rows=50_000,
    ),
    Peer(
        name="mostlyai-qa",
        version="1.10.11",
        licence="Apache-2.0",
        says="accuracy, similarity and distances of its model report",
        seconds=600,
        rows=50_000,
        lower_is_better=frozenset({"discriminator_auc", "identical_share", "dcr_share"}),
    ),
    Peer(
        name="syntheval",
        version="1.7.3",
        licence="MIT",
        says="thirteen metrics of its full preset, each by its own normalisation to 0..1 (1 is best)",
        seconds=600,
        rows=4_000,
    ),
    Peer(
        name="pycanon",
        version="1.3.6",
        licence="Apache-2.0",
        says="k, distinct l and entropy l of given quasi-identifiers",
        seconds=600,
        rows=1_000_000,
    ),
)
PEERS: dict[str, Peer] = {peer.name: peer for peer in _ALL}

_DRIFT = (
    Peer(
        name="evidently",
        version="0.7.23",
        licence="Apache-2.0",
        says="the test that it chooses for each column, on windows of 1,000 and 5,000 rows against the reference",
        seconds=7_200,
        rows=1_000_000,
    ),
    Peer(
        name="frouros",
        version="0.9.0",
        licence="BSD-3-Clause",
        says="PageHinkley and CUSUM on each row's ranks; KS and chi-squared tests of windows of 1,000 rows",
        seconds=7_200,
        rows=1_000_000,
    ),
)
DRIFT_PEERS: dict[str, Peer] = {peer.name: peer for peer in _DRIFT}
