"""Hypothesis strategies for every document: read off the models' own fields, so that a new event is covered at once."""

import re
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as at
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from pydantic import StringConstraints
from pydantic.fields import FieldInfo

from schemas.contract import Contract
from schemas.errors import ContractError
from schemas.events import EVENTS, Event
from schemas.model import Model
from tests.events import contract

LARGEST = 2**53 - 1
"""Whole numbers beyond it are not canonical JSON."""
MOST = 1e15
"""Figures from 2^53 on are written as whole numbers, which nothing reads back as a figure where no model says so."""
SLOW = settings(
    max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
"""For whole events: drawing ten of each type takes a while, and shrinking one takes minutes."""
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=8)
CONTRACTS = st.sampled_from(
    [contract(), contract("trains", claim="empirical", approvals=("legal",)), contract(title="Flüge №1", cap="7.5")]
)


@cache
def documents(model: type[Model]) -> st.SearchStrategy[Model]:
    """Valid documents of a model; combinations that a validator of the model refuses are drawn again."""
    if model is Contract:
        return CONTRACTS
    fields = {name: _field(info) for name, info in model.model_fields.items()}
    return (
        st.fixed_dictionaries(fields)
        .map(lambda drawn: _built(model, drawn))
        .filter(lambda built: built is not None)
        .map(_certain)
    )


def events() -> st.SearchStrategy[Event]:
    """Any event of any type."""
    return st.sampled_from(sorted(EVENTS)).flatmap(lambda kind: documents(EVENTS[kind])).map(_event)


def _event(document: Model) -> Event:
    assert isinstance(document, Event)
    return document


def _built(model: type[Model], drawn: dict[str, Any]) -> Model | None:
    try:
        return model.from_document({info.alias or name: drawn[name] for name, info in model.model_fields.items()})
    except ContractError:
        return None


def _certain(built: Model | None) -> Model:
    assert built is not None
    return built


def _field(info: FieldInfo) -> st.SearchStrategy[Any]:
    return _values(info.annotation, tuple(info.metadata))


def _values(kind: Any, limits: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _values(inner[0], (*inner[1:], *limits))
    if origin in (Union, UnionType):
        return st.one_of(*(_values(part, limits) for part in inner))
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        return _tuples(inner, limits)
    if origin is dict:
        return st.dictionaries(TEXTS, _values(inner[1], ()), max_size=2)
    if isinstance(kind, type) and issubclass(kind, Model):
        return documents(kind)
    return _plain(kind, limits)


def _tuples(inner: tuple[Any, ...], limits: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if inner[-1] is not Ellipsis:
        return st.tuples(*(_values(part, ()) for part in inner))
    least = max((limit.min_length for limit in limits if isinstance(limit, at.MinLen)), default=0)
    return st.lists(_values(inner[0], ()), min_size=least, max_size=max(2, least)).map(tuple)


def _plain(kind: Any, limits: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if kind is NoneType:
        return st.none()
    if kind is bool:
        return st.booleans()
    if kind is str:
        return _strings(limits)
    if kind is bytes:
        return st.binary(max_size=20)
    low, high = _bounds(limits)
    if kind is int:
        return st.integers(int(low if low is not None else -LARGEST), int(high if high is not None else LARGEST))
    if kind is float:
        open_below, open_above = (any(isinstance(each, side) for each in limits) for side in (at.Gt, at.Lt))
        low, high = (-MOST if low is None else low), (MOST if high is None else high)
        return st.floats(low, high, exclude_min=open_below, exclude_max=open_above)
    assert kind is Any, f"no strategy for {kind}"
    return st.none() | st.booleans() | TEXTS | st.lists(TEXTS, max_size=2)


def _bounds(limits: tuple[Any, ...]) -> tuple[Any, Any]:
    low = next((getattr(each, name) for each in limits for name in ("ge", "gt") if hasattr(each, name)), None)
    high = next((getattr(each, name) for each in limits for name in ("le", "lt") if hasattr(each, name)), None)
    return low, high


@cache
def _matching(pattern: str) -> st.SearchStrategy[str]:
    """Texts of a pattern; long repetitions are drawn short where the pattern allows it, for speed."""
    if whole := re.fullmatch(r"\^\[0-9a-f\]\{(\d+)\}\$", pattern):
        digits = int(whole[1])
        return st.integers(0, 16**digits - 1).map(lambda number: f"{number:0{digits}x}")
    short = re.sub(r"\{(\d),\d{2,}\}", lambda found: f"{{{found[1]},{int(found[1]) + 6}}}", pattern)
    return st.from_regex(short.removeprefix("^").removesuffix("$"), fullmatch=True)


def _strings(limits: tuple[Any, ...]) -> st.SearchStrategy[str]:
    for limit in limits:
        pattern = getattr(limit, "pattern", None)
        if isinstance(limit, StringConstraints) or pattern is not None:
            assert isinstance(pattern, str)
            return _matching(pattern)
    least = max((limit.min_length for limit in limits if isinstance(limit, at.MinLen)), default=0)
    return TEXTS.filter(lambda text: len(text) >= least)
