"""The sequential tests that a policy asks for."""

from math import sqrt
from typing import assert_never

from schemas.drift import DriftPolicy
from stream_app.core.drift.cusum import Cusum
from stream_app.core.drift.sequential import SequentialTests, Signed

_ERRORS = 3.5
"""Standard errors of a channel's mean: the largest of some hundred channels' is rarely more."""


def sequential_tests(policy: DriftPolicy, signed: Signed, block_rows: int, reference_blocks: int) -> SequentialTests:
    """Fresh tests of the policy's kind for (channels,) ``signed``; all are held to the policy's budget of false alarms.

    A reference of few blocks knows its own mean the less: the allowance grows by its standard errors.
    """
    slack = _ERRORS / sqrt(max(1, reference_blocks))
    if policy.detector == "cusum":
        return Cusum(signed, block_rows, policy, slack)
    from stream_app.core.drift.river_tests import AdwinTests, PageHinkleyTests

    if policy.detector == "page_hinkley":
        return PageHinkleyTests(signed, block_rows, policy, policy.allowance + slack)
    if policy.detector == "adwin":
        return AdwinTests(signed, block_rows, policy)
    assert_never(policy.detector)
