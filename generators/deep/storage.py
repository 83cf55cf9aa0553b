"""Weights in the container: safetensors as one uint8 array, the networks' sizes as JSON; no pickles."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from schemas.errors import ArtefactError

WEIGHTS = "weights"


def weights(module: nn.Module) -> dict[str, npt.NDArray[Any]]:
    """The container's array of a module's weights; equal weights give equal bytes."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    return {WEIGHTS: np.frombuffer(save(tensors), dtype=np.uint8)}


def put_back(module: nn.Module, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Fill ``module`` with stored weights and end its training; raises ``ArtefactError`` where they do not fit."""
    try:
        tensors = load(arrays[WEIGHTS].tobytes())
        module.load_state_dict(tensors)
    except (SafetensorError, KeyError, RuntimeError, ValueError):
        raise ArtefactError("the model's weights do not fit its description") from None
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise ArtefactError("the model's weights are no finite numbers")
    module.eval()
