"""The whole state of a training as bytes without pickles: safetensors with JSON in its metadata."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from schemas.canonical import canonical, parse
from schemas.errors import PerennialError

STEP, IDENTITY, RANDOM = "step", "identity", "random"


@dataclass(frozen=True, slots=True)
class State:
    """Where the state lives; ``identity`` names the request and its input."""

    modules: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    generator: torch.Generator
    identity: str


def written(state: State, step: int) -> bytes:
    """Weights, optimizers' moments, the generator's state, and that ``step`` steps are done."""
    tensors = {RANDOM: state.generator.get_state()} | {
        f"module/{name}/{key}": tensor
        for name, module in state.modules.items()
        for key, tensor in module.state_dict().items()
    }
    for name, optimizer in state.optimizers.items():
        for place, parameter in enumerate(_parameters(optimizer)):
            for key, value in optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer/{name}/{place}/{key}"] = torch.as_tensor(value)
    facts = canonical({STEP: step, IDENTITY: state.identity})
    tensors["facts"] = torch.frombuffer(bytearray(facts), dtype=torch.uint8)
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def read(body: bytes | None, state: State, device: torch.device) -> int:
    """Put the state back and return the steps that are done; 0, nothing touched, where it is none of this training."""
    found = _tensors(body, state) if body is not None else None
    if found is None:
        return 0
    tensors, step = found
    for name, module in state.modules.items():
        module.load_state_dict({key: tensors[f"module/{name}/{key}"] for key in module.state_dict()})
    for name, optimizer in state.optimizers.items():
        _put_back(optimizer, f"optimizer/{name}/", tensors, device)
    state.generator.set_state(tensors[RANDOM])
    return step


def _tensors(body: bytes, state: State) -> tuple[dict[str, Tensor], int] | None:
    try:
        tensors = load(body)
        facts = parse(tensors["facts"].numpy().tobytes())
    except (SafetensorError, KeyError, PerennialError):
        return None
    fits = all(
        f"module/{name}/{key}" in tensors and tensors[f"module/{name}/{key}"].shape == tensor.shape
        for name, module in state.modules.items()
        for key, tensor in module.state_dict().items()
    )
    if not fits or not isinstance(facts, dict) or facts.get(IDENTITY) != state.identity or RANDOM not in tensors:
        return None
    return tensors, int(facts[STEP])


def _put_back(
    optimizer: torch.optim.Optimizer, prefix: str, tensors: Mapping[str, Tensor], device: torch.device
) -> None:
    fused = bool(optimizer.defaults.get("fused"))
    for place, parameter in enumerate(_parameters(optimizer)):
        begun = f"{prefix}{place}/"
        kept = {name[len(begun) :]: tensor for name, tensor in tensors.items() if name.startswith(begun)}
        if kept:
            optimizer.state[parameter] = {
                key: value.clone().to("cpu" if key == "step" and not fused else device) for key, value in kept.items()
            }


def _parameters(optimizer: torch.optim.Optimizer) -> list[Any]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
