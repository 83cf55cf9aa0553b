"""What a contract says about drift: how sensitive the tracker is, at which price in false alarms, per which season."""

from operator import not_
from typing import Annotated, Literal

from pydantic import Field

from schemas.model import Model

Detector = Literal["cusum", "page_hinkley", "adwin"]
Season = Literal["none", "hour", "weekday", "month"]
Kind = Literal[
    "marginal", "correlation", "missingness", "new_category", "subgroup", "schema", "concept", "withheld", "external"
]
"""What moved: one column's distribution, the dependence of two columns, the share of missing cells, values that the
reference does not have, one column within one subgroup, the columns themselves, how the target follows from the other
columns; ``withheld`` is the private test's finding, which tells that something moved and not what; ``external`` is
another detector's.
"""

Onset = Literal["abrupt", "gradual"]
"""Whether the change came at one row, as near as can be told, or grew."""


class DriftPolicy(Model):
    """``alarms_per_million``: false alarms that are accepted in a million stationary rows, over all channels together.

    ``block_rows``: rows between two looks (fewer where the reference is short). ``settle_rows``: after a detection the
    stream is given that many rows, from the change on, to become the new baseline; meanwhile nothing is reported.
    ``allowance``: a steady offset per block, in standard deviations, that is no drift. ``detector``: the sequential
    test behind the channels; ``page_hinkley`` and ``adwin`` are River's. ``season``: what the contract's time column
    tells periods apart by; each period has a reference of its own.

    ``late_labels``: the target of a live row is known only later, when the row comes again as ``label``. Then the
    target of inserted rows is not watched, and windows are made of labelled rows alone.

    Under timing ``private`` only: ``window_seconds`` is the time between two private tests, at whole multiples since
    1970; ``window_rows``, how many rows such a window is expected to bring, which is stated and never counted (with
    fewer the test sees less, with more it keeps to its false alarms); ``tolerance``, by how much a release may
    misstate a value's share of its rows before that counts as drift, and twice that for spans and pairs of values.
    """

    alarms_per_million: Annotated[float, Field(gt=0, le=1_000)] = 0.5
    block_rows: Annotated[int, Field(ge=50, le=10_000)] = 100
    settle_rows: Annotated[int, Field(ge=500, le=100_000)] = 5_000
    allowance: Annotated[float, Field(gt=0, le=5)] = 0.5
    detector: Detector = "cusum"
    season: Season = "none"
    late_labels: Annotated[bool, Field(exclude_if=not_)] = False
    window_seconds: Annotated[int, Field(ge=1, le=31_536_000, exclude_if=lambda given: given == 86_400)] = 86_400
    window_rows: Annotated[int, Field(ge=500, le=10_000_000, exclude_if=lambda given: given == 10_000)] = 10_000
    tolerance: Annotated[float, Field(ge=0, le=0.5, exclude_if=lambda given: given == 0.02)] = 0.02
