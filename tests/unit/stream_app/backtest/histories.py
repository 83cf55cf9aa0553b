"""Small histories of known changes, and the contracts that they are replayed under."""

from typing import Any

import numpy as np
import pandas as pd

from schemas.contract import Categories, Column, Contract, Policy, Privacy, Range, Tier
from schemas.regeneration import Regeneration
from stream_app.backtest.history import History, history_of
from stream_app.backtest.replay import Replayed, Terms, replay

SHA = "a" * 64
ROWS, REFERENCE, CHANGE = 6_000, 2_000, 3_500
TERMS = Terms(window_rows=1_000)


def rows(count: int = ROWS, shift_at: int | None = CHANGE, seed: int = 1, minutes: int = 2) -> pd.DataFrame:
    """Independent rows, one every so many minutes; from ``shift_at`` on ``size`` lies a standard deviation higher."""
    rng = np.random.default_rng(seed)
    moved = np.arange(count) >= (count if shift_at is None else shift_at)
    return pd.DataFrame(
        {
            "at": pd.date_range("2026-01-01", periods=count, freq=f"{minutes}min"),
            "size": np.clip(rng.normal(moved * 1.0, 1, count), -10, 10).round(1),
            "kind": rng.choice(["a", "b", "c"], count),
        }
    )


def contract(valid_days: int = 90, approvals: tuple[str, ...] = (), timed: bool = True, **more: Any) -> Contract:
    """Fields of ``Privacy`` and ``Regeneration`` by their names; the rest as in a new contract."""
    privacy = {"scope": "sizes", "epsilon": "1", "cap_epsilon": "4"}
    privacy |= {name: more.pop(name) for name in list(more) if name in Privacy.model_fields}
    columns = (
        Column(name="at", type="timestamp", role="time" if timed else "ignored"),
        Column(name="size", type="number", domain=Range(lower=-10, upper=10, resolution=0.1, confirmed=True)),
        Column(name="kind", type="string", domain=Categories(values=("a", "b", "c"), confirmed=True)),
    )
    policy = Policy(
        privacy=Privacy.model_validate(privacy),
        tier=Tier.model_validate({"valid_days": valid_days, "approvals": approvals}),
        regeneration=Regeneration.model_validate(more),
    )
    return Contract(dataset="sizes", columns=columns, policy=policy)


def history(frame: pd.DataFrame, agreed: Contract) -> History:
    return history_of(frame, agreed, SHA, REFERENCE, 1_000)


def replayed(frame: pd.DataFrame, agreed: Contract, terms: Terms = TERMS) -> Replayed:
    return replay(history(frame, agreed), agreed, terms)
