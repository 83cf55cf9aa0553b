"""A small released table on a layout, and windows of rows like it or unlike it, for tests of the private trigger."""

import numpy as np

from schemas.drift import DriftPolicy
from schemas.events.budget import TriggerGrant
from stream_app.core.drift.coding.bins import ColumnBins
from stream_app.core.drift.counts.counting import Codes, count
from stream_app.core.drift.counts.layout import Integers, Layout, lay_out
from stream_app.core.drift.private.private_trigger import PrivateTrigger
from stream_app.core.drift.reference import Reference, calibrated
from tests.events import artefact, sha

SECRET = b"s" * 32
BINS = (
    ColumnBins("delay", "number", "numeric", edges=(-1.0, -0.5, 0.0, 0.5, 1.0)),
    ColumnBins("carrier", "string", "categorical", values=("a", "b", "c")),
    ColumnBins("group", "string", "categorical", values=("x", "y")),
)
ORDERED = (True, False, False)
HOUR = 3_600_000


def rows(number: int, seed: int, shift: float = 0.0) -> Codes:
    """(3, number) codes: the delays of group y and later carriers move with the shift."""
    random = np.random.default_rng(seed)
    delay = np.searchsorted(BINS[0].edges, random.normal(shift, 1, number), side="right") + 2
    carrier = random.choice(3, number, p=(0.5 - shift / 4, 0.3 + shift / 4, 0.2)) + 2
    return np.stack([delay, carrier, random.integers(0, 2, number) + 2]).astype(np.uint8)


def layout_of(codes: Codes) -> Layout:
    marginals = [np.bincount(codes[place], minlength=column.size) for place, column in enumerate(BINS)]
    return lay_out(marginals, BINS, (2,), ((0, 1, 2),), (1,))


RELEASED_ROWS = rows(20_000, 1)
LAYOUT = layout_of(RELEASED_ROWS)


def counted(codes: Codes, layout: Layout = LAYOUT) -> Integers:
    return count(codes, layout, [codes.shape[1]])[0].astype(np.int64)


RELEASED = counted(RELEASED_ROWS)
POLICY = DriftPolicy(window_seconds=3600, window_rows=2000)


def grant(name: str = "flights.test.1", epsilon: str = "0.5", release: str = "flights.run.1") -> TriggerGrant:
    return TriggerGrant(
        grant_id=name,
        epsilon=epsilon,
        contract_digest=sha("contract"),
        release_id=release,
        data=artefact(f"{release}.data"),
    )


def released(codes: Codes) -> Reference:
    """The reference of a released table with these rows."""
    untimed = np.full(codes.shape[1], np.nan)
    return calibrated(codes, untimed, BINS, layout_of(codes), DriftPolicy(), None)


RELEASE = released(RELEASED_ROWS)


def trigger(name: str = "flights.test.1", epsilon: str = "0.5", policy: DriftPolicy = POLICY) -> PrivateTrigger:
    return PrivateTrigger(grant(name, epsilon), RELEASE, policy, SECRET)
