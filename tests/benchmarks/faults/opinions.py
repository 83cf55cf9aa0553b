"""What the peers say of a scene, remembered by the digest of everything that they were given."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.faults.scene import Scene
from tests.benchmarks.peers.ask import Answer, ask
from tests.benchmarks.peers.catalogue import PEERS, Peer
from tests.benchmarks.peers.environment import HERE

ASKED = ("sdmetrics", "mostlyai-qa", "syntheval")
NOTICEABLE = 0.02
"""A score must be worse than those of all fresh real tables by more than this."""


def opinion(peer: Peer, scene: Scene, cache: Path, remembered_only: bool = False) -> Answer | None:
    """The peer's answer on the scene's files; asked once for the same ones, unless it ran out of time.

    None where only a remembered answer is wanted and there is none.
    """
    tables, options = given(scene)
    kept = cache / f"{peer.name}-{_digest(peer, tables, options)}.json"
    if kept.is_file():
        return Answer(**json.loads(kept.read_text()))
    if remembered_only:
        return None
    answer = ask(peer, tables, options)
    if not answer.timed_out:
        cache.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(asdict(answer)))
    return answer


def given(scene: Scene) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """The scene's files, the holdout as long as train and in random order, and what a careful user says of them."""
    columns = scene.columns
    tables = {"train": scene.train[columns], "holdout": _holdout(scene)[columns], "synthetic": scene.synthetic}
    policy = scene.contract.policy
    options: dict[str, Any] = {
        "categorical": scene.categorical,
        "target": policy.target,
        "keys": [column.name for column in scene.contract.modelled if column.unique],
        "sequence": None if policy.sequence is None else policy.sequence.entity,
    }
    return tables, options


def _holdout(scene: Scene) -> pd.DataFrame:
    """As many random rows as train has, or as many random entities with keys counted from one, as the others' are."""
    rng = np.random.default_rng(0)
    sequence = scene.contract.policy.sequence
    if sequence is None:
        return scene.holdout.iloc[rng.permutation(len(scene.holdout))[: len(scene.train)]].reset_index(drop=True)
    entities = rng.permutation(scene.holdout[sequence.entity].unique())[: scene.train[sequence.entity].nunique()]
    held = scene.holdout[scene.holdout[sequence.entity].isin(entities)].reset_index(drop=True)
    keys = [sequence.entity, *(column.name for column in scene.contract.modelled if column.unique)]
    return held.assign(**{name: held[name].rank(method="dense").astype("int64") for name in keys})


def _digest(peer: Peer, tables: Mapping[str, pd.DataFrame], options: Mapping[str, Any]) -> str:
    seen = hashlib.sha256(json.dumps([peer.version, peer.rows, options], sort_keys=True).encode())
    for name in (peer.runner, f"requirements-{peer.name}.txt"):
        seen.update((HERE / name).read_bytes())
    for name, table in sorted(tables.items()):
        seen.update(f"{name} {[(str(column), str(kind)) for column, kind in table.dtypes.items()]}".encode())
        text = table.astype({column: str for column in table if table[column].dtype == object})
        seen.update(pd.util.hash_pandas_object(text, index=False).to_numpy().tobytes())
    return seen.hexdigest()[:24]


def noticed(peer: Peer, answer: Answer, fresh: "list[Answer]") -> dict[str, tuple[float, float]]:
    """The scores that are worse than on every fresh table by more than ``NOTICEABLE``, with that of the closest one.

    A score that the fresh tables have and this one lacks is not counted.
    """
    found = {}
    for name, score in answer.scores.items():
        usual = [other.scores[name] for other in fresh if name in other.scores]
        if not usual:
            continue
        if name in peer.lower_is_better:
            closest, worse = max(usual), score - max(usual)
        else:
            closest, worse = min(usual), min(usual) - score
        if worse > NOTICEABLE:
            found[name] = (closest, score)
    return found


def peers() -> tuple[Peer, ...]:
    """The peers that are asked about every fault."""
    return tuple(PEERS[name] for name in ASKED)
