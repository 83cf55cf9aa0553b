"""A fitted model that was never fitted: rows from a stated distribution, for tests of what happens around families."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from generators.domains.assembly import assembly_of
from generators.sampling.drawing import drawn
from schemas.contract import Categories, Column, Constraint, Contract, Policy, Privacy, Range, Scalar
from schemas.generation import Generation
from schemas.mechanism import Mechanism
from schemas.table import conform

SEX, RACE = ("f", "m"), ("a", "b", "c", "d", "e")


def contract(
    generation: Generation | None = None, text: bool = False, unique: bool = False, **policy: object
) -> Contract:
    columns = [
        Column(name="sex", type="string", required=True, domain=Categories(values=SEX, confirmed=True)),
        Column(name="race", type="string", domain=Categories(values=RACE, other=True, confirmed=True)),
        Column(name="age", type="integer", domain=Range(lower=0, upper=99, resolution=1, confirmed=True)),
        Column(name="day", type="date", required=True, domain=_days()),
        Column(name="spent", type="number", domain=Range(lower=0, upper=50, resolution=0.25, confirmed=True)),
        Column(name="member", type="boolean", domain=Categories(values=(False, True), confirmed=True)),
        Column(name="fraud", type="integer", required=True, domain=Categories(values=(0, 1), confirmed=True)),
    ]
    if unique:
        columns.append(_unique())
    if text:
        columns.insert(1, Column(name="note", type="string", role="text"))
    settings = {"generation": generation} if generation is not None else {}
    return Contract(
        dataset="test",
        columns=tuple(columns),
        policy=Policy(privacy=Privacy(scope="test"), target="fraud", **settings, **policy),  # type: ignore[arg-type]
    )


def _days() -> Range:
    return Range(lower=1_577_836_800, upper=1_609_372_800, resolution=86_400, confirmed=True)


def _unique() -> Column:
    domain = Range(lower=0, upper=999_999, resolution=1, confirmed=True)
    return Column(name="number", type="integer", required=True, unique=True, domain=domain)


@dataclass(frozen=True, slots=True)
class Invented:
    """Draws independent rows but for fraud (.8 % at f, 1.6 % at m) and membership (30 % at f, 60 % at m)."""

    contract: Contract
    rows: int = 1_000
    mechanisms: tuple[Mechanism, ...] = ()

    def sample(self, rows: int, seed: int, where: Mapping[str, tuple[Scalar, float]] | None = None) -> pd.DataFrame:
        grids = assembly_of(self.contract).grids
        return drawn(self._draw, rows, np.random.default_rng(seed), self.contract, grids, where)

    def to_bytes(self) -> bytes:
        return b""

    def _draw(self, rows: int, rng: np.random.Generator) -> pd.DataFrame:
        man = rng.random(rows) < 0.6
        age = rng.integers(18, 90, rows)
        frame = pd.DataFrame(
            {
                "sex": np.where(man, "m", "f"),
                "race": rng.choice([*RACE, "other"], rows, p=[0.6, 0.25, 0.1, 0.03, 0.01, 0.01]),
                "age": age,
                "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 366, rows), unit="D"),
                "spent": np.where(
                    rng.random(rows) < 0.1, np.nan, np.round(age / 4) * 0.25 + rng.integers(0, 40, rows) / 4
                ),
                "member": rng.random(rows) < np.where(man, 0.6, 0.3),
                "fraud": (rng.random(rows) < np.where(man, 0.016, 0.008)).astype(int),
                "number": rng.integers(0, 1_000_000, rows),
            }
        )
        return conform(frame, self.contract).table


def constraint() -> Constraint:
    return Constraint(left="spent", operator="<=", right="age")
