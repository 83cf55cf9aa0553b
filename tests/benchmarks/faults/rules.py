"""Faults of keys, references, times and sequences, and of what a person decided."""

import numpy as np
import pandas as pd

from schemas.usage import Usage
from tests.benchmarks.faults.scene import Fault, Scene

Rng = np.random.Generator
SCHEMA = ("schema_violations",)


def duplicated_keys(scene: Scene, rng: Rng) -> Scene:
    """1 % of the payments carry the key of another."""
    rows = scene.some(0.01, rng)
    return scene.setting_at(rows, "payment", scene.synthetic["payment"].to_numpy()[rows - 1])


def orphaned_references(scene: Scene, rng: Rng) -> Scene:
    """1 % of the payments happened at terminals that the table of terminals does not have."""
    rows = scene.some(0.01, rng)
    return scene.setting_at(rows, "terminal", int(scene.related["terminals"]["terminal_id"].max()) + 1 + rows)


def future_dates(scene: Scene, rng: Rng) -> Scene:
    """1 % of the payments are settled in the year 2031."""
    rows = scene.some(0.01, rng)
    return scene.setting_at(rows, "settled", np.datetime64("2031-01-01", "us"))


def end_before_start(scene: Scene, rng: Rng) -> Scene:
    """1 % of the payments are settled a day before they happen."""
    rows = scene.some(0.01, rng)
    return scene.setting_at(rows, "settled", scene.synthetic["at"].to_numpy()[rows] - np.timedelta64(1, "D"))


def negative_amounts(scene: Scene, rng: Rng) -> Scene:
    """1 % of the amounts are below zero."""
    rows = scene.some(0.01, rng)
    return scene.setting_at(rows, "amount", -scene.synthetic["amount"].to_numpy()[rows])


def time_zones_mixed(scene: Scene, rng: Rng) -> Scene:
    """Half of the times are written with an offset of two hours, half without any zone."""
    at = scene.synthetic["at"]
    plain = at.dt.strftime("%Y-%m-%dT%H:%M:%S")
    local = (at + pd.Timedelta(hours=2)).dt.strftime("%Y-%m-%dT%H:%M:%S+02:00")
    return scene.setting(at=plain.where(rng.random(len(at)) < 0.5, local))


def sequences_shuffled(scene: Scene, rng: Rng) -> Scene:
    """Within each account the payments keep their times and change places, so running totals go up and down."""
    order = pd.Series(rng.random(len(scene.synthetic)))
    ordered = scene.synthetic.sort_values(["account", "at"], kind="stable")
    mixed = scene.synthetic.assign(_order=order).sort_values(["account", "_order"], kind="stable")
    moved = ["terminal", "amount", "spent"]
    shuffled = ordered.assign(**{name: mixed[name].to_numpy() for name in moved})
    return scene.releasing(shuffled.sort_index())


def accounts_reassigned(scene: Scene, rng: Rng) -> Scene:
    """Payments are dealt out to the accounts anew: each account still has eight, of eight different people."""
    return scene.setting(account=rng.permutation(scene.synthetic["account"].to_numpy()))


def high_risk_loosened(scene: Scene, rng: Rng) -> Scene:
    """A contract of high risk sets a limit looser than the default; it is refused when it is read."""
    usage = (scene.contract.policy.usage or Usage()).model_dump() | {"risk": "high"}
    return scene.deciding(usage=usage, limits={"detection_auc": 0.99})


def external_without_policy(scene: Scene, rng: Rng) -> Scene:
    """A release for an external tier, of which nobody has decided purpose, consumers, retention or approvals."""
    return scene.deciding(usage=None, tier={"name": "external"})


TIMES = ("sequence_fidelity",)
POLICY = ("policy_breaches", "contract")
FAULTS = (
    Fault("payments", duplicated_keys, SCHEMA),
    Fault("payments", orphaned_references, ("reference_violations",)),
    Fault("payments", future_dates, ("future_dates",)),
    Fault("payments", end_before_start, SCHEMA),
    Fault("payments", negative_amounts, SCHEMA),
    Fault("payments", time_zones_mixed, SCHEMA),
    Fault("payments", sequences_shuffled, TIMES),
    Fault("payments", accounts_reassigned, TIMES),
    Fault("adult", high_risk_loosened, POLICY),
    Fault("adult", external_without_policy, POLICY),
)
