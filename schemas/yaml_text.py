"""YAML without its traps: unique keys, no aliases, JSON's scalars, a size limit; and an emitter with comments."""

import re
from collections.abc import Hashable, Mapping
from typing import Any

import yaml

from schemas.errors import ContractError

MAX_CHARACTERS = 8_000_000
_MAX_DEPTH = 40
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*([ -][A-Za-z0-9_]+)*")
_RESERVED = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


class _StrictLoader(yaml.SafeLoader):
    """``no`` is a country and ``2013-01-01`` a text: only JSON's literals and numbers are resolved."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise ContractError(f"line {self._line()}: aliases are refused")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ContractError(f"line {self._line()}: nested too deeply")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _line(self) -> int:
        return int(self.peek_event().start_mark.line) + 1  # type: ignore[no-untyped-call]

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(names) != len(node.value):
            raise ContractError(f"line {node.start_mark.line + 1}: a key is no plain text")
        if len(set(names)) != len(names):
            raise ContractError(f"line {node.start_mark.line + 1}: a mapping names a key twice")
        # Keys stay text whatever they look like, so that equality of keys is equality of what was written.
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}

    def construct_yaml_map(self, node: Any) -> Any:
        yield self.construct_mapping(node)


# The inherited resolvers, YAML 1.1's, would win over these.
_StrictLoader.yaml_implicit_resolvers = {}
_StrictLoader.add_constructor("tag:yaml.org,2002:map", _StrictLoader.construct_yaml_map)
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]
)
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789")
)
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?$"),
    list("-+0123456789"),
)


def load(text: str) -> Any:
    """The document of one YAML text; raises ``ContractError`` with a line number, never a value."""
    if len(text) > MAX_CHARACTERS:
        raise ContractError(f"longer than {MAX_CHARACTERS} characters")
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.MarkedYAMLError as error:
        place = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ContractError(f"not valid YAML{place}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ContractError("not valid YAML: a character or number that cannot be read") from None


def dump(document: Mapping[str, Any], comments: Mapping[str, str]) -> str:
    """Block YAML in the mapping's order; the comment of a path (``schema.flights.late``) stands above its line.

    The parts of a path are keys, and for list items their ``name`` or ``property`` or else their index.
    """
    lines = _comment(comments.get("", ""), 0) + _block(document, "", 0, comments)
    return "\n".join(lines) + "\n"


def _block(value: Any, path: str, indent: int, comments: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    if isinstance(value, Mapping):
        for key, item in value.items():
            place = f"{path}.{key}".lstrip(".")
            lines += _comment(comments.get(place, ""), indent) + _entry(
                f"{scalar(str(key))}:", item, place, indent, comments
            )
        return lines
    for number, item in enumerate(value):
        place = f"{path}.{_label(item, number)}".lstrip(".")
        lines += _comment(comments.get(place, ""), indent)
        inner = _block(item, place, indent + 2, comments) if _nested(item) else [" " * (indent + 2) + _flow(item)]
        first = next(row for row, line in enumerate(inner) if not line.lstrip().startswith("#"))
        # Comments of the first key must stand above the dash, or the item would begin with them.
        lines += [line[2:] for line in inner[:first]]
        lines += [" " * indent + "- " + inner[first][indent + 2 :], *inner[first + 1 :]]
    return lines


def _entry(head: str, item: Any, place: str, indent: int, comments: Mapping[str, str]) -> list[str]:
    if _nested(item):
        return [" " * indent + head, *_block(item, place, indent + 2, comments)]
    return [f"{' ' * indent}{head} {_flow(item)}"]


def _nested(value: Any) -> bool:
    """Mappings and lists of anything but scalars span lines; empty ones and lists of scalars stay on theirs."""
    if isinstance(value, Mapping):
        return bool(value)
    return isinstance(value, (list, tuple)) and any(isinstance(item, (Mapping, list, tuple)) for item in value)


def _label(item: Any, number: int) -> str:
    if isinstance(item, Mapping):
        return str(item.get("name", item.get("property", number)))
    return str(number)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(scalar(item) for item in value) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A scalar in YAML that every reader types alike: text is quoted unless it is plainly a word."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        # YAML 1.1 readers take 1e-05 for text, for it lacks the dot.
        text = repr(value)
        return text if "." in text or "e" not in text else text.replace("e", ".0e")
    if _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        return str(value)
    return yaml.dump(value, Dumper=yaml.SafeDumper, default_style='"', allow_unicode=True, width=2**31).rstrip("\n")


def _comment(text: str, indent: int) -> list[str]:
    return [f"{' ' * indent}# {line}".rstrip() for line in text.splitlines()]
