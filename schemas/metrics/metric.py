"""One metric as every gate, contract and report knows it: what it bounds, which way, how it is measured and by whom."""

from typing import Literal

from schemas.finding import Gate
from schemas.model import Model


class Metric(Model):
    """One threshold and its provenance.

    A value ``at_most`` (or ``at_least``) the ``default`` passes; a contract overrides it by ``name``. ``method`` says
    how the value comes about in a sentence, ``source`` whose idea it is, or "own".
    """

    name: str
    gate: Gate
    default: float
    direction: Literal["at_most", "at_least"]
    means: str
    method: str
    source: str = "own"
