"""A contract for rows whose labels have not come: the same, but nothing in it rests on the target."""

from typing import Any

from schemas.contract import Contract


def without_target(contract: Contract) -> Contract:
    """The contract with its target ignored; itself where it names none.

    Raises ``ContractError`` where nothing else is modelled.
    """
    target = contract.policy.target
    if target is None:
        return contract
    document = contract.document()
    for column in document["columns"]:
        if column["name"] == target:
            column["role"] = "ignored"
    document["policy"] = _freed(document["policy"], target)
    return Contract.from_document(document)


def _freed(policy: dict[str, Any], target: str) -> dict[str, Any]:
    """What names the target goes; a sequence by it as a whole, and how releases are made, which is past."""
    kept = {name: value for name, value in policy.items() if name not in ("target", "generation")}
    for name in ("subgroups", "quasi_identifiers", "sensitive"):
        if name in kept:
            kept[name] = [column for column in kept[name] if column != target]
    if "triples" in kept:
        kept["triples"] = [triple for triple in kept["triples"] if target not in triple]
    if "dependencies" in kept:
        kept["dependencies"] = [
            item for item in kept["dependencies"] if target not in (*item["determinants"], item["dependent"])
        ]
    if "constraints" in kept:
        kept["constraints"] = [item for item in kept["constraints"] if target not in (item["left"], item.get("right"))]
    if "references" in kept:
        kept["references"] = [item for item in kept["references"] if target not in (item["column"], item["key"])]
    if "drift" in kept:
        kept["drift"] = {name: value for name, value in kept["drift"].items() if name != "late_labels"}
    if target in (kept.get("sequence") or {}).values():
        del kept["sequence"]
    return kept
