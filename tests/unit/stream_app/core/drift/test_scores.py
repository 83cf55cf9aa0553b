"""A block's scores depend on the block alone."""

import numpy as np

from stream_app.core.drift.bins import MISSING
from stream_app.core.drift.reference import build_reference
from stream_app.core.drift.scores import count, scores
from tests.unit.stream_app.core.drift.test_reference import CONTRACT, frame


def test_blocks_beside_it_do_not_change_a_score() -> None:
    """One neighbour is almost empty: had it a say in which cells are pooled, the others' scores would move."""
    baseline = build_reference(frame(), CONTRACT).baseline
    codes = build_reference(frame(), CONTRACT).encode(frame(750)).reshape(3, 250, -1).copy()
    codes[2, 10:] = MISSING
    together = scores(count(codes, baseline), baseline, 0.25)
    apart = [scores(count(codes[place : place + 1], baseline), baseline, 0.25) for place in range(3)]
    np.testing.assert_array_equal(together, np.concatenate(apart))
