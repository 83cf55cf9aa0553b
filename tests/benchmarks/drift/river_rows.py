"""River's detectors as they come, one a column, fed every row's rank among the reference's values."""

import time
from typing import TYPE_CHECKING, Any

from tests.benchmarks.drift.outcome import Alarm

if TYPE_CHECKING:
    import pandas as pd

ADWIN, PAGE_HINKLEY = "river adwin", "river page-hinkley"
"""Both with River's defaults: delta 0.002 and a look every 32 values; threshold 50, delta 0.005, forgetting 0.9999,
both directions.
"""
DETECTORS = (ADWIN, PAGE_HINKLEY)


class RowByRow:
    """One detector a column, over the pieces of one stream. River begins anew by itself after an alarm."""

    def __init__(self, name: str) -> None:
        from river import drift

        self._made: Any = {ADWIN: drift.ADWIN, PAGE_HINKLEY: drift.PageHinkley}[name]
        self._detectors: list[Any] = []
        self.alarms: list[Alarm] = []
        self.rows = 0
        self.seconds = 0.0

    def read(self, ranked: "pd.DataFrame") -> None:
        """The next rows; missing cells are left out. CPU seconds are those of the detectors, ranking not counted."""
        names = [str(name) for name in ranked]
        self._detectors = self._detectors or [self._made() for _ in names]
        table = [ranked[name].tolist() for name in names]
        started = time.process_time()
        for row, cells in enumerate(zip(*table, strict=True), start=self.rows + 1):
            for place, cell in enumerate(cells):
                if cell == cell:
                    detector = self._detectors[place]
                    detector.update(cell)
                    if detector.drift_detected:
                        self.alarms.append((row, (names[place],)))
        self.seconds += time.process_time() - started
        self.rows += len(ranked)
