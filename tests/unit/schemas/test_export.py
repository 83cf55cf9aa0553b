"""Exported files: the same as the models say now, valid JSON Schemas, and nothing that no model stands behind."""

import json
from pathlib import Path

import jsonschema
import pytest

from schemas.export import EXPORTED, documents, export
from schemas.model import Model
from tests.events import contract

REGENERATE = 'a model changed: run  python -c "from schemas.export import export, EXPORTED; export(EXPORTED)"'
DOCUMENTS = documents()
NAMES = sorted(DOCUMENTS)


def test_the_exported_files_are_the_models() -> None:
    stored = {path.name: path.read_text(encoding="utf-8") for path in EXPORTED.iterdir()}
    stale = sorted(name for name in set(stored) | set(NAMES) if stored.get(name) != DOCUMENTS.get(name))
    assert stale == [], REGENERATE


def test_export_writes_them_all(tmp_path: Path) -> None:
    written = export(tmp_path / "deep" / "folder")
    assert [path.name for path in written] == NAMES
    assert {path.name: path.read_text(encoding="utf-8") for path in written} == DOCUMENTS


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".schema.json")])
def test_every_schema_is_valid_and_refuses_unknown_fields(name: str) -> None:
    schema = json.loads(DOCUMENTS[name])
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert all(
        inner.get("additionalProperties", False) is False
        for inner in schema.get("$defs", {}).values()
        if inner.get("type") == "object"
    )


def test_a_contract_is_accepted_and_a_broken_one_refused() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(DOCUMENTS["contract.schema.json"]))
    document = contract().document()
    validator.validate(document)
    assert not validator.is_valid(document | {"surprise": 1})
    assert not validator.is_valid(document | {"columns": []})
    assert isinstance(contract(), Model)
