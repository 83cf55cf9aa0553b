"""The sequential tests that a policy asks for, and how the budget of false alarms is divided among their channels."""

from collections import Counter
from typing import Literal, assert_never

import numpy as np

from schemas.drift import DriftPolicy
from stream_app.core.drift.coding.bins import Floats
from stream_app.core.drift.counts.layout import Integers
from stream_app.core.drift.detectors.cusum import Cusum
from stream_app.core.drift.detectors.sequential import SequentialTests
from stream_app.core.drift.detectors.slow_scan import SlowScan
from stream_app.core.drift.detectors.tails import Tails
from stream_app.core.drift.scoring.channels import Channel, Measures

SEQUENTIAL_SHARE, SLOW_SHARE = 0.9, 0.3
"""The parts of the budget that the sequential tests and the slow scan have at most; rare cells have a fifth. Together
they may exceed it: a channel's sums, and a scan's windows, raise their alarms together, and counts of rare cells come
in whole numbers. On 50 million stationary rows the three gave half, half and next to nothing of their parts.
"""

_ERRORS = 3.5
"""Standard errors of a channel's mean: the largest of some hundred channels' is rarely more."""

_UNSURE = 1.2
"""How much less sure of a channel's mean than independent normal scores would make it; its spread is learnt, too."""

_PARTS: dict[Measures, float] = {
    "location": 0.8, "spread": 0.15, "share": 0.15, "exchange": 0.2, "skewness": 0.02, "shape": 0.03,
    "correlation": 0.1, "association": 0.05,
}  # fmt: skip
"""How the budgets of the sequential tests and of the slow scan are divided: a shift of a column's mean is the commonest
change and has few channels, and is found the sooner for it. Channels that measure the same share alike.
"""

_SUBGROUPS = 0.15


def parts_of(channels: tuple[Channel, ...]) -> Floats:
    """(channels,) parts of the budget, which add up to 1."""
    keys: list[Literal["subgroup"] | Measures] = [
        "subgroup" if channel.kind == "subgroup" else channel.measures for channel in channels
    ]
    weights = {
        key: (_SUBGROUPS if key == "subgroup" else _PARTS[key]) / number for key, number in Counter(keys).items()
    }
    found = np.asarray([weights[key] for key in keys])
    return found / found.sum() if len(found) else found


def sequential_tests(
    policy: DriftPolicy,
    channels: tuple[Channel, ...],
    block_rows: int,
    reference_blocks: int | Integers,
    tails: Tails | None = None,
    looks: int | Integers = 1,
) -> SequentialTests:
    """Fresh tests of the policy's kind; all are held to the policy's budget of false alarms. ``looks`` are the blocks
    that a nominal score is of, of all channels or (channels,) each one; ``reference_blocks`` count as many for one.

    A reference of few blocks, or (channels,) blocks, knows its own mean the less: the allowance grows by its standard
    errors. Without ``tails`` scores are normal.
    """
    root = np.sqrt(np.maximum(1, reference_blocks))
    slack = _ERRORS / root
    signed = np.asarray([channel.signed for channel in channels], dtype=bool)
    if policy.detector == "cusum":
        budget = policy.alarms_per_million * SEQUENTIAL_SHARE
        deviation = _UNSURE / root
        # Against a baseline of few independent rows chi-squared scores lie high in the middle.
        wider = slack if tails is None else slack * np.where(signed, 1.0, np.maximum(tails.spread, 1.0))
        return Cusum(signed, parts_of(channels), block_rows, policy, budget, wider, deviation, tails, looks)
    from stream_app.core.drift.detectors.river_tests import AdwinTests, PageHinkleyTests

    if policy.detector == "page_hinkley":
        return PageHinkleyTests(signed, block_rows, policy, policy.allowance + float(np.max(slack)))
    if policy.detector == "adwin":
        return AdwinTests(signed, block_rows, policy)
    assert_never(policy.detector)


def slow_scan(
    policy: DriftPolicy,
    channels: tuple[Channel, ...],
    block_rows: int,
    reference_blocks: int,
    tails: Tails | None = None,
) -> SlowScan | None:
    """The scan for slow drift of single columns, beside the cumulative sums; River's detectors have none."""
    if policy.detector != "cusum":
        return None
    chosen = np.asarray([channel.signed and len(channel.columns) == 1 for channel in channels], dtype=bool)
    budget = policy.alarms_per_million * SLOW_SHARE
    return SlowScan(chosen, reference_blocks, block_rows, budget, tails, parts_of(channels))
