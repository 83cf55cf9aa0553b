"""A contract with every kind of column whose rows are counted on public bins, and rows of it that drift."""

import numpy as np
import pandas as pd

from schemas.contract import Categories, Column, Contract, Dependency, Policy, Privacy, PrivacyUnit, Range
from schemas.generation import Generation
from schemas.table import conform


def streamed(unit: PrivacyUnit | None = None, epsilon: str = "1") -> Contract:
    columns = [
        Column(name="city", type="string", required=True, domain=_letters(6)),
        Column(name="country", type="string", required=True, domain=Categories(values=("x", "y"), confirmed=True)),
        Column(name="shop", type="string", domain=_letters(300, other=True)),
        Column(name="amount", type="number", domain=Range(lower=0, upper=5_000, resolution=0.01, confirmed=True)),
        Column(name="age", type="integer", domain=Range(lower=17, upper=90, resolution=1, confirmed=True)),
        Column(name="rating", type="integer", domain=Categories(values=(1, 2, 5), confirmed=True)),
        Column(name="member", type="boolean", required=True, domain=Categories(values=(False, True), confirmed=True)),
        Column(name="day", type="date", required=True, domain=_days()),
        Column(name="late", type="integer", required=True, domain=Categories(values=(0, 1), confirmed=True)),
    ]
    if unit is not None:
        columns.append(Column(name=str(unit.column), type="string", role="entity"))
    table = tuple((f"v{place}", "xy"[place % 2]) for place in range(6))
    policy = Policy(
        privacy=Privacy(scope="test", epsilon=epsilon, unit=unit or PrivacyUnit()),
        target="late",
        dependencies=(Dependency(determinants=("city",), dependent="country", table=table),),
        triples=(("city", "member", "late"),),
        generation=Generation(counts="public_bins"),
    )
    return Contract(dataset="orders", columns=tuple(columns), policy=policy)


def _letters(count: int, other: bool = False) -> Categories:
    return Categories(values=tuple(f"v{place}" for place in range(count)), other=other, confirmed=True)


def _days() -> Range:
    return Range(lower=1_356_998_400, upper=1_388_448_000, resolution=86_400, confirmed=True)


def raw_rows(rows: int, seed: int = 0, moved: float = 0.0) -> pd.DataFrame:
    """As a stream brings them: some cells are missing, and some values no contract knows."""
    rng = np.random.default_rng(seed)
    late = rng.random(rows) < 0.2 + moved
    city = rng.integers(0, 6, rows)
    amount = np.round(np.exp(rng.normal(3 + late, 1, rows)), 2)
    frame = pd.DataFrame(
        {
            "city": [f"v{place}" for place in city],
            "country": ["xy"[place % 2] for place in city],
            "shop": [f"v{place}" for place in np.minimum(rng.geometric(0.03, rows), 320)],
            "amount": np.where(rng.random(rows) < 0.05, np.nan, np.where(amount > 4_000, 9_999, amount)),
            "age": rng.integers(15, 95, rows),
            "rating": rng.choice([1, 2, 5], rows),
            "member": rng.random(rows) < 0.4 + 0.3 * late,
            "day": pd.Timestamp("2013-01-01") + pd.to_timedelta(rng.integers(0, 360, rows), unit="D"),
            "late": late.astype(int),
        }
    )
    frame.loc[rng.random(rows) < 0.02, "age"] = None
    return frame


def typed_rows(contract: Contract, rows: int, seed: int = 0, moved: float = 0.0) -> pd.DataFrame:
    frame = raw_rows(rows, seed, moved)
    unit = contract.policy.privacy.unit.column
    if unit is not None:
        frame[unit] = [f"p{place % 97}" for place in range(rows)]
    return conform(frame, contract, roles=("modelled", "entity")).table
