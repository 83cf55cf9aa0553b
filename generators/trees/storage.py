"""A chain of trees as bytes and back: plain arrays, joined over the columns, and their lengths."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from generators.artefact import Artefact
from generators.domains.assembly import Assembly
from generators.keeping import kept
from generators.trees.coding import Codes
from generators.trees.tree import Tree
from schemas.errors import ArtefactError

if TYPE_CHECKING:
    from generators.trees.model import Chain, TreesModel

NAME, VERSION = "trees", 1
CODES = ("upto", "low", "high", "of", "members", "reach")
NODES = ("feature", "threshold", "left", "right", "leaf")
Arrays = Mapping[str, npt.NDArray[Any]]


def written(model: "TreesModel") -> bytes:
    """The container of a model."""
    arrays, facts = chain_arrays("", model.chain), chain_facts(model.chain)
    return kept(NAME, VERSION, model.contract, model.assembly, model.rows, arrays, **facts)


def read(artefact: Artefact, assembly: Assembly) -> "Chain":
    """The chain that ``written`` wrote; raises ``ArtefactError``."""
    try:
        chain = read_chain("", artefact.header, artefact.arrays)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise ArtefactError("the model's content does not fit together") from None
    if sorted(chain.order) != list(range(len(assembly.free))):
        raise ArtefactError("the model's content does not fit together")
    return chain


def chain_facts(chain: "Chain") -> dict[str, Any]:
    """The small facts of each column, as JSON."""
    return {"order": list(chain.order), "columns": [codes_facts(codes) for codes in chain.codes]}


def chain_arrays(start: str, chain: "Chain") -> dict[str, npt.NDArray[Any]]:
    """Every array, its name beginning with ``start``, the place of its column and, of trees, the branch."""
    found: dict[str, npt.NDArray[Any]] = {f"{start}branch": chain.branch}
    for place, (codes, trees) in enumerate(zip(chain.codes, chain.trees, strict=True)):
        found |= codes_arrays(f"{start}{place}.", codes)
        for number, tree in enumerate(trees):
            found |= tree_arrays(f"{start}{place}.{number}.", tree)
    return found


def read_chain(start: str, facts: Mapping[str, Any], arrays: Arrays) -> "Chain":
    """The chain; raises ``KeyError``, ``TypeError`` or ``ValueError`` where facts and arrays do not fit."""
    from generators.trees.model import Chain

    columns, branch = facts["columns"], arrays[f"{start}branch"]
    codes = tuple(read_codes(f"{start}{place}.", column, arrays) for place, column in enumerate(columns))
    if codes and (branch.shape != (codes[0].size,) or (branch < 0).any()):
        raise ValueError("branch")
    count = int(branch.max()) + 1 if branch.size else 1
    trees = tuple(
        tuple(
            read_tree(f"{start}{place}.{number}.", arrays, own.size, [other.size for other in codes[:place]])
            for number in range(count if place else 1)
        )
        for place, own in enumerate(codes)
    )
    return Chain(tuple(int(place) for place in facts["order"]), codes, branch, trees)


def codes_facts(codes: Codes) -> list[int]:
    """What is not an array of codes."""
    return [int(codes.ordered), codes.size, codes.missing, codes.grid_size]


def codes_arrays(start: str, codes: Codes) -> dict[str, npt.NDArray[Any]]:
    """The arrays of codes that have content."""
    return {start + name: getattr(codes, name) for name in CODES if getattr(codes, name).size}


def read_codes(start: str, facts: Sequence[int], arrays: Arrays) -> Codes:
    """The codes; raises ``TypeError`` or ``ValueError`` where the facts are broken."""

    def held(name: str) -> npt.NDArray[Any]:
        return arrays.get(start + name, np.zeros(0, dtype=np.float64 if name == "reach" else np.int64))

    ordered, size, missing, grid_size = facts
    parts = {name: held(name) for name in CODES}
    return Codes(ordered=bool(ordered), size=int(size), missing=int(missing), grid_size=int(grid_size), **parts)


def tree_arrays(start: str, tree: Tree) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a tree."""
    found = {start + name: getattr(tree, name) for name in (*NODES, "reach")}
    return found | {f"{start}ranks.{feature}": places for feature, places in sorted(tree.ranks.items())}


def read_tree(start: str, arrays: Arrays, size: int, inputs: Sequence[int]) -> Tree:
    """A tree that draws ``size`` codes from ``inputs`` of so many codes each; raises ``KeyError`` or ``ValueError``."""
    prefix = f"{start}ranks."
    ranks = {int(name.removeprefix(prefix)): array for name, array in arrays.items() if name.startswith(prefix)}
    nodes = {name: arrays[start + name] for name in NODES}
    tree = Tree(**nodes, ranks=ranks, reach=arrays[f"{start}reach"])
    _check(tree, size, inputs)
    return tree


def _check(tree: Tree, size: int, inputs: Sequence[int]) -> None:
    """Children come after their parents, so every row reaches a leaf; a feature is one of the inputs."""
    count, inner = len(tree.feature), tree.feature >= 0
    nodes, own = [getattr(tree, name) for name in NODES], np.flatnonzero(inner)
    sides = [side[inner] for side in (tree.left, tree.right)]
    if not count or any(part.shape != (count,) for part in nodes) or (tree.feature >= max(len(inputs), 1)).any():
        raise ValueError("nodes")
    if any((side <= own).any() or (side >= count).any() for side in sides):
        raise ValueError("children")
    leaves = tree.leaf[~inner]
    if tree.reach.ndim != 2 or tree.reach.shape[1] != size or (leaves < 0).any() or (leaves >= len(tree.reach)).any():
        raise ValueError("leaves")
    if any(len(tree.ranks[name]) != inputs[name] for name in tree.ranks):
        raise ValueError("ranks")
