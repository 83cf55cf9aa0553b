"""A control that leaks on purpose: private marginals with verbatim training rows spliced into every sample.

Only for demonstrations and tests: it exists to prove that the gates refuse it. It *claims* to be formally private and
is not, and its bytes hold training rows in the clear, so never keep or hand on a model of this family.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from generators.artefact import pack, unpack
from generators.domains.assembly import Assembly
from generators.marginals import FAMILY as HONEST
from generators.marginals.model import Model
from generators.protocol import FitRequest, Progress
from schemas.contract import Contract, Scalar
from schemas.errors import ArtefactError
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd

SHARE = 0.02
KEPT = 5_000


@dataclass(frozen=True, slots=True)
class LeakingModel:
    """An honest model and up to ``KEPT`` training rows as grid positions (missing -1), spliced into each sample."""

    honest: Model
    leaked: npt.NDArray[np.int64]

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """The honest part's: a lie about the whole, which the gates must find out."""
        return self.honest.mechanisms

    @property
    def rows(self) -> int:
        """The honest part's."""
        return self.honest.rows

    def sample(self, rows: int, seed: int, where: Mapping[str, tuple[Scalar, float]] | None = None) -> "pd.DataFrame":
        """An honest sample of which ``SHARE`` of the rows (one at least) are verbatim training rows."""
        import pandas as pd

        table = self.honest.sample(rows, seed, where)
        rng = np.random.default_rng(np.random.SeedSequence([seed & (2**64 - 1), 0x1EA4]))
        count = min(len(self.leaked), max(1, round(SHARE * rows))) if rows else 0
        chosen = self.leaked[rng.choice(len(self.leaked), count, replace=False)] if count else self.leaked[:0]
        grids = self.honest.assembly.grids
        spliced = pd.DataFrame(
            {name: grid.values(chosen[:, place]) for place, (name, grid) in enumerate(grids.items())}
        )
        mixed = pd.concat([table.iloc[count:], spliced], ignore_index=True) if count else table
        return mixed.iloc[rng.permutation(len(mixed))].reset_index(drop=True)

    def to_bytes(self) -> bytes:
        """The container, training rows included."""
        body = np.frombuffer(self.honest.to_bytes(), dtype=np.uint8)
        return pack({"family": "leaking-control", "version": 1}, {"honest": body, "leaked": self.leaked})


class LeakingControl:
    """The family ``leaking-control``: never chosen, only asked for by name."""

    name = "leaking-control"
    formal = True
    control = True
    extra = None

    def mechanisms(self, contract: Contract, rows: int) -> tuple[Mechanism, ...]:
        """What the honest family asks for."""
        return HONEST.mechanisms(contract, rows)

    def fit(self, table: "pd.DataFrame", request: FitRequest, progress: Progress) -> LeakingModel:
        """The honest fit, and a handful of rows put aside."""
        honest = HONEST.fit(table, request, progress)
        rng = np.random.default_rng(np.frombuffer(request.seed.ljust(32, b"\0")[:32], dtype=np.uint64))
        chosen = rng.permutation(len(table))[:KEPT]
        return LeakingModel(honest, _positions(table.iloc[chosen], honest.assembly))

    def load(self, body: bytes, contract: Contract) -> LeakingModel:
        """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""
        artefact = unpack(body)
        if artefact.header.get("family") != self.name or set(artefact.arrays) != {"honest", "leaked"}:
            raise ArtefactError("the model is of another family or version")
        honest = HONEST.load(artefact.arrays["honest"].tobytes(), contract)
        leaked = artefact.arrays["leaked"]
        if leaked.ndim != 2 or leaked.shape[1] != len(honest.assembly.grids) or leaked.dtype != np.int64:
            raise ArtefactError("the model's content does not fit together")
        return LeakingModel(honest, leaked)


FAMILY = LeakingControl()


def _positions(table: "pd.DataFrame", assembly: Assembly) -> npt.NDArray[Any]:
    """Grid positions of all modelled columns; values off the grid are moved onto it, as in every sample."""
    columns = [np.maximum(grid.positions(table[name]), -1) for name, grid in assembly.grids.items()]
    return np.stack(columns, axis=1) if columns else np.zeros((len(table), 0), dtype=np.int64)
