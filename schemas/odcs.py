"""Contracts as files: Open Data Contract Standard v3 YAML, with Perennial's policy as a custom property.

The standard (https://bitol-io.github.io/open-data-contract-standard) carries what others can read: names, logical
types, required, unique, keys, descriptions, classification, and of the usage its purpose, uses (one a line) and
retention. What only Perennial decides by stands under
``customProperties`` with the property ``perennial``: the policy at the top, role, domain and personal-data hint at
each column.
"""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, get_args

from schemas import yaml_text
from schemas.contract import Column, Contract, LogicalType, Policy
from schemas.errors import ContractError
from schemas.usage import Usage

API_VERSION = "v3.1.0"
_TYPES = get_args(LogicalType)
_DESCRIBED = {"purpose": "purpose", "usage": "intended_uses", "limitations": "prohibited_uses"}
_DAYS = {"d": 1, "day": 1, "days": 1, "y": 365, "yr": 365, "years": 365}
_SENSITIVE = frozenset({"restricted", "confidential", "personal", "pii", "sensitive"})


def read_contract(text: str) -> Contract:
    """The contract in an ODCS v3 YAML text.

    Raises ``ContractError`` with the path of the field at fault and never a value. Keys are unique, aliases refused.
    Without the custom property a column is modelled and its domain unknown; the policy itself is needed.
    """
    document = _mapping(yaml_text.load(text), "document")
    if document.get("kind") != "DataContract":
        raise ContractError("kind: must be DataContract")
    if not str(document.get("apiVersion", "")).startswith("v3."):
        raise ContractError("apiVersion: only version 3 of the Open Data Contract Standard is read")
    table = _only_table(document)
    policy = _custom(document, "")
    if policy is None:
        raise ContractError("customProperties: the property perennial, which holds the policy, is missing")
    properties = _list(table.get("properties"), "schema.0.properties")
    columns = [
        _column(_mapping(item, f"schema.0.properties.{number}"), f"schema.0.properties.{number}")
        for number, item in enumerate(properties)
    ]
    fields = {
        "dataset": table.get("name"),
        "version": document.get("version"),
        "title": document.get("name"),
        "columns": columns,
        "policy": _with_usage(_exact_epsilons(policy), document),
    }
    return _contract({key: value for key, value in fields.items() if value is not None})


def write_contract(contract: Contract, comments: Mapping[str, str] | None = None) -> str:
    """The contract as ODCS v3 YAML that ``read_contract`` reads back as an equal contract.

    ``comments`` are put above what they explain: ``""`` the head of the file, a column's name that column,
    ``policy.privacy.epsilon`` and the like that field of the policy.
    """
    top: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": contract.dataset,
        "version": contract.version,
        "status": "active",
    }
    if contract.title is not None:
        top["name"] = contract.title
    top |= _usage_places(contract.policy.usage)
    top["schema"] = [
        {
            "name": contract.dataset,
            "logicalType": "object",
            "physicalType": "table",
            "properties": [_property(column) for column in contract.columns],
        }
    ]
    top["customProperties"] = [{"property": "perennial", "value": _policy(contract.policy)}]
    return yaml_text.dump(top, _placed(comments or {}, contract))


def _placed(comments: Mapping[str, str], contract: Contract) -> dict[str, str]:
    placed = {}
    for place, text in comments.items():
        if place in contract.names:
            placed[f"schema.{contract.dataset}.properties.{place}"] = text
        elif place == "policy" or place.startswith("policy."):
            placed[f"customProperties.perennial.value{place.removeprefix('policy')}"] = text
        else:
            placed[place] = text
    return placed


def _usage_places(usage: Usage | None) -> dict[str, Any]:
    """What the standard has a place for: its description, and retention among the service levels."""
    own = usage.document() if usage is not None else {}
    texts = {place: own[field] for place, field in _DESCRIBED.items() if own.get(field)}
    described = {place: text if isinstance(text, str) else "\n".join(text) for place, text in texts.items()}
    places: dict[str, Any] = {"description": described} if described else {}
    if "retention_days" in own:
        places["slaProperties"] = [{"property": "retention", "value": own["retention_days"], "unit": "d"}]
    return places


def _policy(policy: Policy) -> dict[str, Any]:
    document = policy.document()
    if policy.usage is not None:
        elsewhere = {*_DESCRIBED.values(), "retention_days"}
        document["usage"] = {key: value for key, value in document["usage"].items() if key not in elsewhere}
    return document


