"""A watch as text and back, so that another worker can go on with it."""

import json
from dataclasses import asdict
from typing import Any

from schemas.contract import Contract
from schemas.errors import ContractError
from schemas.events.sources import SourceRef
from stream_app.agents.profiling import Profiled
from stream_app.agents.watch import Watch
from stream_app.core.drift.aggregator import Aggregator
from stream_app.core.drift.concept.concept import ConceptModel
from stream_app.core.drift.counter import RowCounter
from stream_app.core.drift.reference import Reference
from stream_app.core.drift.sign import DriftSign, Evidence


def written(watch: Watch, positions: dict[int, int]) -> str:
    """Everything that a fresh worker needs; ``positions`` are the next offsets of counts to take, by partition."""
    profiled = watch.profiled
    return json.dumps(
        {
            "shape": watch.shape,
            "source": watch.source.document(),
            "positions": sorted(positions.items()),
            "reference": profiled.reference.to_json(),
            "rows": [profiled.rows, profiled.train_rows],
            "concept": None if profiled.concept is None else profiled.concept.to_document(),
            "told": profiled.told,
            "aggregator": watch.aggregator.to_json(),
            "sign": None if watch.sign is None else asdict(watch.sign),
            "began": watch.began,
            "checked": watch.checked,
            "waiting": watch.waiting,
        }
    )


def resumed(
    text: str, shape: str, contract: Contract, secret: bytes, window_rows: int
) -> tuple[Watch, dict[int, int]] | None:
    """The watch that was written for this ``shape``, and the positions; none where it was another or is damaged."""
    try:
        state: dict[str, Any] = json.loads(text)
        if state["shape"] != shape:
            return None
        reference = Reference.from_json(state["reference"])
        concept = None if state["concept"] is None else ConceptModel.from_document(state["concept"])
        told = tuple((str(name), float(value)) for name, value in state["told"])
        rows, train_rows = (int(each) for each in state["rows"])
        profiled = Profiled(reference, rows, train_rows, concept, told)
        watch = Watch(
            contract,
            SourceRef.from_document(state["source"]),
            profiled,
            RowCounter(reference, contract, secret, concept),
            Aggregator.from_json(state["aggregator"], reference, contract.policy.drift, concept),
            window_rows,
            shape,
            _sign(state["sign"]),
            int(state["began"]),
            int(state["checked"]),
            int(state["waiting"]),
        )
        return watch, {int(partition): int(offset) for partition, offset in state["positions"]}
    except (ContractError, ValueError, LookupError, ArithmeticError, TypeError, AttributeError):
        return None


def _sign(document: dict[str, Any] | None) -> DriftSign | None:
    if document is None:
        return None
    evidence = document.pop("evidence")
    correlations = evidence["correlations"]
    return DriftSign(
        **document
        | {"columns": tuple(document["columns"])}
        | {"errors": None if document["errors"] is None else (document["errors"][0], document["errors"][1])},
        evidence=Evidence(
            tuple(evidence["before"]),
            tuple(evidence["after"]),
            None if correlations is None else (correlations[0], correlations[1]),
        ),
    )
