"""The model's bytes: its codings and logits as plain arrays, its public facts as JSON."""

from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from generators.artefact import Artefact, pack, unpack
from generators.domains.assembly import assembly_of
from generators.domains.contract_facts import domain_documents, read_domains, shape_digest, with_domains
from generators.marginals.coding import Coding
from generators.marginals.model import Conditional, Link, Model
from schemas.contract import Contract
from schemas.errors import ArtefactError, ContractError
from schemas.mechanism import Mechanism

VERSION = 1
_MECHANISMS: TypeAdapter[tuple[Mechanism, ...]] = TypeAdapter(tuple[Mechanism, ...])
_CODING = ("low", "high", "weight", "tail", "cell", "coarse")


def to_bytes(model: Model) -> bytes:
    """The container; the same model gives the same bytes."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for index, coding in enumerate(model.codings):
        arrays |= {f"coding/{index}/{name}": getattr(coding, name) for name in _CODING}
    order = []
    for conditional in model.conditionals:
        arrays[f"base/{conditional.column}"] = conditional.base
        order.append(
            {"column": conditional.column, "links": [[link.column, int(link.fine)] for link in conditional.links]}
        )
        arrays |= {f"theta/{conditional.column}/{link.column}": link.theta for link in conditional.links}
    header = {
        "family": "dp-marginals",
        "version": VERSION,
        "contract": model.contract.digest(),
        "shape": shape_digest(model.contract),
        "mechanisms": [mechanism.document() for mechanism in model.mechanisms],
        "order": order,
        "rows": model.rows,
        "observed": domain_documents(model.contract, model.assembly),
    }
    return pack(header, arrays)


def from_bytes(body: bytes, contract: Contract) -> Model:
    """The model; raises ``ArtefactError`` on damage, or where it was fitted under other columns than the contract's."""
    artefact = unpack(body)
    header = artefact.header
    if header.get("family") != "dp-marginals" or header.get("version") != VERSION:
        raise ArtefactError("the model is of another family or version")
    if header.get("shape") != shape_digest(contract):
        raise ArtefactError("the model was fitted under a contract with other columns or dependencies")
    try:
        return _model(artefact, contract)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ContractError):
        raise ArtefactError("the model's content does not fit together") from None


def _model(artefact: Artefact, contract: Contract) -> Model:
    header, arrays = artefact.header, artefact.arrays
    assembly = assembly_of(with_domains(contract, read_domains(header["observed"])))
    codings = tuple(
        Coding(*(arrays[f"coding/{index}/{name}"] for name in _CODING)) for index in range(len(assembly.free))
    )
    conditionals = tuple(_conditional(entry, arrays) for entry in header["order"])
    rows = header["rows"]
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 1:
        raise ArtefactError("the model's number of rows is broken")
    recorded = _MECHANISMS.validate_python(header["mechanisms"])
    model = Model(contract, assembly, codings, conditionals, recorded, rows)
    _check(model)
    return model


def _conditional(entry: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> Conditional:
    column = int(entry["column"])
    links = tuple(
        Link(int(other), bool(fine), arrays[f"theta/{column}/{int(other)}"]) for other, fine in entry["links"]
    )
    return Conditional(column, arrays[f"base/{column}"], links)


def _check(model: Model) -> None:
    """Shapes fit together, so that sampling cannot run out of bounds."""
    if sorted(conditional.column for conditional in model.conditionals) != list(range(len(model.codings))):
        raise ArtefactError("the model's order of columns is broken")
    for name, coding in zip(model.assembly.free, model.codings, strict=True):
        lengths = {coding.low.size, coding.high.size, coding.weight.size, coding.tail.size, coding.cell.size}
        grid = model.assembly.grids[name]
        joined = (
            bool((coding.low[1:] == coding.high[:-1]).all()) and coding.low[0] == 0 and coding.high[-1] <= grid.size + 1
        )
        filled = sorted(np.unique(coding.cell)) == list(range(coding.coarse.size)) and int(coding.coarse.min()) >= 0
        if len(lengths) != 1 or not joined or not filled or bool((coding.high <= coding.low).any()):
            raise ArtefactError("the model's coding of a column is broken")
    for conditional in model.conditionals:
        cells = model.codings[conditional.column].fine_cells
        shapes = [
            (model.codings[link.column].fine_cells if link.fine else model.codings[link.column].coarse_cells, cells)
            for link in conditional.links
        ]
        if conditional.base.shape != (cells,) or [link.theta.shape for link in conditional.links] != shapes:
            raise ArtefactError("the model's logits do not fit its cells")