def _with_usage(policy: dict[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """The policy with the usage that stands in the standard's own places; what is stated twice must be equal."""
    places = _described(document) | _retention(document)
    own = policy.get("usage", {})
    if not places or not isinstance(own, Mapping):
        return policy
    for field, value in places.items():
        if field in own and own[field] != value:
            raise ContractError(f"customProperties.perennial.usage.{field}: stated in two places that differ")
    return policy | {"usage": {**own, **places}}


def _described(document: Mapping[str, Any]) -> dict[str, Any]:
    described = _mapping(document.get("description") or {}, "description")
    found: dict[str, Any] = {}
    for place, field in _DESCRIBED.items():
        text = described.get(place)
        if not isinstance(text, str | None):
            raise ContractError(f"description.{place}: must be a text")
        if text and text.strip():
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            found[field] = text if field == "purpose" else lines
    return found


def _retention(document: Mapping[str, Any]) -> dict[str, Any]:
    levels = [_mapping(item, "slaProperties") for item in _list(document.get("slaProperties") or [], "slaProperties")]
    found = [level for level in levels if level.get("property") == "retention"]
    if not found:
        return {}
    value, unit = found[0].get("value"), found[0].get("unit", "d")
    if len(found) > 1 or not isinstance(value, int) or isinstance(value, bool) or unit not in _DAYS:
        raise ContractError("slaProperties.retention: one whole number of days (d) or years (y) is wanted")
    return {"retention_days": value * _DAYS[unit]}


def _property(column: Column) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": column.name, "logicalType": column.type}
    if column.description is not None:
        fields["description"] = column.description
    fields |= {"required": column.required, "unique": column.unique}
    if column.role == "identifier" and column.required and column.unique:
        fields |= {"primaryKey": True, "primaryKeyPosition": 1}
    if column.personal is not None:
        fields["classification"] = "restricted"
    own = column.document()
    value = {key: own[key] for key in ("role", "personal", "domain") if key in own}
    return fields | {"customProperties": [{"property": "perennial", "value": value}]}


def _column(item: Mapping[str, Any], path: str) -> dict[str, Any]:
    kind = item.get("logicalType")
    if kind not in _TYPES:
        raise ContractError(f"{path}.logicalType: must be one of {', '.join(_TYPES)}")
    own = dict(_custom(item, f"{path}.") or {})
    unknown = sorted(str(key) for key in set(own) - {"role", "personal", "domain"})
    if unknown:
        raise ContractError(f"{path}.customProperties.perennial: unknown fields {', '.join(unknown)}")
    if item.get("classification") in _SENSITIVE:
        own.setdefault("personal", "classified by the owner")
    if kind in ("date", "timestamp") and isinstance(own.get("domain"), Mapping):
        own["domain"] = _times(own["domain"], path)
    key = item.get("primaryKey") is True
    fields = {
        "name": item.get("name"),
        "type": kind,
        "description": item.get("description"),
        "required": item.get("required", False) or key,
        "unique": item.get("unique", False) or key,
        **own,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _times(domain: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Ends of a range of dates may be written as ISO dates; they count as seconds since 1970 in UTC."""
    found = dict(domain)
    for end in ("lower", "upper"):
        if isinstance(found.get(end), str):
            try:
                moment = dt.datetime.fromisoformat(found[end])
            except ValueError:
                raise ContractError(
                    f"{path}.customProperties.perennial.domain.{end}: neither a number nor an ISO date"
                ) from None
            found[end] = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
    return found


def _contract(fields: dict[str, Any]) -> Contract:
    try:
        return Contract.from_document(fields)
    except ContractError as error:
        # The fields of the file lie elsewhere than those of the model: name them as the file does.
        text = str(error).replace("columns.", "schema.0.properties.").replace("policy", "customProperties.perennial", 1)
        raise ContractError(text.replace("not a valid Contract: ", "")) from None


def _only_table(document: Mapping[str, Any]) -> Mapping[str, Any]:
    tables = _list(document.get("schema"), "schema")
    if len(tables) != 1:
        raise ContractError(f"schema: exactly one table is wanted, found {len(tables)}")
    return _mapping(tables[0], "schema.0")


def _custom(item: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    entries = [
        _mapping(entry, f"{path}customProperties")
        for entry in _list(item.get("customProperties", []), f"{path}customProperties")
    ]
    found = [entry.get("value") for entry in entries if entry.get("property") == "perennial"]
    if len(found) > 1:
        raise ContractError(f"{path}customProperties: the property perennial is given twice")
    return _mapping(found[0], f"{path}customProperties.perennial") if found else None


def _exact_epsilons(policy: Mapping[str, Any]) -> dict[str, Any]:
    """An epsilon written as a bare number is taken as the decimal that stands there."""
    found = dict(policy)
    privacy = found.get("privacy")
    if isinstance(privacy, Mapping):
        found["privacy"] = {
            key: _decimal(value) if key in ("epsilon", "cap_epsilon", "trigger_epsilon") else value
            for key, value in privacy.items()
        }
    return found


def _decimal(value: Any) -> Any:
    return (
        format(Decimal(repr(value)), "f") if isinstance(value, (int, float)) and not isinstance(value, bool) else value
    )


def _mapping(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ContractError(f"{path}: must be a mapping")
    return value


def _list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise ContractError(f"{path}: must be a list")
    return value
