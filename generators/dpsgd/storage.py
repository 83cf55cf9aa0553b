"""A network model's bytes: bins and shares as plain arrays, weights as safetensors, public facts as JSON."""

from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from generators.artefact import Artefact
from generators.domains.assembly import Assembly
from generators.dpsgd.model import Decoder, NetworkModel
from generators.keeping import kept, opened
from generators.marginals.coding import Coding
from schemas.contract import Contract
from schemas.errors import ArtefactError
from schemas.mechanism import Mechanism

VERSION = 1
_MECHANISMS: TypeAdapter[tuple[Mechanism, ...]] = TypeAdapter(tuple[Mechanism, ...])
_CODING = ("low", "high", "weight", "tail", "cell", "coarse")
_DECODER = ("hidden_weight", "hidden_bias", "weight", "bias", "offsets")


def to_bytes(model: NetworkModel) -> bytes:
    """The container; the same model gives the same bytes."""
    from safetensors.numpy import save

    arrays: dict[str, npt.NDArray[Any]] = {"classes": model.classes, "label": model.label}
    for place, coding in enumerate(model.codings):
        arrays |= {f"coding/{place}/{name}": getattr(coding, name) for name in _CODING}
    weights = save({name: np.ascontiguousarray(getattr(model.decoder, name)) for name in _DECODER})
    arrays["weights"] = np.frombuffer(weights, dtype=np.uint8)
    return kept(
        model.family,
        VERSION,
        model.contract,
        model.assembly,
        model.rows,
        arrays,
        mechanisms=[mechanism.document() for mechanism in model.mechanisms],
        target=model.target,
    )


def from_bytes(body: bytes, contract: Contract, family: str) -> NetworkModel:
    """The model; raises ``ArtefactError`` on damage, or where it was fitted under other columns than the contract's."""
    artefact, assembly, rows = opened(body, contract, family, VERSION)
    try:
        model = _model(artefact, contract, assembly, rows, family)
        sound = _sound(model)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ValidationError):
        raise ArtefactError("the model's content does not fit together") from None
    if not sound:
        raise ArtefactError("the model's content does not fit together")
    return model


def _model(artefact: Artefact, contract: Contract, assembly: Assembly, rows: int, family: str) -> NetworkModel:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    arrays, header = artefact.arrays, artefact.header
    codings = tuple(
        Coding(*(arrays[f"coding/{place}/{name}"] for name in _CODING)) for place in range(len(assembly.free))
    )
    try:
        weights = load(arrays["weights"].tobytes())
    except SafetensorError:
        raise ArtefactError("the model's weights are damaged") from None
    decoder = Decoder(*(weights[name] for name in _DECODER))
    target = header["target"]
    if target is not None and (type(target) is not int or not 0 <= target < len(codings)):
        raise ArtefactError("the model's target is none of its columns")
    mechanisms = _MECHANISMS.validate_python(header["mechanisms"])
    return NetworkModel(
        family, contract, assembly, codings, decoder, arrays["classes"], arrays["label"], target, mechanisms, rows
    )


def _sound(model: NetworkModel) -> bool:
    """Shapes fit together and numbers are finite, so that sampling cannot run out of bounds."""
    decoder, classes = model.decoder, model.classes
    hidden, width = decoder.hidden_bias.size, decoder.bias.size
    shapes = (
        decoder.hidden_weight.shape[0] == hidden
        and decoder.weight.shape == (width, hidden)
        and decoder.offsets.shape == (classes.size, width)
        and decoder.latent >= 1
        and width == sum(coding.fine_cells for coding in model.codings)
    )
    numbers = all(bool(np.isfinite(getattr(decoder, name)).all()) for name in _DECODER)
    shares = classes.ndim == 1 and bool((classes > 0).all()) and bool(np.isfinite(classes).all())
    label = model.label
    cells = 1 if model.target is None else model.codings[model.target].fine_cells
    labels = label.shape == (cells,) and bool((label >= 0).all()) and bool((label < classes.size).all())
    return shapes and numbers and shares and labels and _codings_sound(model)


def _codings_sound(model: NetworkModel) -> bool:
    sizes = [model.assembly.grids[name].size for name in model.assembly.free]
    return all(_sound_coding(coding, size) for coding, size in zip(model.codings, sizes, strict=True))


def _sound_coding(coding: Coding, size: int) -> bool:
    lengths = {coding.low.size, coding.high.size, coding.weight.size, coding.tail.size, coding.cell.size}
    joined = bool((coding.low[1:] == coding.high[:-1]).all()) and coding.low[0] == 0 and coding.high[-1] <= size + 1
    filled = sorted(np.unique(coding.cell)) == list(range(coding.coarse.size)) and int(coding.coarse.min()) >= 0
    return len(lengths) == 1 and joined and filled and bool((coding.high > coding.low).all())
