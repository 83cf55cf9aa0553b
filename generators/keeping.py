"""Models as bytes: the header that every family writes, and the checks that every family makes on reading."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from generators.artefact import Artefact, pack, unpack
from generators.domains.assembly import Assembly, assembly_of
from generators.domains.contract_facts import domain_documents, read_domains, shape_digest, with_domains
from schemas.contract import Contract
from schemas.errors import ArtefactError, ContractError


def kept(
    family: str,
    version: int,
    contract: Contract,
    assembly: Assembly,
    rows: int,
    arrays: Mapping[str, npt.NDArray[Any]],
    **more: Any,
) -> bytes:
    """The container of a model; ``more`` is JSON of the family's own. The same model gives the same bytes."""
    header = {
        "family": family,
        "version": version,
        "shape": shape_digest(contract),
        "observed": domain_documents(contract, assembly),
        "rows": rows,
        **more,
    }
    return pack(header, arrays)


def opened(body: bytes, contract: Contract, family: str, version: int) -> tuple[Artefact, Assembly, int]:
    """The container, the assembly and the rows that the model stands for.

    Raises ``ArtefactError`` on damage, another family or version, or a contract with other columns.
    """
    artefact = unpack(body)
    header = artefact.header
    if header.get("family") != family or header.get("version") != version:
        raise ArtefactError("the model is of another family or version")
    if header.get("shape") != shape_digest(contract):
        raise ArtefactError("the model was fitted under a contract with other columns or dependencies")
    try:
        assembly = assembly_of(with_domains(contract, read_domains(header["observed"])))
    except (KeyError, TypeError, ValueError, AttributeError, ContractError):
        raise ArtefactError("the model's content does not fit together") from None
    rows = header.get("rows")
    if type(rows) is not int or rows < 1:
        raise ArtefactError("the model's number of rows is broken")
    return artefact, assembly, rows


def positions_of(arrays: Mapping[str, npt.NDArray[Any]], name: str, assembly: Assembly) -> npt.NDArray[np.int64]:
    """A stored (rows, free columns) array of grid positions, checked; raises ``ArtefactError``."""
    found = arrays.get(name)
    sizes = np.array([assembly.grids[column].size for column in assembly.free])
    if found is None or found.dtype != np.int64 or found.ndim != 2 or found.shape[1] != len(sizes):
        raise ArtefactError("the model's content does not fit together")
    if not len(found) or (found < 0).any() or (found > sizes).any():
        raise ArtefactError("the model's content does not fit together")
    return found
