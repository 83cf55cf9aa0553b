"""The model's bytes: those of the private marginals, and the links of triples beside them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from generators.aim.model import AdaptiveModel, JointLink
from generators.artefact import Artefact, pack, unpack
from generators.marginals import storage
from generators.marginals.model import Model
from schemas.contract import Contract
from schemas.errors import ArtefactError

VERSION = 1


def to_bytes(model: AdaptiveModel) -> bytes:
    """The container; the same model gives the same bytes."""
    arrays: dict[str, npt.NDArray[Any]] = {
        "pairs": np.frombuffer(storage.to_bytes(model), dtype=np.uint8),
    }
    links = []
    for column, found in sorted(model.joints.items()):
        for place, link in enumerate(found):
            links.append([column, list(link.columns), [int(fine) for fine in link.fine]])
            arrays[f"joint/{column}/{place}"] = link.theta
    return pack({"family": "aim", "version": VERSION, "links": links}, arrays)


def from_bytes(body: bytes, contract: Contract) -> AdaptiveModel:
    """The model; raises ``ArtefactError`` on damage, or where it was fitted under other columns than the contract's."""
    artefact = unpack(body)
    if artefact.header.get("family") != "aim" or artefact.header.get("version") != VERSION:
        raise ArtefactError("the model is of another family or version")
    if "pairs" not in artefact.arrays:
        raise ArtefactError("the model's content does not fit together")
    pairs = storage.from_bytes(artefact.arrays["pairs"].tobytes(), contract)
    try:
        joints = _joints(artefact, pairs)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise ArtefactError("the model's content does not fit together") from None
    return AdaptiveModel(
        pairs.contract, pairs.assembly, pairs.codings, pairs.conditionals, pairs.mechanisms, pairs.rows, joints
    )


def _joints(artefact: Artefact, pairs: Model) -> dict[int, tuple[JointLink, ...]]:
    found: dict[int, list[JointLink]] = {}
    earlier: dict[int, set[int]] = {}
    for place, conditional in enumerate(pairs.conditionals):
        earlier[conditional.column] = {before.column for before in pairs.conditionals[:place]}
    for column, columns, fine in artefact.header["links"]:
        mine = found.setdefault(int(column), [])
        theta = artefact.arrays[f"joint/{int(column)}/{len(mine)}"]
        link = JointLink(tuple(int(other) for other in columns), tuple(bool(own) for own in fine), theta)
        _check(link, int(column), earlier[int(column)], pairs)
        mine.append(link)
    return {column: tuple(links) for column, links in found.items()}


def _check(link: JointLink, column: int, earlier: set[int], pairs: Model) -> None:
    """Shapes fit together, so that sampling cannot run out of bounds."""
    cells = 1
    for other, fine in zip(link.columns, link.fine, strict=True):
        coding = pairs.codings[other]
        cells *= coding.fine_cells if fine else coding.coarse_cells
    if not earlier.issuperset(link.columns) or link.theta.shape != (cells, pairs.codings[column].fine_cells):
        raise ArtefactError("the model's logits do not fit its cells")
