"""What the project's own gates say of a scene, and whether that is what a fault called for."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from schemas.errors import PerennialError
from schemas.metrics import KNOWN_LIMITS
from schemas.table import conform
from tests.benchmarks.faults.corpus import planted
from tests.benchmarks.faults.scene import Fault, Scene
from validators.evaluate import evidence_of, judged
from validators.protocol import Evidence

REFUSED = ("FAIL", "INVALID")
CONTRACT = "contract"
"""Stands for a metric where the contract itself is refused when it is read."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, the metrics that refused (in the order of the gates) and those that had too little to go by."""

    verdict: str
    refused: tuple[str, ...] = ()
    insufficient: tuple[str, ...] = ()
    values: dict[str, float | None] = field(default_factory=dict)
    seconds: float = 0.0

    def caught(self, fault: Fault) -> tuple[str, ...]:
        """The fault's own metrics among those that refused."""
        return tuple(name for name in fault.metrics if name in self.refused)


_SNAPSHOTS: dict[tuple[int, int, int, str], tuple[Scene, Evidence]] = {}
_MOST = 4
"""Real sides kept: the bases' are used by nearly all faults."""


def judge(scene: Scene, seed: int = 0) -> Judgement:
    """All gates on the scene; what is worked out from its real tables serves all candidates held against them."""
    started = time.perf_counter()
    typed = conform(scene.synthetic, scene.contract).table
    evidence = replace(_snapshot(scene, seed), synthetic=typed, raw_synthetic=scene.synthetic)
    evaluation = judged(evidence)
    real = (evidence.train, evidence.holdout, evidence.reference, evidence.spare)
    evidence.memo.keep_only(tuple(table for table in real if table is not None))
    return Judgement(
        verdict=evaluation.verdict,
        refused=_named(finding.metric for finding in evaluation.findings if finding.verdict in REFUSED),
        insufficient=_named(finding.metric for finding in evaluation.findings if finding.verdict == "INSUFFICIENT"),
        values={finding.metric: finding.value for finding in evaluation.findings},
        seconds=time.perf_counter() - started,
    )


def _snapshot(scene: Scene, seed: int) -> Evidence:
    """The evidence of these real tables under this contract, as ``evaluate`` would make it."""
    tables = (scene.train, scene.holdout, scene.reference)
    key = (id(tables[0]), id(tables[1]), id(tables[2]), f"{seed} {scene.contract.model_dump_json()}")
    if key not in _SNAPSHOTS:
        while len(_SNAPSHOTS) >= _MOST:
            del _SNAPSHOTS[next(reversed(_SNAPSHOTS))]
        made = evidence_of(
            scene.train, scene.holdout, scene.synthetic, scene.contract, seed, scene.reference, scene.related
        )
        # The scene is kept beside it, so that the identities of its tables stay taken.
        _SNAPSHOTS[key] = (scene, made)
    return _SNAPSHOTS[key][1]


def judge_fault(fault: Fault, seed: int = 0) -> "tuple[Scene | None, Judgement]":
    """The planted scene and its judgement; a contract that cannot be read is refused, and leaves no scene."""
    try:
        scene = planted(fault)
    except (ValidationError, PerennialError):
        return None, Judgement("INVALID", (CONTRACT,))
    return scene, judge(scene, seed)


def unmeasured(fault: Fault) -> bool:
    """True where none of the fault's metrics exists."""
    return not any(name in KNOWN_LIMITS or name == CONTRACT for name in fault.metrics)


def _named(metrics: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(metrics))
