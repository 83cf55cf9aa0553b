"""SDV's CTGAN as a family without any formal guarantee; under the Business Source Licence (BUSL-1.1).

Slow: the own ``torch-ctgan`` does the same sooner. Xu, Skoularidou, Cuesta-Infante and Veeramachaneni, "Modeling
Tabular Data using Conditional GAN" (2019).
"""

from collections.abc import Mapping
from typing import Any

from generators.sdv.parameters import Whole
from generators.sdv.single_table import SingleTable, Training

BATCH, PAC = 500, 10
EPOCHS = {"epochs": Whole(300, 1, 10_000)}


def steps(settings: Mapping[str, int], rows: int) -> int:
    """Optimizer steps of a fit: one of each network a batch."""
    return 2 * settings["epochs"] * max(1, rows // BATCH)


def _build(metadata: Any, settings: Mapping[str, int]) -> Any:
    from sdv.single_table import CTGANSynthesizer

    # On the processor, whatever there is: the same seed gives the same bytes.
    return CTGANSynthesizer(metadata, epochs=settings["epochs"], batch_size=BATCH, pac=PAC, enable_gpu=False)


FAMILY = SingleTable("ctgan", Training(_build, steps, EPOCHS))
