"""SDV's CopulaGAN as a family without any formal guarantee; under the Business Source Licence (BUSL-1.1).

CTGAN on columns that a Gaussian copula has first made normal (SDV's own variant, without a paper).
"""

from collections.abc import Mapping
from typing import Any

from generators.sdv.ctgan import BATCH, EPOCHS, PAC, steps
from generators.sdv.single_table import SingleTable, Training


def _build(metadata: Any, settings: Mapping[str, int]) -> Any:
    from sdv.single_table import CopulaGANSynthesizer

    return CopulaGANSynthesizer(metadata, epochs=settings["epochs"], batch_size=BATCH, pac=PAC, enable_gpu=False)


FAMILY = SingleTable("copulagan", Training(_build, steps, EPOCHS))
