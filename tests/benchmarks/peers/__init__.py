"""Other evaluators of synthetic tables, each in an environment of its own, asked for their scores of the same files."""

from tests.benchmarks.peers.ask import Answer, ask
from tests.benchmarks.peers.catalogue import DRIFT_PEERS, PEERS, Peer
from tests.benchmarks.peers.classes import classes_by_pycanon
from tests.benchmarks.peers.environment import PeerUnavailable, python_of
from tests.benchmarks.peers.qa_report import qa_report_seconds

__all__ = [
    "DRIFT_PEERS",
    "PEERS",
    "Answer",
    "Peer",
    "PeerUnavailable",
    "ask",
    "classes_by_pycanon",
    "python_of",
    "qa_report_seconds",
]
