"""SDV's synthesizers of one table as families without any formal guarantee; Business Source Licence (BUSL-1.1).

SDV keeps no checkpoint, so a killed fit starts again; nothing is spent by it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from generators.arrays import Ints
from generators.preparing import Prepared, prepared_empirically
from generators.protocol import FitFailed, FitRequest, Progress
from generators.sdv.frames import Plain, plain_of
from generators.sdv.outcomes import failed
from generators.sdv.parameters import Whole, whole_numbers
from generators.sdv.pooled import LARGEST_POOL, PooledModel, opened_pool, pool_size
from generators.sdv.seeds import number_of
from generators.sdv.supervision import Stage, steps_told, supervised
from schemas.contract import Contract
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd

TABLE = "table"
POOL = Whole(0, 100, LARGEST_POOL)


@dataclass(frozen=True, slots=True)
class Training:
    """How a synthesizer is made from metadata and parameters, and how many optimizer steps its fit takes (0: none)."""

    build: Callable[[Any, Mapping[str, int]], Any]
    steps: Callable[[Mapping[str, int], int], int] = lambda _, __: 0
    parameters: Mapping[str, Whole] = field(default_factory=dict)
    microseconds_a_cell: float = 20.0


@dataclass(frozen=True, slots=True)
class SingleTable:
    """A family around one of SDV's synthesizers: see ``generators.protocol.Family``.

    Parameters: those of its training, and ``pool`` (how many rows are kept; twice the fit's rows by default).
    """

    name: str
    training: Training
    formal: bool = False
    control: bool = False
    extra: str | None = "sdv"

    def mechanisms(self, contract: Contract, rows: int) -> tuple[Mechanism, ...]:
        """None."""
        return ()

    def fit(self, table: "pd.DataFrame", request: FitRequest, progress: Progress) -> PooledModel | FitFailed:
        """Fit to the free modelled columns; raises ``ContractError`` under a formal claim or for a parameter that it
        does not know, ``InsufficientEvidence`` below two rows, ``InputError`` where SDV gives up.
        """
        settings = whole_numbers(request.parameters, {**self.training.parameters, "pool": POOL}, self.name)
        found = prepared_empirically(table, request, self.name)
        seed = number_of(request.seed, self.name)
        wanted = settings["pool"] or pool_size(len(found.positions))
        plain = plain_of(found.positions, found.assembly)
        losses, pool = supervised(
            lambda stage: self._pool(found, plain, settings, wanted, seed, stage), seed, progress, self.name
        )
        failure = failed(losses, found.positions, pool)
        return failure or PooledModel(self.name, request.contract, found.assembly, pool, len(found.positions))

    def load(self, body: bytes, contract: Contract) -> PooledModel:
        """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""
        return opened_pool(body, contract, self.name)

    def _pool(
        self, found: Prepared, plain: Plain, settings: Mapping[str, int], wanted: int, seed: int, stage: Stage
    ) -> tuple["np.ndarray[tuple[int, ...], np.dtype[np.float64]]", Ints]:
        """The losses of the training and the rows drawn after it; runs on the worker."""
        import pandas as pd

        if not plain.varying:
            return np.zeros(0), plain.positions(pd.DataFrame(), wanted)
        stage.enter("loading SDV", 0.0, 0.05, 10)
        from sdv.metadata import Metadata

        metadata = Metadata()
        metadata.add_table(TABLE)
        plain.declare(metadata, TABLE)
        synthesizer = self.training.build(metadata, settings)
        steps = self.training.steps(settings, len(found.positions))
        cells = found.positions.size * self.training.microseconds_a_cell / 1e6
        stage.enter("fitting", 0.05, 0.85, cells, steps)
        with steps_told(stage):
            synthesizer.fit({TABLE: plain.frame(found.positions)})
        stage.enter("sampling a pool", 0.85, 0.94, wanted * len(plain.varying) * 5e-6)
        synthesizer._set_random_state(seed)  # else every pool would be drawn with SDV's own fixed seed
        drawn = synthesizer.sample(wanted)[TABLE]
        return _losses(synthesizer), plain.positions(drawn, len(drawn))


def _losses(synthesizer: Any) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    if not hasattr(synthesizer, "get_loss_values"):
        return np.zeros(0)
    values = synthesizer.get_loss_values()
    return np.asarray(values.filter(regex="Loss").to_numpy(dtype=np.float64, na_value=0.0))
