"""Two rules of imports that the linter cannot express: where licensed and heavy extras may be imported."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "generators", "validators", "stream_app")


def _imports(tree: ast.AST) -> set[str]:
    """The top-level names of everything imported anywhere in the tree."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def _importers(*libraries: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if _imports(ast.parse(path.read_text())) & set(libraries)
    }


def test_the_walk_sees_imports_inside_functions() -> None:
    assert _imports(ast.parse("def f():\n    from sdv.metadata import X\n    import torch.nn")) == {"sdv", "torch"}


@pytest.mark.parametrize("library", ["sdv", "sdmetrics", "ctgan", "copulas", "rdt"])
def test_only_the_sdv_families_import_what_is_under_the_business_source_licence(library: str) -> None:
    elsewhere = {name for name in _importers(library) if not name.startswith("generators/sdv/")}
    assert elsewhere == set()


def test_only_generators_import_torch() -> None:
    assert {name for name in _importers("torch", "opacus") if not name.startswith("generators/")} == set()
