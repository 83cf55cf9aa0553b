"""A sequence model as bytes and back: plain arrays, named by the part that they belong to."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from generators.artefact import Artefact
from generators.domains.assembly import Assembly
from generators.keeping import kept
from generators.sequences.conditional import Conditional
from generators.sequences.entities import Entities
from generators.sequences.favourites import Favourites
from generators.trees.storage import (
    NAME,
    VERSION,
    chain_arrays,
    chain_facts,
    codes_arrays,
    codes_facts,
    read_chain,
    read_codes,
    read_tree,
    tree_arrays,
)
from schemas.contract import Contract
from schemas.errors import ArtefactError

if TYPE_CHECKING:
    from generators.sequences.model import SequenceModel

Arrays = Mapping[str, npt.NDArray[Any]]


def written(model: "SequenceModel") -> bytes:
    """The container of a model."""
    parts = {"gaps.": model.entities.gaps}
    parts |= {f"keys.{place}.": favourites.fresh for place, favourites in enumerate(model.favourites)}
    parts |= {f"events.{place}.": event for place, event in enumerate(model.events)}
    arrays = chain_arrays("entities.", model.entities.chain)
    for start, part in parts.items():
        arrays |= _arrays(start, part)
    for place, favourites in enumerate(model.favourites):
        arrays |= {f"keys.{place}.popularity": favourites.popularity, f"keys.{place}.listing": favourites.listing}
    arrays["listing"] = model.entities.listing
    facts = {
        "entities": chain_facts(model.entities.chain),
        "mean_rows": model.entities.mean_rows,
        "loyal": [favourites.loyal for favourites in model.favourites],
        "common": model.common,
        "events": len(model.events),
        "parts": {start: _facts(part) for start, part in parts.items()},
    }
    return kept(NAME, VERSION, model.contract, model.assembly, model.rows, arrays, sequence=facts)


def read_sequence(artefact: Artefact, contract: Contract, assembly: Assembly, rows: int) -> "SequenceModel":
    """The model that ``written`` wrote; raises ``ArtefactError``."""
    from generators.sequences.model import SequenceModel

    try:
        facts, arrays = artefact.header["sequence"], artefact.arrays
        gaps = _read("gaps.", facts, arrays)
        chain = read_chain("entities.", facts["entities"], arrays)
        entities = Entities(chain, gaps, float(facts["mean_rows"]), arrays["listing"])
        favourites = tuple(
            Favourites(
                _read(f"keys.{place}.", facts, arrays), float(loyal), arrays[f"keys.{place}.popularity"],
                arrays[f"keys.{place}.listing"],
            )
            for place, loyal in enumerate(facts["loyal"])
        )  # fmt: skip
        events = tuple(_read(f"events.{place}.", facts, arrays) for place in range(int(facts["events"])))
        return SequenceModel(contract, assembly, entities, favourites, events, int(facts["common"]), rows)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise ArtefactError("the model's content does not fit together") from None


def _facts(part: Conditional) -> dict[str, Any]:
    return {"codes": codes_facts(part.codes), "trees": len(part.trees), "inputs": list(part.inputs)}


def _arrays(start: str, part: Conditional) -> dict[str, npt.NDArray[Any]]:
    found = {f"{start}branch": part.branch} | codes_arrays(start, part.codes)
    for number, tree in enumerate(part.trees):
        found |= tree_arrays(f"{start}{number}.", tree)
    return found


def _read(start: str, facts: Mapping[str, Any], arrays: Arrays) -> Conditional:
    own = facts["parts"][start]
    codes, inputs = read_codes(start, own["codes"], arrays), [int(size) for size in own["inputs"]]
    trees = tuple(read_tree(f"{start}{number}.", arrays, codes.size, inputs) for number in range(int(own["trees"])))
    branch = arrays[f"{start}branch"]
    if not trees or branch.shape != (inputs[0],) or not np.isin(branch, np.arange(len(trees))).all():
        raise ValueError("branch")
    return Conditional(codes, branch, trees, tuple(inputs))
