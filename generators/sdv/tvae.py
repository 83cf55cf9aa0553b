"""SDV's TVAE as a family without any formal guarantee; under the Business Source Licence (BUSL-1.1).

Slow: the own ``torch-tvae`` does the same sooner. Xu and others, "Modeling Tabular Data using Conditional GAN" (2019),
section 4.4.
"""

from collections.abc import Mapping
from typing import Any

from generators.sdv.parameters import Whole
from generators.sdv.single_table import SingleTable, Training

BATCH = 500


def _steps(settings: Mapping[str, int], rows: int) -> int:
    return settings["epochs"] * -(-rows // BATCH)


def _build(metadata: Any, settings: Mapping[str, int]) -> Any:
    from sdv.single_table import TVAESynthesizer

    return TVAESynthesizer(metadata, epochs=settings["epochs"], batch_size=BATCH, enable_gpu=False)


FAMILY = SingleTable("tvae", Training(_build, _steps, {"epochs": Whole(300, 1, 10_000)}))
