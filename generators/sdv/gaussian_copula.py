"""SDV's GaussianCopula as a family without any formal guarantee; under the Business Source Licence (BUSL-1.1).

Quick, and best where columns are numbers that depend smoothly on each other. Patki, Wedge and Veeramachaneni, "The
Synthetic Data Vault" (2016).
"""

from collections.abc import Mapping
from typing import Any

from generators.sdv.single_table import SingleTable, Training


def _build(metadata: Any, settings: Mapping[str, int]) -> Any:
    from sdv.single_table import GaussianCopulaSynthesizer

    return GaussianCopulaSynthesizer(metadata)


FAMILY = SingleTable("gaussian-copula", Training(_build))
