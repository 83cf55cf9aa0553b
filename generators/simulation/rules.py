"""Test data by the contract's rules alone, with Faker: no statistical fidelity.

No row is read: types, domains, dependencies, constraints and unique columns are kept, values are spread evenly, columns
do not depend on each other. For functional tests of what reads the data, never for learning or analysis; no choice
takes it by itself. Texts that Faker makes can look like real personal data (some of its card numbers and names could
be someone's by chance).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generators.arrays import Ints
from generators.artefact import pack, unpack
from generators.domains.assembly import Assembly, assembly_of
from generators.domains.contract_facts import shape_digest
from generators.domains.parts import without
from generators.protocol import FitRequest, Progress
from generators.sampling.sampled import sampled
from generators.simulation.imagined import imagined
from generators.simulation.wording import checked_locales, texts
from schemas.contract import Contract, Scalar
from schemas.errors import ArtefactError, ContractError
from schemas.mechanism import Mechanism

if TYPE_CHECKING:
    import pandas as pd

NAME, VERSION = "rules", 1
MISSING, LOCALE = "missing", "locale."
USUAL_MISSING, USUAL_LOCALE = 0.05, "en_US"


@dataclass(frozen=True, slots=True)
class RulesModel:
    """The contract, the share of missing cells where they are allowed, and Faker's locales with their shares."""

    contract: Contract
    rows: int
    missing: float
    locales: Mapping[str, float]

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """None: no row was read."""
        return ()

    def sample(self, rows: int, seed: int, where: Mapping[str, tuple[Scalar, float]] | None = None) -> "pd.DataFrame":
        """``rows`` rows that keep the contract's rules; shares of values of a text without a domain cannot be fixed."""
        import pandas as pd

        full = imagined(self.contract)
        written = [column for column in full.modelled if column.domain is None]
        rng = np.random.default_rng(np.random.SeedSequence([seed & (2**64 - 1), 0x7415]))
        table = pd.DataFrame(index=pd.RangeIndex(rows))
        if len(written) < len(full.modelled):
            reduced = without(full, {column.name for column in written}, NAME) if written else full
            assembly = assembly_of(reduced)
            table = sampled(
                lambda count, source: self._draw(assembly, count, source), rows, seed, reduced, assembly, where, 0x7415
            )
        for column in written:
            cells = pd.Series(texts(column, rows, self.locales, rng), dtype=object)
            gone = rng.random(rows) < (0.0 if column.required else self.missing)
            table[column.name] = cells.mask(gone, None)
        return table[[column.name for column in full.modelled]]

    def to_bytes(self) -> bytes:
        """The parameters in the container, marked as without fidelity."""
        header = {
            "family": NAME,
            "version": VERSION,
            "fidelity": "none",
            "shape": shape_digest(self.contract),
            "rows": self.rows,
            "missing": self.missing,
            "locales": dict(self.locales),
        }
        return pack(header, {})

    def _draw(self, assembly: Assembly, rows: int, rng: np.random.Generator) -> Ints:
        """Every position of a column as likely as any other; determinants only in listed combinations."""
        found = np.zeros((rows, len(assembly.free)), dtype=np.int64)
        for place, name in enumerate(assembly.free):
            grid = assembly.grids[name]
            found[:, place] = rng.integers(0, grid.size, rows)
            if grid.nullable:
                found[rng.random(rows) < self.missing, place] = grid.size
        for support in assembly.supports:
            places = [assembly.free.index(name) for name in support.determinants]
            found[:, places] = support.combinations[rng.integers(0, len(support.combinations), rows)]
        return found


class Rules:
    """The family ``rules``: see ``generators.protocol.Family``.

    Parameters: ``missing``, the share of missing cells where they are allowed (0.05); ``locale.<name>``, the share of
    texts in one of Faker's locales (``locale.de_DE``: 1), American English where none is named.
    """

    name = NAME
    formal = False
    control = False
    extra = "simulation"

    def mechanisms(self, contract: Contract, rows: int) -> tuple[Mechanism, ...]:
        """None."""
        return ()

    def fit(self, table: "pd.DataFrame", request: FitRequest, progress: Progress) -> RulesModel:
        """Reads nothing but the number of rows, which may be none.

        Raises ``ContractError`` under a formal claim, for rules that cannot be kept and for unknown parameters,
        ``InputError`` for an unknown locale.
        """
        if request.contract.policy.privacy.claim == "formal":
            raise ContractError(
                "rules learns nothing from the data, so a formal claim says nothing: choose dp-marginals, or an "
                "empirical claim"
            )
        missing, locales = _parameters(request.parameters)
        model = RulesModel(request.contract, max(1, len(table)), missing, locales)
        model.sample(1, 0)  # a contract whose rules cannot be kept fails here, before a release is begun
        progress(0.9, "read the contract")
        return model

    def load(self, body: bytes, contract: Contract) -> RulesModel:
        """The model that ``to_bytes`` wrote; raises ``ArtefactError``."""
        header = unpack(body).header
        if header.get("family") != NAME or header.get("version") != VERSION:
            raise ArtefactError("the model is of another family or version")
        if header.get("shape") != shape_digest(contract):
            raise ArtefactError("the model was fitted under a contract with other columns or dependencies")
        rows, missing, locales = (header.get(name) for name in ("rows", "missing", "locales"))
        if type(rows) is not int or rows < 1 or not isinstance(locales, dict) or not isinstance(missing, (int, float)):
            raise ArtefactError("the model's content does not fit together")
        return RulesModel(contract, rows, float(missing), {str(name): float(share) for name, share in locales.items()})


FAMILY = Rules()


def _parameters(given: Mapping[str, float]) -> tuple[float, Mapping[str, float]]:
    missing = float(given.get(MISSING, USUAL_MISSING))
    locales = {name.removeprefix(LOCALE): float(share) for name, share in given.items() if name.startswith(LOCALE)}
    unknown = [name for name in given if name != MISSING and not name.startswith(LOCALE)]
    if unknown:
        raise ContractError(
            f"rules knows no parameter {', '.join(sorted(unknown))}; it knows {MISSING} and {LOCALE}<name>"
        )
    if not 0 <= missing <= 1 or any(not 0 < share <= 1e9 for share in locales.values()):
        raise ContractError("rules takes a share of missing cells between 0 and 1, and shares of locales above 0")
    return missing, checked_locales(locales or {USUAL_LOCALE: 1.0})
