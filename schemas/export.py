"""Writes what is published of the models: JSON Schemas, the AsyncAPI document, and the table of all metrics.

The files under ``schemas/exported`` are these; a test compares them, so a change of a model shows up as a change of a
file.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from schemas.asyncapi import asyncapi, short_name
from schemas.certificate import Statement
from schemas.contract import Contract
from schemas.envelope import Envelope
from schemas.events import EVENTS
from schemas.events.releases import Status
from schemas.metrics.page import metrics_page

EXPORTED = Path(__file__).parent / "exported"
DOCUMENTS: Mapping[str, type[BaseModel]] = {
    "contract": Contract,
    "certificate": Statement,
    "envelope": Envelope,
    "status": Status,
}


def documents() -> dict[str, str]:
    """File name to text, of everything that is exported."""
    schemas: dict[str, type[BaseModel]] = {f"{short_name(kind)}.schema.json": model for kind, model in EVENTS.items()}
    schemas |= {f"{name}.schema.json": model for name, model in DOCUMENTS.items()}
    found = {
        name: _text(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(by_alias=True)}
        )
        for name, model in schemas.items()
    }
    return found | {"asyncapi.json": _text(asyncapi()), "metrics.md": metrics_page()}


def export(directory: Path) -> list[Path]:
    """Write all documents; returns their paths, sorted."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in sorted(documents().items()):
        path = directory / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _text(document: Any) -> str:
    return json.dumps(document, indent=1, sort_keys=True) + "\n"
