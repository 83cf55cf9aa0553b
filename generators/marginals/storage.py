"""The model's bytes: its codings and logits as plain arrays, its public facts as JSON."""

from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from generators.artefact import Artefact, pack, unpack
from generators.domains.assembly import assembly_of
from generators.domains.contract_facts import domain_documents, read_domains, shape_digest, with_domains
from generators.marginals.coding import Coding
from generators.marginals.heaping import Heaps, Lattice, lattice_of
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
        if coding.heaps is not None:
            lattice = coding.heaps.lattice
            arrays[f"coding/{index}/lattice"] = np.array([lattice.origin, lattice.size])
            arrays[f"coding/{index}/heaps"] = coding.heaps.factors
    order = []
    for conditional in model.conditionals:
        arrays[f"base/{conditional.column}"] = conditional.base
        order.append({"column": conditional.column, "links": [_key(link) for link in conditional.links]})
        arrays |= {_place(conditional.column, _key(link)): link.theta for link in conditional.links}
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
    codings = tuple(_coding(index, arrays) for index in range(len(assembly.free)))
    conditionals = tuple(_conditional(entry, arrays) for entry in header["order"])
    rows = header["rows"]
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 1:
        raise ArtefactError("the model's number of rows is broken")
    recorded = _MECHANISMS.validate_python(header["mechanisms"])
    model = Model(contract, assembly, codings, conditionals, recorded, rows)
    _check(model)
    return model


def _coding(index: int, arrays: dict[str, npt.NDArray[Any]]) -> Coding:
    low, high, weight, tail, cell, coarse = (arrays[f"coding/{index}/{name}"] for name in _CODING)
    factors = arrays.get(f"coding/{index}/heaps")
    if factors is None:
        return Coding(low, high, weight, tail, cell, coarse)
    origin, size = arrays[f"coding/{index}/lattice"].tolist()
    return Coding(low, high, weight, tail, cell, coarse, heaps=Heaps(Lattice(origin, size), factors))


def _conditional(entry: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> Conditional:
    column = int(entry["column"])
    links = tuple(
        Link(int(key[0]), bool(key[1]), arrays[_place(column, key)], int(key[2]) if len(key) > 2 else None)
        for key in entry["links"]
    )
    return Conditional(column, arrays[f"base/{column}"], links)


def _codes(model: Model, link: Link) -> int:
    coding = model.codings[link.column]
    beside = 1 if link.beside is None else model.codings[link.beside].coarse_cells
    return (coding.fine_cells if link.fine else coding.coarse_cells) * beside


def _key(link: Link) -> list[int]:
    return [link.column, int(link.fine), *([] if link.beside is None else [link.beside])]


def _place(column: int, key: list[int]) -> str:
    return "/".join(["theta", str(column), str(int(key[0])), *(str(int(beside)) for beside in key[2:])])


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
        if coding.heaps is not None and (coding.heaps.lattice != lattice_of(grid) or not coding.heaps.sound):
            raise ArtefactError("the model's heaping of a column is broken")
    for conditional in model.conditionals:
        cells = model.codings[conditional.column].fine_cells
        shapes = [(_codes(model, link), cells) for link in conditional.links]
        if conditional.base.shape != (cells,) or [link.theta.shape for link in conditional.links] != shapes:
            raise ArtefactError("the model's logits do not fit its cells")
